"""Element-wise steps of an iteration, in place, in blocks that fit the processor's cache.

A step is several torch operations; over blocks they cost one pass over memory, as a compiled kernel would,
with no compiler. On a GPU the block is the whole array.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

BLOCK = 1 << 16
"""Voxels of a block for each CPU thread: a block's arrays together fill about 2 MiB."""


def clamp_modulus(field: Tensor, lower: Tensor, upper: Tensor) -> None:
    """Bring `|field|` into `[lower, upper]`, keeping its phase.

    Parameters
    ----------
    field
        complex64 `(batch, *shape)`, contiguous, changed in place; zeros stay zeros.
    lower, upper
        float32 of `shape`, `0 ≤ lower ≤ upper`; `upper` may be infinite.
    """
    flat, low, high = field.flatten(1), lower.flatten(), upper.flatten()
    for row in flat:
        for block in _blocks(row):
            _clamp(row[block], low[block], high[block])


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
    for block in _blocks(x):
        _relax(x[block], p[block], support[block].float(), keep, add)


def _clamp(field: Tensor, lower: Tensor, upper: Tensor) -> None:
    parts = torch.view_as_real(field)
    re, im = parts[:, 0], parts[:, 1]
    modulus = (re * re).addcmul_(im, im).sqrt_()
    scale = modulus.clamp(lower, upper).div_(modulus.clamp_(min=1e-30))
    field.mul_(scale)


def _relax(x: Tensor, p: Tensor, inside: Tensor, keep: float, add: float) -> None:
    if keep == 0:
        x.zero_()
    else:
        x.mul_((1 - inside).mul_(keep))
    x.add_(p * inside.mul_(1 - add).add_(add))


def _blocks(flat: Tensor) -> Iterator[slice]:
    size = BLOCK * torch.get_num_threads() if flat.device.type == "cpu" else len(flat)
    for first in range(0, len(flat), size):
        yield slice(first, first + size)
