"""How well counts are explained, by shell."""

import numpy as np
import pytest

from sayre.retrieval.measurement.shells import MOST_SHELLS, fit_by_shell, standard_residuals


def test_residuals_of_poisson_draws():
    """Mean 0 and variance λ/(λ + 1), which is 1 where counts are many."""
    rng = np.random.default_rng(0)
    for rate in (0.1, 2.0, 50.0, 1e6):
        mean = np.full(200_000, rate, np.float32)
        found = standard_residuals(rng.poisson(mean).astype(np.float32), mean)
        assert abs(found.mean()) < 0.02
        assert found.std() == pytest.approx(np.sqrt(rate / (rate + 1)), rel=0.02)


@pytest.fixture(scope="module")
def drawn():
    """A peak of known expectation, counts of it, and voxels used, free and not measured."""
    rng = np.random.default_rng(1)
    grid = np.indices((41, 60, 50)) - np.array([20, 31, 24]).reshape(3, 1, 1, 1)
    radius = np.sqrt((grid**2).sum(0))
    expected = (3e5 / (1 + radius**4)).astype(np.float32)
    weight = rng.choice(np.array([0, 1, 2], np.uint8), expected.shape, p=(0.1, 0.6, 0.3))
    counts = np.where(weight == 0, 1e6, rng.poisson(expected)).astype(np.float32)
    return radius, expected, weight, counts


def test_poisson_counts_lie_on_the_floor(drawn):
    _, expected, weight, counts = drawn
    fit = fit_by_shell(counts, expected, weight, (20, 31, 24))
    full = (fit.used_voxels > 1000) & (fit.free_voxels > 500)
    assert full.sum() > 20
    for part, number in ((fit.used, fit.used_voxels), (fit.free, fit.free_voxels)):
        apart = (part - fit.floor)[full] * np.sqrt(number[full])  # a deviance scatters by 0.7 or less
        assert np.abs(apart).max() < 3
    more = fit_by_shell(counts, 1.3 * expected, weight, (20, 31, 24))
    bright = full & (fit.radius < 12)
    assert (more.used > 1.5 * more.floor)[bright].all()


def test_shells_are_means_of_single_voxels(drawn):
    radius, expected, weight, counts = drawn
    fit = fit_by_shell(counts, expected, weight, (20, 31, 24))
    assert fit.used_voxels.sum() == (weight == 1).sum()
    assert fit.free_voxels.sum() == (weight == 2).sum()
    for shell in (0, 1, 5, 17):
        inside = np.rint(radius) == shell
        assert fit.radius[shell] == shell
        for part, kind in ((fit.used, 1), (fit.free, 2)):
            which = inside & (weight == kind)
            n, mean = counts[which].astype(float), expected[which].astype(float)
            logs = np.log(np.where(n > 0, mean / np.maximum(n, 1), 1))
            wanted = (mean - n - n * logs).mean() if which.any() else np.nan
            np.testing.assert_allclose(part[shell], wanted, rtol=1e-3)
        used = inside & (weight == 1)
        apart = (np.sqrt(counts[used], dtype=float) - np.sqrt(expected[used], dtype=float)) ** 2
        wanted = np.sqrt(apart.sum() / counts[used].sum(dtype=float)) if used.any() else np.nan
        np.testing.assert_allclose(fit.residual[shell], wanted, rtol=1e-4)


def test_large_arrays_have_thicker_shells():
    ones = np.ones((200, 200), np.float32)
    fit = fit_by_shell(ones, ones, np.ones((200, 200), np.uint8), (0, 0))
    assert len(fit.radius) <= MOST_SHELLS + 1
    assert fit.radius[1] - fit.radius[0] == 5
    assert np.isnan(fit.free).all()
