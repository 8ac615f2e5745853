"""Crystals of one material scatter alike everywhere: an upper bound on the amplitude inside the support.

Strain bends the phase and leaves the amplitude flat, so that of the objects that fit the counts nearly as
well as the crystal does, most are told by their bright spots. The set `|x| ≤ c` inside the support and 0
outside is convex; its projection scales each voxel by a number from 0 to 1.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sayre.retrieval.engine.arrays.kernels import LEAST, intensity, relax

CEILINGS = (0.5, 100.0)
"""What a ceiling must be above, and may be at most, in plateaus: under half of one nothing is left of it."""


def indices(support: Tensor) -> Tensor:
    """Where bool `(batch, *shape)` supports are, int64 and rising, in the flat array of all starts."""
    return support.flatten().nonzero().flatten()


def plateau(squares: Tensor) -> Tensor:
    """Amplitude where an object is flat, √(Σ|x|⁴ / Σ|x|²), from its `|x|²`; dark voxels hardly move it."""
    return (torch.dot(squares, squares) / squares.sum().clamp_(min=1e-30)).sqrt_()


def relax_below(
    x: Tensor, p: Tensor, support: Tensor, inside: Tensor, ceiling: float, beta: float | None
) -> None:
    """Hybrid input-output towards the set under a ceiling, or with `beta` None its projection of `p`.

    `x = p` where `p` is in the set, else `x − β (p − P p)`: outside the support that of the plain algorithm.

    Parameters
    ----------
    x, p, support
        As `sayre.retrieval.engine.arrays.kernels.relax` takes them; `x` is changed in place.
    inside
        From `indices`.
    ceiling
        In plateaus of each object of `p` inside its support.
    """
    flat = x.flatten()
    old, new = flat[inside], p.flatten()[inside]
    squares = intensity(new)
    scale = _ceilings(squares, inside, p, ceiling).div(squares.sqrt_().clamp_(min=LEAST)).clamp_(max=1)
    if beta is None:
        relax(x, p, support, 0.0, 0.0)
        flat[inside] = new * scale
    else:
        relax(x, p, support, 1.0, -beta)
        flat[inside] = torch.where(scale < 1, old - new * (beta - beta * scale), new)


def _ceilings(squares: Tensor, inside: Tensor, p: Tensor, ceiling: float) -> Tensor:
    """For each voxel inside, or one for all."""
    if len(p) == 1:
        return ceiling * plateau(squares)
    edges = torch.arange(len(p) + 1, device=p.device) * p[0].numel()
    counts = torch.searchsorted(inside, edges).diff().tolist()
    levels = [ceiling * plateau(part).expand(len(part)) for part in torch.split(squares, counts)]
    return torch.cat(levels)
