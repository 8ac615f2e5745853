from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import gamma, kstest, norm, poisson

from sayre.numerics import metrics
from sayre.numerics.metrics import (
    coverage,
    log_error,
    log_error_ratio,
    noise_floor,
    pearson,
    predictive_z,
)

counts = hnp.arrays(np.float32, st.integers(3, 60), elements=st.floats(0, 2**20, width=32))


@given(st.data())
def test_pearson_is_that_of_numpy(data):
    truth = data.draw(counts)
    filled = data.draw(hnp.arrays(np.float32, truth.shape, elements=st.floats(0, 2**20, width=32)))
    for log in (True, False):
        x, y = (np.log1p(np.float64(a)) if log else np.float64(a) for a in (filled, truth))
        if min(x.std(), y.std()) < 1e-3:
            continue
        assert pearson(filled, truth, log=log) == pytest.approx(np.corrcoef(x, y)[0, 1], abs=1e-7)


def test_pearson_of_known_cases():
    x = np.array([0.0, 1.0, 3.0, 9.0])
    assert pearson(x, 5 * x, log=False) == pytest.approx(1)
    assert pearson(x, 10 - x, log=False) == pytest.approx(-1)
    assert pearson((1 + x) ** 3 - 1, x) == pytest.approx(1)  # a power law is a straight line in log
    assert np.isnan(pearson(np.ones(4), x))


def test_arrays_of_any_dimension_count_voxel_by_voxel():
    truth, filled = np.random.default_rng(0).gamma(2, 50, (2, 4, 5, 6))
    for metric in (pearson, log_error):
        assert metric(filled, truth) == pytest.approx(metric(filled.ravel(), truth.ravel()))


@given(counts, st.floats(0.01, 3))
def test_log_error_of_a_shift_in_log(truth, shift):
    filled = np.expm1(np.log1p(np.float64(truth)) + shift)
    assert log_error(filled, truth) == pytest.approx(shift**2)
    assert log_error(truth, filled) == pytest.approx(shift**2)


@given(counts, st.floats(0.1, 2))
def test_log_error_ratio_identities(truth, shift):
    linear = np.expm1(np.log1p(np.float64(truth)) + shift)
    halfway = np.expm1(np.log1p(np.float64(truth)) + shift / 2)
    assert log_error_ratio(linear, truth, linear) == 1
    assert log_error_ratio(truth, truth, linear) == 0
    assert log_error_ratio(halfway, truth, linear) == pytest.approx(0.25)


def test_log_error_ratio_without_reference_error():
    assert np.isnan(log_error_ratio(np.ones(3), np.zeros(3), np.zeros(3)))


@pytest.mark.parametrize("level", [0.02, 0.5, 3, 100, 100_000])
def test_noise_floor_is_the_error_of_the_truth_against_counts(level):
    rng = np.random.default_rng(1)
    expectation = rng.uniform(0.5, 2, 400_000) * level
    squares = (np.log1p(rng.poisson(expectation)) - np.log1p(expectation)) ** 2
    assert noise_floor(expectation) == pytest.approx(squares.mean(), abs=4 * squares.std() / 400_000**0.5)


def test_noise_floor_vanishes_without_counts():
    assert noise_floor(np.zeros(5)) == 0


def test_coverage_of_normal_errors():
    rng = np.random.default_rng(2)
    truth = rng.gamma(1, 1000, 100_000)
    sigma = rng.uniform(0.05, 0.5, truth.shape)
    filled = np.expm1(np.log1p(truth) + sigma * rng.standard_normal(truth.shape))
    for width in (0.5, 1, 2):
        expected = 1 - 2 * norm.sf(width)
        assert coverage(filled, sigma, truth, width=width) == pytest.approx(expected, abs=0.006)
    assert coverage(filled, sigma / 2, truth) == pytest.approx(1 - 2 * norm.sf(0.5), abs=0.006)


def simulate(level, spread, rng, size=12_000):
    """A filling that errs as it says, and photon counts of the truth."""
    truth = np.log1p(np.full(size, float(level)))
    sigma = np.full(size, float(spread))
    filled = np.expm1(np.maximum(truth, 0))
    expectation = np.maximum(np.expm1(truth + sigma * rng.standard_normal(size)), 0)
    return filled, sigma, rng.poisson(expectation).astype(float)


@pytest.mark.parametrize("level", [0.05, 2, 40, 3_000, 1_000_000])
@pytest.mark.parametrize("spread", [0.001, 0.1, 0.5])
def test_predictive_z_is_standard_normal(level, spread):
    """Bright and dim, and whichever of filling error and photon noise is the larger."""
    rng = np.random.default_rng([int(level), int(1000 * spread)])
    filled, sigma, measured = simulate(level, spread, rng)
    z = predictive_z(filled, sigma, measured, rng)
    within = [np.mean(np.abs(z) < width) for width in (1, 2)]
    # four standard errors of a fraction of 12,000
    assert within[0] == pytest.approx(0.6827, abs=4 * np.sqrt(0.683 * 0.317 / len(z)))
    assert within[1] == pytest.approx(0.9545, abs=4 * np.sqrt(0.954 * 0.046 / len(z)))
    assert z.std() == pytest.approx(1, abs=4 / np.sqrt(2 * len(z)))
    assert kstest(z, "norm").pvalue > 1e-4


@pytest.mark.parametrize(("factor", "low", "high"), [(0.5, 0.30, 0.42), (2, 0.93, 0.97)])
def test_predictive_z_tells_a_wrong_sigma(factor, low, high):
    """Twice too sure: 0.383 within one; twice too cautious: 0.954."""
    rng = np.random.default_rng(5)
    filled, sigma, measured = simulate(50_000, 0.2, rng)
    z = predictive_z(filled, factor * sigma, measured, rng)
    assert low < np.mean(np.abs(z) < 1) < high
    assert kstest(z, "norm").pvalue < 1e-10


