"""Background that differs from frame to frame, or smoothly over the detector."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

ORDER = 3
"""Cosines of each axis, the constant one included."""


def less_mean(values: Tensor, weights: Tensor) -> Tensor:
    """Return values without their weighted mean, which the mean background alone shall tell.

    Parameters
    ----------
    values
        Real.
    weights
        Same shape, sum 1.
    """
    return values - (values * weights).sum()


def by_values(gradient: Tensor, weights: Tensor) -> Tensor:
    """Return the derivative by values from that by what `less_mean` makes of them.

    Parameters
    ----------
    gradient
        Real.
    weights
        As `less_mean` takes them.
    """
    return gradient - weights * gradient.sum()


class SmoothShape:
    """Smooth logarithms over the detector: products of `ORDER` cosines of each axis, less their mean.

    Parameters
    ----------
    weights
        Real `(rows, columns)`, sum 1, origin at index 0: how much of the mean each pixel is.
    """

    def __init__(self, weights: Tensor) -> None:
        self.weights = weights
        shape, dtype, device = weights.shape, weights.dtype, weights.device
        order = torch.arange(ORDER, dtype=dtype, device=device)
        # the origin is at index 0 and the middle of the detector beyond its borders
        self.cosines = [
            torch.cos(np.pi / n * torch.outer(order, (torch.arange(n, device=device) + n // 2) % n + 0.5))
            for n in shape
        ]

    def field(self, coefficients: Tensor) -> Tensor:
        """Compute the logarithms.

        Parameters
        ----------
        coefficients
            Real `(ORDER, ORDER)`; the first of all, that of the constant, is not used.
        """
        rows, columns = self.cosines
        return less_mean(rows.T @ _without_first(coefficients) @ columns, self.weights)

    def back(self, gradient: Tensor) -> Tensor:
        """Compute the derivative by the coefficients from that by the logarithms.

        Parameters
        ----------
        gradient
            Real `(rows, columns)`.
        """
        rows, columns = self.cosines
        return _without_first(rows @ by_values(gradient, self.weights) @ columns.T)

    def coefficients(self, field: Tensor) -> Tensor:
        """Compute the coefficients of logarithms.

        Parameters
        ----------
        field
            Real `(rows, columns)`, which a sum of these cosines makes up to a constant.
        """
        rows, columns = self.cosines
        norms = torch.outer(rows.square().sum(1), columns.square().sum(1))
        return _without_first(rows @ field @ columns.T) / norms


def _without_first(coefficients: Tensor) -> Tensor:
    kept = coefficients.clone()
    kept[0, 0] = 0
    return kept
