"""Moments of `log(1 + N)`, and the mean deviance, against sums over all counts."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import poisson

from sayre.numerics.poisson import (
    error_of_log,
    expectation_of_log,
    mean_half_deviance,
    slope_of_expectation,
    variance_of_log,
)

RATES = np.array([0.0, 0.01, 0.3, 1.0, 2.7, 9.0, 40.0, 333.0, 990.0])
BRIGHT = np.array([1005.0, 2e3, 5e4, 1e7])


def moments(rate):
    """Mean and variance of `log(1 + N)`."""
    counts = np.arange(int(rate + 12 * np.sqrt(rate + 1) + 30))
    weights, logs = poisson.pmf(counts, rate), np.log1p(counts)
    mean = weights @ logs
    return mean, weights @ (logs - mean) ** 2


MEANS, VARIANCES = np.array([moments(rate) for rate in RATES]).T
LOGS = np.log1p(RATES)


def single(*arrays):
    return (np.asarray(array, np.float32) for array in arrays)


def test_variance():
    x, bright = single(LOGS, np.log1p(BRIGHT))
    found = variance_of_log(x)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, VARIANCES, atol=1e-4, rtol=2e-3)
    np.testing.assert_allclose(variance_of_log(bright), 1 / BRIGHT, rtol=2e-3)


def test_squared_error_of_the_truth():
    x, bright = single(LOGS, np.log1p(BRIGHT))
    found = error_of_log(x)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, VARIANCES + (MEANS - LOGS) ** 2, atol=1e-4, rtol=2e-3)
    np.testing.assert_allclose(error_of_log(bright), 1 / BRIGHT, rtol=2e-3)


def test_expectation_of_a_mean():
    means, bright = single(MEANS, np.log1p(BRIGHT))
    found = expectation_of_log(means)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, LOGS, atol=1e-4)
    np.testing.assert_allclose(expectation_of_log(bright), bright, atol=1e-6)


def test_slope_of_the_expectation():
    rates, step = np.array([0.02, 0.3, 1.0, 2.7, 9.0, 40.0, 333.0]), 1e-3
    ends = [np.array([moments(np.expm1(np.log1p(rate) + s))[0] for rate in rates]) for s in (-step, step)]
    (means,) = single((ends[0] + ends[1]) / 2)
    found = slope_of_expectation(means)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, 2 * step / (ends[1] - ends[0]), rtol=3e-3)
    np.testing.assert_array_equal(slope_of_expectation(*single(np.log1p(BRIGHT))), 1)
    assert float(slope_of_expectation(np.float32(0))) == pytest.approx(1 / np.log(2), rel=1e-2)


@pytest.mark.parametrize(
    "function", [variance_of_log, error_of_log, expectation_of_log, slope_of_expectation]
)
def test_no_step_where_the_table_ends(function):
    """From its last entries, at λ = 1000, to the leading terms: less than the difference of the two."""
    x = np.linspace(np.log(995), np.log(1008), 60, dtype=np.float32)
    found = function(x)
    steps = np.abs(np.diff(found.astype(np.float64)))
    assert steps.max() < 2e-3
    assert np.ptp(found) < 0.02


@pytest.mark.parametrize("rate", [1e-5, 7e-4, 0.0123, 0.3, 1.234, 5.5, 77.7, 999.0, 1003.0, 2e4])
def test_mean_deviance_is_the_sum_over_all_counts(rate):
    """In the logarithm the expectation is at least 0.001."""
    counts = np.arange(int(rate + 12 * np.sqrt(rate + 1) + 30))
    bounded = max(rate, 1e-3)
    terms = np.full(len(counts), rate)
    terms[1:] = bounded - counts[1:] - counts[1:] * np.log(bounded / counts[1:])
    assert float(mean_half_deviance(np.array(rate))) == pytest.approx(
        poisson.pmf(counts, rate) @ terms, rel=2e-3, abs=1e-7
    )


def test_no_deviance_without_counts_and_half_of_one_where_bright():
    np.testing.assert_allclose(mean_half_deviance(np.array([0.0, 1e9])), [0, 0.5], atol=1e-9)