def test_predictive_z_tells_a_bias():
    rng = np.random.default_rng(6)
    filled, sigma, measured = simulate(5_000, 0.1, rng)
    shifted = np.expm1(np.log1p(filled) + sigma)
    assert predictive_z(shifted, sigma, measured, rng).mean() == pytest.approx(-1, abs=0.05)


def test_predictive_z_without_signal_says_nothing():
    """Empty voxels rightly predicted are no evidence of skill: their scores stay standard normal."""
    rng = np.random.default_rng(7)
    z = predictive_z(np.zeros(20_000), np.full(20_000, 0.01), np.zeros(20_000), rng)
    assert z.std() == pytest.approx(1, abs=0.03)
    assert z.mean() == pytest.approx(0, abs=0.03)


@settings(max_examples=20)
@given(st.floats(0, 1e5), st.floats(0, 1), st.integers(0, 10**6))
def test_predictive_z_is_finite(level, spread, measured):
    one = np.ones((1, 2))
    z = predictive_z(level * one, spread * one, measured * one, np.random.default_rng(0))
    assert z.shape == (2,)
    assert np.isfinite(z).all()


def test_predictive_z_against_direct_integration():
    """The mid-transform of one voxel, by brute-force sampling of λ and counts."""
    rng = np.random.default_rng(8)
    for level, spread, observed in ((3.0, 0.4, 5), (60.0, 0.3, 45), (60.0, 0.02, 66)):
        rate = np.maximum(np.expm1(np.log1p(level) + spread * rng.standard_normal(1_000_000)), 0)
        sampled = rng.poisson(rate)
        middle = np.mean(sampled < observed) + 0.5 * np.mean(sampled == observed)

        class Half:
            def random(self, shape):
                return np.full(shape, 0.5)

        (z,) = predictive_z(np.array([level]), np.array([spread]), np.array([float(observed)]), Half())
        assert norm.cdf(z) == pytest.approx(middle, abs=0.003)


class Constant:
    """A generator whose random numbers are known."""

    def __init__(self, value):
        self.value = value

    def random(self, shape):
        return np.full(shape, self.value)


def transform(level, spread, observed, share):
    """P(N < n) + share · P(N = n) by a fine sum over the error of the filling."""
    z = np.linspace(-9, 9, 20_001)
    rate = np.maximum(np.expm1(np.log1p(level) + spread * z), 1e-12)
    values = poisson.cdf(observed - 1, rate) + share * poisson.pmf(observed, rate)
    return norm.pdf(z) @ values / norm.pdf(z).sum()


@pytest.mark.parametrize("share", [0.25, 0.9])
@pytest.mark.parametrize("spread", [0.0, 0.02, 0.3, 0.6])
@pytest.mark.parametrize("level", [0.0, 0.3, 1.0, 3.0, 10.0, 60.0, 5000.0, 1e5])
def test_predictive_z_by_quadrature(level, spread, share):
    """Counts from two standard deviations below the filling to three above, few and many."""
    deviation = np.sqrt(level + (spread * (1 + level)) ** 2)
    observed = {max(round(level + k * deviation), 0) for k in (-2, -1, 0, 0.5, 1, 2, 3)}
    observed |= {0, 1, 2} if level < 10 else {98, 99, 100, 101} if level == 60 else set()
    observed = np.array(sorted(observed), float)
    one = np.ones(len(observed), np.float32)
    z = predictive_z(level * one, spread * one, observed, Constant(share))
    expected = [transform(level, spread, n, share) for n in observed]
    # where the expectation is cut at 0, the sum over 33 nodes meets a kink
    np.testing.assert_allclose(norm.cdf(z), expected, atol=6e-3 if level < 2 else 2e-4)


@pytest.mark.parametrize("z", [-2.5, -0.5, 0.0, 1.0, 2.5])
def test_gamma_quantiles_are_those_of_scipy(z):
    """Of whole shapes; from 100 on to two parts in ten thousand."""
    shape = np.array([1.0, 20, 99, 100, 101, 300, 1000, 1e5])
    found = metrics._gamma_quantile(z, shape)
    np.testing.assert_allclose(found, gamma.ppf(norm.cdf(z), shape), rtol=2e-4)
    assert metrics._gamma_quantile(z, np.zeros(1)) == 0


def test_predictive_z_ends_at_seven_standard_deviations():
    one = np.ones(1)
    lowest = predictive_z(1e6 * one, 0.001 * one, 0 * one, Constant(0.5))
    highest = predictive_z(10 * one, 0 * one, 1000 * one, Constant(0.5))
    np.testing.assert_allclose([*lowest, *highest], [norm.ppf(1e-12), norm.isf(1e-12)], rtol=1e-4)


def test_scores_are_computed_in_double_precision():
    """Of counts as float32 keeps them: sums that lose no digit of small differences."""
    truth = np.full(1000, 1e6, np.float32)
    filled = truth + np.float32(1)
    assert log_error(filled, truth) == pytest.approx(1e-12, rel=1e-4)
    assert coverage(filled, np.full(1000, 1.0001e-6), truth) == 1
    assert coverage(filled, np.full(1000, 0.9999e-6), truth) == 0


def test_an_error_of_just_the_width_is_covered():
    one, zero, sigma = np.ones(1), np.zeros(1), np.log1p(np.ones(1))
    assert coverage(one, sigma, zero) == 1
    assert coverage(one, sigma, zero, width=0.999) == 0
