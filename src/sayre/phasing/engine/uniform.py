"""Crystals of one material scatter alike everywhere: an upper bound on the amplitude inside the support.

Strain bends the phase and leaves the amplitude flat, so that of the objects that fit the counts nearly as
well as the crystal does, most are told by their bright spots. The set `|x| ≤ c` inside the support and 0
outside is convex; its projection scales each voxel by a number from 0 to 1.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sayre.phasing.engine.kernels import block, intensity

CEILINGS = (0.5, 100.0)
"""What a ceiling must be above, and may be at most, in plateaus: under half of one nothing is left of it."""


def plateau(p: Tensor, support: Tensor) -> Tensor:
    """Amplitude of each object where it is flat, `(batch,)`: √(Σ|p|⁴ / Σ|p|²); dark voxels hardly move it."""
    levels = []
    for row, inside in zip(p.flatten(1), support.flatten(1), strict=True):
        second, fourth = torch.zeros(2, dtype=torch.float64, device=p.device)
        size = block() if p.device.type == "cpu" else len(row)
        for part, where in zip(row.split(size), inside.split(size), strict=True):
            squares = intensity(part).mul_(where)
            second += squares.sum(dtype=torch.float64)
            fourth += squares.square_().sum(dtype=torch.float64)
        levels.append((fourth / second.clamp(min=1e-30)).sqrt().float())
    return torch.stack(levels)


def relax_below(x: Tensor, p: Tensor, support: Tensor, ceiling: Tensor, beta: float | None) -> None:
    """Hybrid input-output towards the set under `ceiling`, or with `beta` None its projection of `p`.

    `x = p` where `p` is in the set, else `x − β (p − P p)`: outside the support that of the plain algorithm.

    Parameters
    ----------
    x, p, support
        As `sayre.phasing.engine.kernels.relax` takes them; `x` is changed in place.
    ceiling
        float32 `(batch,)`.
    """
    for now, new, inside, top in zip(x.flatten(1), p.flatten(1), support.flatten(1), ceiling, strict=True):
        size = block() if x.device.type == "cpu" else len(now)
        for a, b, s in zip(now.split(size), new.split(size), inside.split(size), strict=True):
            modulus = intensity(b).sqrt_().clamp_(min=1e-30)
            scale = (top / modulus).clamp_(max=1).mul_(s)
            if beta is None:
                torch.mul(b, scale, out=a)
            else:
                torch.where(scale < 1, a - b * scale.neg().add_(1).mul_(beta), b, out=a)
