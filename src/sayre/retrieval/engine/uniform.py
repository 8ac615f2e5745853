"""The uniform-density constraint: an upper bound on the amplitude inside the support.

A crystal of one material has the same scattering density everywhere: strain changes its phase and leaves its
amplitude uniform. Most wrong objects that fit the counts nearly as well have bright spots, which the bound
excludes. The set of objects with `|x| ≤ c` inside the support and 0 outside is convex; the projection on it
multiplies each voxel by a number from 0 to 1.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sayre.retrieval.engine.arrays.kernels import LEAST, intensity, relax

CEILINGS = (0.5, 100.0)
"""Range of the ceiling, in plateau amplitudes: above the first number, at most the second."""


def indices(support: Tensor) -> Tensor:
    """Return the ascending int64 indices of `(batch, *shape)` supports in the flat array of all starts."""
    return support.flatten().nonzero().flatten()


def plateau(squares: Tensor) -> Tensor:
    """Compute the plateau amplitude √(Σ|x|⁴ / Σ|x|²) of an object from its `|x|²`.

    It is the amplitude of a uniform object; dark voxels hardly change it.
    """
    return (torch.dot(squares, squares) / squares.sum().clamp_(min=1e-30)).sqrt_()


def relax_below(
    x: Tensor, p: Tensor, support: Tensor, inside: Tensor, ceiling: float, beta: float | None
) -> None:
    """Do the object-space step of HIO, or of ER where `beta` is None, with a ceiling on the amplitude.

    With P the projection on the set of objects under the ceiling, HIO is `x = p` where `p` is in the set and
    `x − β (p − P p)` elsewhere, which outside the support is the step without a ceiling; ER is `x = P p`.

    Parameters
    ----------
    x, p, support
        As in `sayre.retrieval.engine.arrays.kernels.relax`; `x` is changed in place.
    inside
        int64, indices of the support from `indices`.
    ceiling
        Largest amplitude, in plateau amplitudes of each object of `p` inside its support.
    beta
        Feedback of HIO; None for ER.
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
    """Compute the largest amplitude of each voxel inside, or one for all where there is one object."""
    if len(p) == 1:
        return ceiling * plateau(squares)
    edges = torch.arange(len(p) + 1, device=p.device) * p[0].numel()
    counts = torch.searchsorted(inside, edges).diff().tolist()
    levels = [ceiling * plateau(part).expand(len(part)) for part in torch.split(squares, counts)]
    return torch.cat(levels)
