"""The weighted coherent average, which compares phases regardless of their offset and of the twin."""

from __future__ import annotations

import torch
from torch import Tensor


def coherent_average(phase: Tensor, truth: Tensor, weights: Tensor) -> Tensor:
    """Compute `|Σ w exp(i (truth − phase))| / Σ w`, for the true phase or that of the conjugate twin.

    It is 1 for equal phases and about 0 for random ones. An offset and multiples of 2π have no effect; a
    translation has (see `sayre.retrieval.learned.phase_features.target`).

    Parameters
    ----------
    phase, truth
        rad, float `(batch, …)`.
    weights
        Weights w, same shape, not negative: the scaled `log(1 + I)` as published.

    Returns
    -------
    The larger of the averages with `truth` and with `−truth`, float32 `(batch,)`, or float64 if `phase` is.
    """
    w = weights / weights.flatten(1).sum(1).clamp(min=1e-30).reshape(-1, *(1,) * (weights.ndim - 1))
    return torch.maximum(*(_modulus(sign * truth - phase, w) for sign in (1, -1)))


def wca_loss(phase: Tensor, truth: Tensor, weights: Tensor) -> Tensor:
    """Compute 1 less the coherent average.

    Parameters
    ----------
    phase, truth, weights
        As `coherent_average` takes them.

    Returns
    -------
    Mean over the batch.
    """
    return (1 - coherent_average(phase, truth, weights)).mean()


def _modulus(difference: Tensor, w: Tensor) -> Tensor:
    """Compute the modulus of the weighted sum of the phase factors of each sample."""
    even, odd = ((w * part).flatten(1).sum(1) for part in (difference.cos(), difference.sin()))
    return torch.complex(even, odd).abs()  # its gradient at 0 is 0; that of hypot is NaN
