"""Element-wise steps of an iteration, in place.

A step consists of several torch operations. Over blocks that fit the processor's cache they cost one pass
over memory, as in a compiled kernel. On a GPU the block is the whole array.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

BLOCK = 1 << 16
"""Voxels of a block for each CPU thread: a block's arrays together fill about 2 MiB."""
LEAST = 1e-15
"""Least amplitude in a denominator."""


def block() -> int:
    """Return the number of voxels that a CPU handles at once."""
    return BLOCK * torch.get_num_threads()


def intensity(field: Tensor) -> Tensor:
    """Compute `|field|²` as float32, in the same order in memory."""
    squares = torch.view_as_real(field).square()
    return squares[..., 0] + squares[..., 1]


def intensities(field: Tensor) -> Tensor:
    """Compute `|field|²` of a contiguous array as float32 or float64, part by part."""
    squares = torch.empty(field.shape, dtype=field.real.dtype, device=field.device)
    for part, out in in_parts(field, squares):
        torch.add(*torch.view_as_real(part).square().unbind(-1), out=out)
    return squares


def in_parts(*arrays: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Yield the parts of contiguous arrays of one shape that a device handles at once, flattened."""
    first = arrays[0]
    size = block() if first.device.type == "cpu" else max(first.numel(), 1)
    yield from zip(*(torch.split(array.flatten(), size) for array in arrays), strict=True)


def moduli(x: Tensor) -> Tensor:
    """Compute `|x|` of a contiguous array as float32, without the complex intermediate of `torch.abs`."""
    if not x.is_complex():
        return x.abs()
    moduli = torch.empty(x.shape, dtype=torch.float32, device=x.device)
    for part, out in in_parts(x, moduli):
        out.copy_(intensity(part).sqrt_())
    return moduli


def half_deviance(calculated: Tensor, counts: Tensor) -> Tensor:
    """Compute half the Poisson deviance of each voxel, `λ − n − n log(λ/n)`.

    The terms are as large as the counts, but the deviance is about ½. It is therefore computed by `log1p` of
    the relative difference, of which single precision keeps three digits at 1e8 counts. In the logarithm λ is
    at least 0.001.

    Parameters
    ----------
    calculated
        Calculated intensity λ, not negative.
    counts
        Measured counts n, broadcast to its shape.
    """
    bounded, floor = calculated.clamp(min=1e-3), counts.clamp(min=1e-12)
    apart = (bounded - counts) / floor
    log = torch.where(apart.abs() < 0.5, apart.log1p(), (bounded / floor).log())
    deviance = counts * (apart - log) + (calculated - bounded)
    return torch.where(counts > 0, deviance, calculated)


def clamping(modulus: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
    """Compute the factors that bring each modulus into `[lower, upper]`, finite where it is 0.

    Parameters
    ----------
    modulus
        float32, overwritten.
    lower, upper
        float32, broadcast to its shape, `0 ≤ lower ≤ upper`; `upper` may be infinite.
    """
    return modulus.clamp(lower, upper).div_(modulus.clamp_(min=LEAST))


def cut(x: Tensor, support: Tensor) -> Tensor:
    """Set `x` to 0 outside the support, in place.

    Parameters
    ----------
    x
        complex64 `(batch, *shape)`, changed and returned.
    support
        bool of the same shape.
    """
    return x.masked_fill_(~support, 0)


def relax(x: Tensor, p: Tensor, support: Tensor, keep: float, add: float) -> None:
    """Set `x = p` inside the support and `x = keep · x + add · p` outside, in place.

    Parameters
    ----------
    x, p
        complex64 `(batch, *shape)`, contiguous; `x` is changed.
    support
        bool, of the same shape.
    keep, add
        Factors of `x` and `p` outside the support.
    """
    for now, new, inside in in_parts(x, p, support):
        if keep == 0:
            torch.mul(new, add, out=now)
        else:
            if keep != 1:
                now.mul_(keep)
            if add != 0:
                now.add_(new, alpha=add)
        torch.where(inside, new, now, out=now)
