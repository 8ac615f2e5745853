"""Bounds of amplitudes computed voxel by voxel, and the selection of free voxels."""

import math

import numpy as np
import pytest

from sayre.data import FilledPattern, Grid, Pattern
from sayre.retrieval.engine import bounds as bounds_module
from sayre.retrieval.engine.bounds import amplitude_bounds, free_voxels
from sayre.retrieval.settings import Settings


@pytest.fixture
def filled():
    """Make counts from 0 to many, with filled voxels whose error is small, large, or not stated."""
    rng = np.random.default_rng(0)
    shape = (7, 8, 6)
    counts = rng.poisson(rng.gamma(0.3, 50, shape)).astype(np.float32)
    mask = rng.random(shape) < 0.3
    counts[mask] = 0
    pattern = Pattern(intensity=counts, mask=mask, grid=Grid(step=(1.0,) * 3))
    estimate = np.where(mask, rng.gamma(0.5, 20, shape), counts).astype(np.float32)
    sigma = np.where(mask, rng.choice([0.05, 1.5, np.nan], shape), 0).astype(np.float32)
    return FilledPattern(pattern=pattern, intensity=estimate, sigma=sigma, method="wiener")


@pytest.mark.parametrize("confidence", [0.0, 0.675, 2.0])
@pytest.mark.parametrize("sigmas", [0.0, 1.0, 2.5])
def test_bounds_of_a_filled_pattern_by_hand(filled, sigmas, confidence):
    bounds = amplitude_bounds(filled, Settings(sigmas=sigmas, confidence=confidence, free=0))
    for place in np.ndindex(*filled.intensity.shape):
        value, error = float(filled.intensity[place]), float(filled.sigma[place])
        if filled.pattern.mask[place]:
            error = 0 if math.isnan(error) else error
            ends = [math.expm1(math.log1p(value) + side * sigmas * error) for side in (-1, 1)]
        else:
            ends = [value + side * confidence * math.sqrt(value + 1) for side in (-1, 1)]
        lower, upper = (math.sqrt(max(end, 0)) for end in ends)
        assert bounds.lower[place] == pytest.approx(lower, rel=1e-4, abs=2e-3)
        assert bounds.upper[place] == pytest.approx(upper, rel=1e-4, abs=2e-3)
    np.testing.assert_array_equal(bounds.counts, filled.pattern.intensity)
    np.testing.assert_array_equal(bounds.weight, np.where(filled.pattern.mask, 0, 1))
    assert bounds.weight.dtype == np.uint8
    assert bounds.lower.dtype == bounds.upper.dtype == bounds.counts.dtype == np.float32


def test_the_default_bounds_are_two_standard_errors(filled):
    default, two = (
        amplitude_bounds(filled),
        amplitude_bounds(filled, Settings(gaps="bounded", sigmas=2, free=0.05)),
    )
    for name in ("lower", "upper", "counts", "weight"):
        np.testing.assert_array_equal(getattr(default, name), getattr(two, name))


def test_gaps_zero_enforces_zero_counts_in_gaps(filled):
    bounds = amplitude_bounds(filled, Settings(gaps="zero", free=0))
    mask = filled.pattern.mask
    assert not bounds.lower[mask].any()
    assert not bounds.upper[mask].any()


def test_free_voxels_have_no_bounds(filled):
    counts = np.random.default_rng(1).poisson(9, (20, 22)).astype(np.float32)
    counts[10, 11] = 1e4
    pattern = Pattern(intensity=counts, mask=np.zeros(counts.shape, bool), grid=Grid(step=(1.0,) * 2))
    bounds = amplitude_bounds(pattern, Settings(free=0.2, seed=5))
    free = free_voxels(counts, pattern.mask, 0.2, np.random.default_rng(5))
    assert free.any()
    np.testing.assert_array_equal(bounds.weight, np.where(free, 2, 1))
    np.testing.assert_array_equal(bounds.lower, np.where(free, 0, np.sqrt(counts)))
    np.testing.assert_array_equal(bounds.upper, np.where(free, np.inf, np.sqrt(counts)))
    other = amplitude_bounds(pattern, Settings(free=0.2, seed=6))
    assert (other.weight != bounds.weight).any()
    default = amplitude_bounds(pattern, Settings(free=0.2))
    np.testing.assert_array_equal(
        default.weight, amplitude_bounds(pattern, Settings(free=0.2, seed=0)).weight
    )


@pytest.mark.parametrize("shape", [(40, 44), (14, 15, 16)])
@pytest.mark.parametrize("fraction", [0.0, 0.05, 0.4])
def test_free_voxels_by_hand(shape, fraction):
    """Free voxels are cubes around random seeds, not masked, more than two steps from bright voxels."""
    rng = np.random.default_rng(2)
    counts = rng.poisson(3, shape).astype(np.float32)
    peak = tuple(n // 2 for n in shape)
    counts[peak] = 200
    counts[peak[0] + 4] = 10  # five per cent, not more
    counts[(peak[0] - 3, *peak[1:])] = 11
    mask = rng.random(shape) < 0.1
    found = free_voxels(counts, mask, fraction, np.random.default_rng(7))
    chance = -np.log1p(-fraction) / 3 ** len(shape)
    seeds = np.argwhere(np.random.default_rng(7).random(shape) < chance)
    bright = np.argwhere(counts > 10)
    assert len(bright) == 2
    for place in np.ndindex(*shape):
        inside = (np.abs(seeds - place).max(1) <= 1).any()
        apart = (np.abs(bright - place).sum(1) > 2).all()
        assert found[place] == (inside and apart and not mask[place])
    assert found.dtype == bool
    assert found.any() == (fraction > 0)


@pytest.mark.parametrize("radius", [1, 2])
def test_about_the_stated_fraction_is_left_free(monkeypatch, radius):
    monkeypatch.setattr(bounds_module, "FREE_RADIUS", radius)
    counts = np.ones((60, 60, 60), np.float32)
    counts[30, 30, 30] = 1000
    for fraction in (0.02, 0.1, 0.4):
        free = free_voxels(counts, np.zeros(counts.shape, bool), fraction, np.random.default_rng(0))
        assert free.mean() == pytest.approx(fraction, rel=0.06 * radius)
