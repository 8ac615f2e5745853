"""Copies of centred arrays whose origin is at index 0."""

from __future__ import annotations

from itertools import product

import torch
from torch import Tensor

from sayre.retrieval.engine.packed import Mask, Objects


def to_corner(array: Objects | Mask, out: Tensor) -> None:
    """Copy a centred array to a tensor whose origin is at index 0: `ifftshift` without another array.

    Parameters
    ----------
    array
        complex64 or bool, centred: its origin is at `n // 2`.
    out
        Tensor of the same shape that is overwritten.
    """
    places = [
        ((slice(n // 2, None), slice(n - n // 2)), (slice(n // 2), slice(n - n // 2, None)))
        for n in array.shape
    ]
    for part in product(*places):
        centred, cornered = zip(*part, strict=True)
        out[cornered].copy_(torch.from_numpy(array[centred]))
