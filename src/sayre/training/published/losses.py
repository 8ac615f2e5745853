"""The weighted coherent average: how well phases agree, whatever their offset and whichever the twin."""

from __future__ import annotations

import torch
from torch import Tensor


def coherent_average(phase: Tensor, truth: Tensor, weights: Tensor) -> Tensor:
    """`|Σ w exp(i (truth − phase))|`, w normalised to sum 1: 1 where they agree, about 0 for random phases.

    The larger of that with `truth` and with `−truth`, the phase of the conjugate twin. An offset drops out in
    the modulus, and so do multiples of 2π; a translation does not (see `features.target`).

    Parameters
    ----------
    phase, truth
        rad, `(batch, …)`.
    weights
        Same shape, not negative: the scaled `log(1 + I)` as published.

    Returns
    -------
    float32 `(batch,)`, or float64 if `phase` is.
    """
    w = weights / weights.flatten(1).sum(1).clamp(min=1e-30).reshape(-1, *(1,) * (weights.ndim - 1))
    return torch.maximum(*(_modulus(sign * truth - phase, w) for sign in (1, -1)))


def wca_loss(phase: Tensor, truth: Tensor, weights: Tensor) -> Tensor:
    """1 less the coherent average, the mean over the batch."""
    return (1 - coherent_average(phase, truth, weights)).mean()


def _modulus(difference: Tensor, w: Tensor) -> Tensor:
    even, odd = ((w * part).flatten(1).sum(1) for part in (difference.cos(), difference.sin()))
    return torch.complex(even, odd).abs()  # whose gradient at 0 is 0, that of hypot NaN
