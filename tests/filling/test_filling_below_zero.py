"""Gaps in counts below zero: what is filled has no more of a background than the expectation has."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from sayre.data import Pattern
from sayre.filling.fill import inpaint
from sayre.filling.gain import photon_gain
from sayre.filling.scores import evaluate
from sayre.retrieval.engine.bounds import amplitude_bounds
from sayre.retrieval.prepare import not_below_zero

BACKGROUND = 20.0


@pytest.fixture(scope="module")
def dark():
    """The expectation of a peak, its counts on a background, and a gap beside it."""
    z, y, x = np.meshgrid(*(np.arange(n) - n // 2 for n in (28, 40, 44)), indexing="ij")
    expected = 2e4 * np.exp(-(z**2 + y**2 + x**2) / 14) * (1 + 0.7 * np.cos(0.8 * y)) + 0.2
    raw = np.random.default_rng(3).poisson(expected + BACKGROUND).astype(np.float32)
    gap = np.zeros(raw.shape, bool)
    gap[:, 26:31] = True
    return expected, raw, gap


def subtracted(raw, gap, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Pattern.from_counts(raw - BACKGROUND, gap, **options)


def _away(expected):
    """Voxels so far from the peak that nothing of it comes there."""
    places = np.indices(expected.shape) - np.array([n // 2 for n in expected.shape])[:, None, None, None]
    return (places**2).sum(0) > 15**2


@pytest.mark.parametrize("method", ["linear", "wiener", "stack"])
def test_dark_voxels_are_filled_without_bias(dark, method):
    """The mean of 0.2 comes back within 0.5 counts; where negative counts are masked it is more than 2.5."""
    expected, raw, gap = dark
    filled = inpaint(subtracted(raw, gap), method=method)
    far = gap & _away(expected)
    assert abs(filled.intensity[far].mean() - expected[far].mean()) < 0.5
    masked = inpaint(subtracted(raw, gap, readout=0.0), method=method)
    assert masked.intensity[far].mean() > 2.5


def test_it_is_the_filling_of_the_counts_before_the_subtraction(dark):
    _, raw, gap = dark
    whole = inpaint(Pattern.from_counts(raw, gap), method="wiener")
    filled = inpaint(subtracted(raw, gap, readout=np.sqrt(BACKGROUND)), method="wiener")
    before = np.where(gap, whole.intensity, raw)
    np.testing.assert_allclose(filled.intensity, before - BACKGROUND, atol=2e-3)
    error = whole.sigma * (1 + whole.intensity)  # of counts
    again = filled.sigma * (1 + np.maximum(filled.intensity, 0))
    np.testing.assert_allclose(again, error, rtol=1e-3)


def test_the_stated_error_holds_in_dark_voxels(dark):
    expected, raw, gap = dark
    filled = inpaint(subtracted(raw, gap), method="wiener")
    far = gap & _away(expected)
    apart = np.abs(np.log1p(np.maximum(filled.intensity, 0)) - np.log1p(expected))[far]
    assert np.mean(apart <= 2 * filled.sigma[far]) > 0.9


@pytest.mark.parametrize("gain", [0.2, 1.0, 8.0])
def test_the_gain_beside_the_noise_of_reading_out_is_as_stated(dark, gain):
    expected, _, gap = dark
    generator = np.random.default_rng(5)
    counts = gain * generator.poisson(expected) + generator.normal(0, 2 * gain, expected.shape)
    pattern = Pattern.from_counts(counts, gap, readout=2 * gain)
    assert photon_gain(pattern) == 1
    filled = inpaint(pattern, method="wiener", gain=gain)
    far = gap & _away(expected)
    assert abs(filled.intensity[far].mean() / gain - expected[far].mean()) < 0.5


def test_scores_are_of_the_counts_that_scatter_as_photons(dark):
    expected, raw, gap = dark
    pattern = subtracted(raw, np.zeros_like(gap), readout=np.sqrt(BACKGROUND))
    truth = expected.astype(np.float32)
    (ours,) = evaluate(pattern, width=4, axis=1, position=26, methods=["wiener"], truth=truth)
    (before,) = evaluate(
        Pattern.from_counts(raw),
        width=4,
        axis=1,
        position=26,
        methods=["wiener"],
        truth=truth + np.float32(BACKGROUND),
    )
    assert ours.ratio == pytest.approx(before.ratio, rel=1e-3)


def test_dark_voxels_bound_the_amplitude_from_above_alone(dark):
    """Counts of no more than the noise say what the amplitude is below, and are no part of the likelihood."""
    _, raw, gap = dark
    noise = np.sqrt(BACKGROUND)
    pattern = not_below_zero(subtracted(raw, gap, readout=noise))
    assert pattern.intensity.min() == 0
    bounds = amplitude_bounds(pattern)
    noisy = ~gap & (raw - BACKGROUND < 3 * noise)
    assert not bounds.lower[noisy].any()
    np.testing.assert_allclose(
        bounds.upper[noisy], np.sqrt(np.maximum(raw[noisy] - BACKGROUND, 0) + noise), rtol=1e-5
    )
    assert not bounds.weight[noisy].any()
    bright = ~gap & ~noisy & (bounds.weight == 1)
    np.testing.assert_allclose(bounds.lower[bright] ** 2, raw[bright] - BACKGROUND, rtol=1e-5)
    filled = not_below_zero(inpaint(subtracted(raw, gap), method="wiener"))
    assert filled.intensity.min() == 0
