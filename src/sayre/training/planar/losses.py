"""The losses that section 4.3.2 of Masto's thesis compares.

All take the output of a network, the right output, both float32 `(batch, rows, columns)` scaled to [0, 1],
and the gap, bool of the same shape. Outside the gap the output is replaced by what was measured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]

WINDOW, SPREAD = 11, 1.5
"""Pixels and standard deviation of the window of the structural similarity, the defaults of TensorFlow."""
STABLE = (0.01**2, 0.03**2)
"""Its constants at a range of 1."""


def squared_error(predicted: Tensor, truth: Tensor, gap: Tensor) -> Tensor:
    """Compute the mean squared error in the gap.

    Parameters
    ----------
    predicted, truth, gap
        See the module.
    """
    return _mean((predicted - truth) ** 2, gap)


def absolute_error(predicted: Tensor, truth: Tensor, gap: Tensor) -> Tensor:
    """Compute the mean absolute error in the gap.

    Parameters
    ----------
    predicted, truth, gap
        See the module.
    """
    return _mean((predicted - truth).abs(), gap)


def dissimilarity(predicted: Tensor, truth: Tensor, gap: Tensor) -> Tensor:
    """Compute 1 less the structural similarity of the filled pattern, averaged over its whole windows.

    It is a small difference of large squares, and so computed in double precision.

    Parameters
    ----------
    predicted, truth, gap
        See the module.
    """
    filled = torch.where(gap, predicted, truth)
    exact = torch.stack([filled, truth]).double()
    a, b, aa, bb, ab = _windowed(torch.cat([exact, exact**2, exact.prod(0, keepdim=True)]))
    first, second = STABLE
    means = (2 * a * b + first) / (a**2 + b**2 + first)
    spreads = (2 * (ab - a * b) + second) / (aa - a**2 + bb - b**2 + second)
    similarity: Tensor = means * spreads
    return (1 - similarity.mean()).to(predicted.dtype)


def gradient_error(predicted: Tensor, truth: Tensor, gap: Tensor) -> Tensor:
    """Compute the mean squared error of differences of neighbours in the gap or at its edge, on both axes.

    Parameters
    ----------
    predicted, truth, gap
        See the module.
    """
    error = torch.where(gap, predicted - truth, 0.0)
    touched = gap.float()
    return torch.stack([_mean(error.diff(dim=d) ** 2, _either(touched, d)) for d in (1, 2)]).mean()


def combined(predicted: Tensor, truth: Tensor, gap: Tensor) -> Tensor:
    """Compute the sum of squared error, dissimilarity, and squared error of gradients.

    Parameters
    ----------
    predicted, truth, gap
        See the module.
    """
    parts = (squared_error, dissimilarity, gradient_error)
    return torch.stack([part(predicted, truth, gap) for part in parts]).sum()


LOSSES: Mapping[str, Loss] = {
    "mse": squared_error,
    "mae": absolute_error,
    "ssim": dissimilarity,
    "combined": combined,
}


def _mean(values: Tensor, where: Tensor) -> Tensor:
    weights = where.to(values.dtype)
    return (values * weights).sum() / weights.sum().clamp(min=1)


def _either(touched: Tensor, axis: int) -> Tensor:
    n = touched.shape[axis]
    return torch.maximum(touched.narrow(axis, 0, n - 1), touched.narrow(axis, 1, n - 1))


def _windowed(images: Tensor) -> Tensor:
    """Average images `(…, rows, columns)` over Gaussian windows that lie wholly inside."""
    rows, columns = (_bands(n, images) for n in images.shape[-2:])
    return rows @ images @ columns.T


def _bands(n: int, like: Tensor) -> Tensor:
    """Return the matrix that averages `n` values over each window."""
    x = torch.arange(WINDOW, dtype=like.dtype, device=like.device) - WINDOW // 2
    line = torch.exp(-(x**2) / (2 * SPREAD**2))
    offset = torch.arange(n, device=like.device) - torch.arange(n - WINDOW + 1, device=like.device)[:, None]
    inside = (offset >= 0) & (offset < WINDOW)
    return torch.where(inside, (line / line.sum())[offset.clamp(0, WINDOW - 1)], 0.0)
