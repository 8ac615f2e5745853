"""What Poisson noise does to `log(1 + N)`: its mean and variance for a known expectation.

`x` is always `log(1 + λ)` of the expectation λ. Both moments are tabulated from exact sums up to λ = 1000
and continued by their leading terms.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, xlogy

Log = NDArray[np.float32]


def probability(counts: NDArray[np.generic], expected: NDArray[np.floating]) -> NDArray[np.float64]:
    """Probability of counts of a Poisson distribution.

    Parameters
    ----------
    counts
        Whole and not negative; broadcast with `expected`.
    expected
        Expectations, not negative.
    """
    return np.asarray(np.exp(xlogy(counts, expected) - gammaln(counts + 1) - expected))


@lru_cache(maxsize=1)
def _table() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    x = np.linspace(0, np.log1p(1000.0), 400)
    counts = np.arange(1400)
    weights = probability(counts[None], np.expm1(x)[:, None])
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


def mean_of_log(x: Log) -> Log:
    """Mean of `log(1 + N)`: what `expectation_of_log` inverts; `x` where bright."""
    grid, mean, _ = _table()
    return np.where(x < grid[-1], np.interp(x, grid, mean), x).astype(np.float32)


def expectation_of_log(mean: Log) -> Log:
    """`log(1 + λ)` whose counts have the given mean of `log(1 + N)`: inverse of a concave, rising curve."""
    grid, means, _ = _table()
    return np.where(mean < means[-1], np.interp(mean, means, grid), mean).astype(np.float32)


def slope_of_expectation(mean: Log) -> Log:
    """Derivative of `expectation_of_log`: 1/log 2 in the dark, 1 where bright."""
    grid, means, _ = _table()
    slope = np.gradient(grid, means)
    return np.where(mean < means[-1], np.interp(mean, means, slope), 1).astype(np.float32)


@lru_cache(maxsize=1)
def _roots() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Roots of expectations, and the exact means of the root of their counts."""
    root = np.linspace(0, 20.0, 2000)
    counts = np.arange(700)
    return root, probability(counts[None], root[:, None] ** 2) @ np.sqrt(counts)


def mean_of_root(expected: NDArray[np.floating]) -> NDArray[np.float64]:
    """Mean of `sqrt(N)` of Poisson counts N of mean λ: λ in the dark, `sqrt(λ)` less a little where bright.

    Parameters
    ----------
    expected
        Expected counts λ, not negative, any shape.
    """
    root = np.sqrt(np.asarray(expected, np.float64))
    grid, means = _roots()
    many = np.maximum(root, grid[-1])
    return np.where(root < grid[-1], np.interp(root, grid, means), many - 1 / (8 * many))


def error_of_root(expected: NDArray[np.floating]) -> NDArray[np.float64]:
    """Mean squared difference of `sqrt(N)` from `sqrt(λ)` of Poisson counts N of mean λ.

    It is 1/4 where counts are many, at most 0.46 (near λ = 1.1), and 2 λ in the dark.

    Parameters
    ----------
    expected
        Expected counts λ, not negative, any shape.
    """
    mean = np.asarray(expected, np.float64)
    return 2 * np.sqrt(mean) * (np.sqrt(mean) - mean_of_root(mean))


DARK, BRIGHT = 1e-3, 1e3
"""Expectations between which `mean_half_deviance` is tabulated."""


@lru_cache(maxsize=1)
def _deviances() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Logarithms of expectations, and the exact means of half the deviance of their counts."""
    logs = np.linspace(np.log(DARK), np.log(BRIGHT), 600)
    means = np.exp(logs)
    counts = np.arange(1400)
    excess = xlogy(counts, counts) - counts
    deviance = excess[None] - counts[None] * logs[:, None] + means[:, None]
    return logs, (probability(counts[None], means[:, None]) * deviance).sum(1)


def mean_half_deviance(expected: NDArray[np.floating]) -> NDArray[np.float64]:
    """Compute the mean of half the deviance, `λ − n − n log(λ/n)`, of Poisson counts n of mean λ.

    It is 1/2 where counts are many, at most 0.58 (near λ = 1.3), and goes to 0 in the dark. In the
    logarithm λ is at least 0.001, as in `sayre.retrieval.engine.arrays.kernels.half_deviance`.

    Parameters
    ----------
    expected
        Expected counts λ, not negative, any shape.
    """
    mean = np.asarray(expected, np.float64)
    logs, deviances = _deviances()
    inner = np.interp(np.log(np.clip(mean, DARK, BRIGHT)), logs, deviances)
    outer = np.where(mean < DARK, deviances[0] * mean / DARK, 0.5 + 1 / (12 * np.maximum(mean, BRIGHT)))
    return np.where((mean < DARK) | (mean > BRIGHT), outer, inner)
