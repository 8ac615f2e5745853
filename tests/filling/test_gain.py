"""Counts that are not photons: how many of them a photon makes, and fills in that unit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sayre.data import Grid, Pattern
from sayre.data.option import SettingError
from sayre.errors import SayreWarning
from sayre.filling.fill import inpaint
from sayre.filling.gain import photon_gain, scatter_gain, unit_of
from sayre.filling.settings import FillingSettings
from sayre.numerics.metrics import log_error


def pattern_of(counts, mask=None):
    mask = np.zeros(counts.shape, bool) if mask is None else mask
    grid = Grid(step=(1.0,) * counts.ndim)
    return Pattern(intensity=np.where(mask, 0, counts).astype(np.float32), mask=mask, grid=grid)


@pytest.fixture(scope="module")
def peak():
    """Photon counts of a peak with fringes, and their expectation."""
    z, y, x = np.meshgrid(*(np.arange(n) - n // 2 for n in (40, 48, 44)), indexing="ij")
    mean = 600 * np.exp(-(z**2 + y**2 + x**2) / 200) * (1 + 0.6 * np.cos(0.8 * y + 0.3 * x)) + 0.2
    return np.random.default_rng(4).poisson(mean).astype(np.float32), mean


def test_photon_counts_have_a_gain_of_one(peak):
    assert photon_gain(pattern_of(peak[0])) == 1


def test_a_white_field_leaves_photons(peak):
    response = np.random.default_rng(1).uniform(0.8, 1.2, peak[0].shape[1:])
    assert photon_gain(pattern_of(peak[0] / response)) == 1


@pytest.mark.parametrize("gain", [1e-6, 0.37, 12.0, 1e6])
def test_the_unit_of_scaled_counts_is_found(peak, gain):
    assert photon_gain(pattern_of(peak[0] * gain)) == pytest.approx(gain, rel=1e-3)


@pytest.mark.parametrize("gain", [1e-6, 0.3, 8.0])
def test_the_scatter_tells_the_gain_where_there_is_no_unit(peak, gain):
    """Every frame was divided by another monitor."""
    monitor = np.random.default_rng(2).uniform(0.97, 1.03, (40, 1, 1))
    counts = peak[0] * gain * monitor
    assert unit_of(counts.ravel()) is None
    assert photon_gain(pattern_of(counts)) == pytest.approx(gain, rel=0.2)


def test_variance_over_mean_of_a_flat_field():
    counts = np.random.default_rng(0).poisson(np.full((60, 70), 7.0)) * 0.25
    known = np.random.default_rng(1).random(counts.shape) > 0.1
    assert scatter_gain(counts, known) == pytest.approx(0.25, rel=0.1)
    assert scatter_gain(counts[:9, :9], known[:9, :9]) is None


@pytest.mark.parametrize("method", ["wiener", "stack"])
def test_a_fill_of_scaled_counts_is_the_fill_in_photons(peak, method, monkeypatch):
    from sayre.networks import registry

    monkeypatch.setattr(registry, "default", lambda *_: None)
    counts = peak[0][20]
    mask = np.zeros(counts.shape, bool)
    mask[30:35] = True
    photons = inpaint(pattern_of(counts, mask), method=method)
    scaled = pattern_of(counts * np.float32(0.25), mask)
    with pytest.warns(SayreWarning, match=r"photons of 0\.25 counts each.*`gain=1`"):
        found = inpaint(scaled, method=method)
    np.testing.assert_allclose(found.intensity, photons.intensity * 0.25, rtol=1e-3, atol=1e-4)
    counts = photons.intensity[mask]
    relative = photons.sigma[mask] * (1 + counts) / (1 / 0.25 + counts)
    np.testing.assert_allclose(found.sigma[mask], relative, rtol=1e-2)
    given = inpaint(scaled, method=method, gain=0.25)
    np.testing.assert_array_equal(given.intensity, found.intensity)


def test_counts_that_scatter_less_are_followed_closer():
    """A hundred photons a count: taken for photons, most of what dim fringes say would be taken for noise."""
    y, x = np.meshgrid(np.arange(48) - 24, np.arange(44) - 22, indexing="ij")
    mean = 2 * np.exp(-(y**2 + x**2) / 300) * (1 + 0.9 * np.cos(0.9 * y + 0.5 * x)) + 0.02
    counts = np.random.default_rng(0).poisson(mean * 100) / 100
    mask = np.zeros(mean.shape, bool)
    mask[30:34] = True
    found = [
        log_error(inpaint(pattern_of(counts, mask), method="wiener", gain=gain).intensity[mask], mean[mask])
        for gain in (0.01, 1)
    ]
    assert found[0] < 0.7 * found[1]


def test_interpolation_needs_no_gain(peak):
    mask = np.zeros(peak[0].shape, bool)
    mask[:, 30:33] = True
    scaled = replace(pattern_of(peak[0] * np.float32(0.25), mask))
    assert inpaint(scaled, method="linear").method == "linear"


def test_a_gain_is_positive():
    with pytest.raises(SettingError, match="gain"):
        FillingSettings(gain=0)
