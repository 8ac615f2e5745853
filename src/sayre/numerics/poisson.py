"""What Poisson noise does to `log(1 + N)`: its mean and variance for a known expectation.

`x` is always `log(1 + λ)` of the expectation λ. Both moments are tabulated from exact sums up to λ = 1000
and continued by their leading terms.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.stats import poisson

Log = NDArray[np.float32]


@lru_cache(maxsize=1)
def _table() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    x = np.linspace(0, np.log1p(1000.0), 400)
    counts = np.arange(1400)
    weights = poisson.pmf(counts[None], np.expm1(x)[:, None])
    mean = weights @ np.log1p(counts)
    return x, mean, weights @ np.log1p(counts) ** 2 - mean**2


def variance_of_log(x: Log) -> Log:
    """Variance of `log(1 + N)`; at most 0.29, `1/λ` where bright."""
    grid, _, variance = _table()
    return np.where(x < grid[-1], np.interp(x, grid, variance), np.exp(-x)).astype(np.float32)


def error_of_log(x: Log) -> Log:
    """Mean squared difference of `log(1 + N)` from `x`: even the truth makes it; `1/λ` where bright."""
    grid, mean, variance = _table()
    error = variance + (mean - grid) ** 2
    return np.where(x < grid[-1], np.interp(x, grid, error), np.exp(-x)).astype(np.float32)


def expectation_of_log(mean: Log) -> Log:
    """`log(1 + λ)` whose counts have the given mean of `log(1 + N)`: inverse of a concave, rising curve."""
    grid, means, _ = _table()
    return np.where(mean < means[-1], np.interp(mean, means, grid), mean).astype(np.float32)


def slope_of_expectation(mean: Log) -> Log:
    """Derivative of `expectation_of_log`: 1/log 2 in the dark, 1 where bright."""
    grid, means, _ = _table()
    slope = np.gradient(grid, means)
    return np.where(mean < means[-1], np.interp(mean, means, slope), 1).astype(np.float32)
