"""Element-wise steps of an iteration, in place.

A step is several torch operations; over blocks that fit the processor's cache they cost one pass over memory,
as a compiled kernel would, with no compiler. On a GPU the block is the whole array.
"""

from __future__ import annotations

import torch
from torch import Tensor

BLOCK = 1 << 16
"""Voxels of a block for each CPU thread: a block's arrays together fill about 2 MiB."""
LEAST = 1e-15
"""Amplitude that is divided by at least."""


def block() -> int:
    """Voxels that a CPU handles at once."""
    return BLOCK * torch.get_num_threads()


def intensity(field: Tensor) -> Tensor:
    """`|field|²`, float32, of the same order in memory."""
    squares = torch.view_as_real(field).square()
    return squares[..., 0] + squares[..., 1]


def moduli(x: Tensor) -> Tensor:
    """`|x|`, float32, of a contiguous array; torch's own takes a complex one in between."""
    if not x.is_complex():
        return x.abs()
    found = torch.empty(x.shape, dtype=torch.float32, device=x.device)
    size = block() if x.device.type == "cpu" else x.numel()
    for part, out in zip(torch.split(x.flatten(), size), torch.split(found.flatten(), size), strict=True):
        out.copy_(intensity(part).sqrt_())
    return found


def clamping(modulus: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
    """Factors that bring each modulus into `[lower, upper]`, finite where it is 0.

    Parameters
    ----------
    modulus
        float32, overwritten.
    lower, upper
        float32 that broadcast to it, `0 ≤ lower ≤ upper`; `upper` may be infinite.
    """
    return modulus.clamp(lower, upper).div_(modulus.clamp_(min=LEAST))


def cut(x: Tensor, support: Tensor) -> Tensor:
    """`x`, in place, with 0 outside the bool `support`."""
    return x.masked_fill_(~support, 0)


def relax(x: Tensor, p: Tensor, support: Tensor, keep: float, add: float) -> None:
    """`x = p` inside the support, `x = keep · x + add · p` outside.

    Parameters
    ----------
    x, p
        complex64 `(batch, *shape)`, contiguous; `x` is changed in place.
    support
        bool, `(batch, *shape)`.
    """
    x, p, support = x.flatten(), p.flatten(), support.flatten()
    size = block() if x.device.type == "cpu" else len(x)
    parts = (torch.split(a, size) for a in (x, p, support))
    for now, new, inside in zip(*parts, strict=True):
        if keep == 0:
            torch.mul(new, add, out=now)
        else:
            if keep != 1:
                now.mul_(keep)
            if add != 0:
                now.add_(new, alpha=add)
        torch.where(inside, new, now, out=now)
