"""The loss against measured counts, and the error that is judged by.

A network states `log(1 + λ)` of expected counts λ, but the mean of `log(1 + n)` of the counts n that are
measured is less: by up to 0.13, near two counts. Trained on the latter as they are it would learn to fill too
dim. So its output is compared as the mean of `log(1 + n)` that it implies.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from sayre.numerics.poisson import mean_of_log, variance_of_log

SPREAD = 0.05
"""Weight of the likelihood of the stated error, as in the training of the network."""
_LAST, _POINTS = float(np.log1p(999.0)), 400


class Batch(NamedTuple):
    """Windows, each `(batch, depth, rows, columns)`.

    Attributes
    ----------
    channels
        What the network sees: the arrays of a `Volume`.
    target
        `log(1 + n)` of measured counts.
    wanted
        1 in voxels that count, 0 in the others.
    """

    channels: tuple[Tensor, ...]
    target: Tensor
    wanted: Tensor


@lru_cache(maxsize=1)
def _tables() -> tuple[Tensor, Tensor]:
    x = np.linspace(0, _LAST, _POINTS, dtype=np.float32)
    return torch.from_numpy(mean_of_log(x)), torch.from_numpy(variance_of_log(x))


def _looked_up(table: Tensor, x: Tensor) -> Tensor:
    place = (x * ((_POINTS - 1) / _LAST)).clamp(0, _POINTS - 1.001)
    index = place.detach().long()
    table = table.to(x.device)
    return torch.lerp(table[index], table[index + 1], place - index)


def expected_log(x: Tensor) -> Tensor:
    """Mean of `log(1 + n)` of Poisson counts n of mean λ, for `x = log(1 + λ)`, at least 0."""
    x = x.clamp(min=0)
    return torch.where(x < _LAST, _looked_up(_tables()[0], x), x)


def scatter_of_log(x: Tensor) -> Tensor:
    """Variance of `log(1 + n)`, for `x = log(1 + λ)`."""
    x = x.clamp(min=0)
    return torch.where(x < _LAST, _looked_up(_tables()[1], x), torch.exp(-x))


def squared_errors(mean: Tensor, batch: Batch) -> Tensor:
    """Squared differences of the measured `log(1 + n)` from its mean that a prediction implies.

    Parameters
    ----------
    mean
        `log(1 + λ)` as the network states it.
    batch
        With the measured counts.
    """
    return (expected_log(mean) - batch.target).square()


def tuning_loss(mean: Tensor, log_variance: Tensor, batch: Batch) -> Tensor:
    """Compute the loss of a batch: that of the training, with the bias of logarithms taken off.

    Parameters
    ----------
    mean, log_variance
        Output of the network.
    batch
        The windows.
    """
    axes = tuple(range(1, mean.ndim))
    count = batch.wanted.sum(axes).clamp(min=1)
    squared = squared_errors(mean, batch)
    first = squared_errors(batch.channels[0], batch)
    yardstick = (first * batch.wanted).sum(axes) / count
    error = ((squared * batch.wanted).sum(axes) / count / (yardstick + 1e-3).sqrt()).mean()
    variance = log_variance.exp() + scatter_of_log(mean.detach())
    likelihood = (variance.log() + squared.detach() / variance) * batch.wanted
    return torch.as_tensor(error + SPREAD * likelihood.sum() / (2 * batch.wanted.sum().clamp(min=1)))
