"""What networks are trained towards."""

from __future__ import annotations

import torch
from torch import Tensor


def mean_and_spread_loss(
    mean: Tensor, log_variance: Tensor, target: Tensor, wanted: Tensor, noise: Tensor, linear: Tensor
) -> tuple[Tensor, Tensor]:
    """Squared error of the mean and Gaussian likelihood of the spread, both over wanted voxels.

    The squared error of each window is divided by the square root of linear interpolation's, so that
    hard windows count for more but do not drown the rest. The likelihood takes the error as given: its
    gradient does not reach the mean (Seitzer et al., ICLR 2022, on why it should not).

    Parameters
    ----------
    mean, log_variance, target, wanted, noise, linear
        `(batch, ...)`; `noise` is the known variance of `target`, `linear` the linear fill.

    Returns
    -------
    Two scalars: error, likelihood.
    """
    axes = tuple(range(1, mean.ndim))
    count = wanted.sum(axes).clamp(min=1)
    squared = ((mean - target) ** 2 * wanted).sum(axes) / count
    yardstick = ((linear - target) ** 2 * wanted).sum(axes) / count
    error = (squared / (yardstick + 1e-3).sqrt()).mean()
    residual = (mean.detach() - target) ** 2
    variance = log_variance.exp() + noise
    likelihood = ((variance.log() + residual / variance) * wanted).sum() / (2 * wanted.sum().clamp(min=1))
    return error, torch.as_tensor(likelihood)
