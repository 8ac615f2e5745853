"""A whole filling by networks whose output is known: what becomes of the mean and of the log variance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from sayre.data import Grid, Pattern
from sayre.errors import InputError, SayreWarning
from sayre.filling.fill import inpaint
from sayre.filling.network import predictor as predictors
from sayre.filling.network.predictor import Predictor, load_predictor
from sayre.networks import registry
from sayre.numerics.interpolate import linear_fill

SHAPE = (20, 24, 22)


class Known(torch.nn.Module):
    """Answers with `mean(filled)` and `log_variance(filled)`."""

    def __init__(self, mean, log_variance):
        super().__init__()
        self.mean, self.log_variance = mean, log_variance

    def forward(self, filled, *_):
        return self.mean(filled), self.log_variance(filled)


@pytest.fixture
def network(monkeypatch):
    """Make a known network the one that every call loads."""

    def make(mean, log_variance, **options):
        known = Predictor(
            network=Known(mean, log_variance),
            device=torch.device("cpu"),
            depth=12,
            tile=16,
            widths=(1, 6),
            baseline="linear",
        )
        monkeypatch.setattr(predictors, "load_predictor", lambda *_: replace(known, **options))

    return make


@pytest.fixture(scope="module")
def gapped():
    """Counts under a broad peak, a plane of four voxels not measured."""
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in SHAPE), indexing="ij")
    expected = 400 * np.exp(-3 * (z**2 + y**2 + x**2))
    counts = np.random.default_rng(0).poisson(expected).astype(np.float32)
    mask = np.zeros(SHAPE, bool)
    mask[:, 14:18] = True
    counts[mask] = 0
    return Pattern(intensity=counts, mask=mask, grid=Grid(step=(1.0,) * 3))


@pytest.mark.parametrize("scale", [1.0, 0.5, 3.0])
def test_intensity_and_sigma_are_the_networks(network, gapped, scale):
    """Mean of `log(1 + I)` a quarter above linear's, variance 0.09 + 0.01 log(1 + I)."""
    network(lambda f: f + 0.25, lambda f: torch.log(0.09 + 0.01 * f), sigma_scale=scale)
    filled, mask = inpaint(gapped, method="unet", stride=5), gapped.mask
    linear = linear_fill(np.log1p(gapped.intensity), mask).astype(np.float64)
    np.testing.assert_allclose(filled.intensity[mask], np.expm1(linear[mask] + 0.25), rtol=1e-4)
    sigma = scale * np.sqrt(0.09 + 0.01 * linear[mask])
    np.testing.assert_allclose(filled.sigma[mask], sigma, rtol=1e-4)
    assert np.ptp(sigma) > 0.02 * scale
    np.testing.assert_array_equal(filled.intensity[~mask], gapped.intensity[~mask])
    assert not filled.sigma[~mask].any()
    assert filled.method == "unet"


def test_where_two_gaps_cross_the_error_is_that_of_one_window(network, gapped):
    """Both axes state the same error; averaging two that agree does not make it smaller."""
    mask = gapped.mask.copy()
    mask[:, :, 8:12] = True
    network(lambda f: f * 0 + 2, lambda f: f * 0 + np.log(0.16))
    filled = inpaint(replace(gapped, mask=mask), method="unet")
    np.testing.assert_allclose(filled.intensity[mask], np.expm1(2), rtol=1e-5)
    np.testing.assert_allclose(filled.sigma[mask], 0.4, rtol=1e-5)


def test_no_counts_are_negative(network, gapped):
    network(lambda f: f * 0 - 1, lambda f: f * 0)
    assert not inpaint(gapped, method="unet").intensity[gapped.mask].any()


def test_a_network_that_states_no_error_has_none(network, gapped):
    network(lambda f: f, lambda f: f * 0, states_error=False)
    filled = inpaint(gapped, method="unet")
    assert np.isnan(filled.sigma[gapped.mask]).all()
    assert not filled.sigma[~gapped.mask].any()


def test_what_the_network_cannot_reach_keeps_the_baseline_and_its_error(network, gapped):
    mask = gapped.mask.copy()
    mask[:3] = True
    network(lambda f: f + 1, lambda f: f * 0 - 2)
    with pytest.warns(SayreWarning, match=rf"{mask[:3].sum()} masked voxels .* filled by linear"):
        filled = inpaint(replace(gapped, mask=mask), method="unet")
    assert filled.method == "unet + linear"
    beyond = np.zeros(SHAPE, bool)
    beyond[:3] = True
    linear = linear_fill(np.log1p(gapped.intensity), mask)
    np.testing.assert_allclose(filled.intensity[beyond], np.expm1(linear[beyond]), rtol=1e-5)
    np.testing.assert_array_equal(filled.sigma[beyond], 1)
    np.testing.assert_allclose(filled.sigma[mask & ~beyond], np.exp(-1), rtol=1e-5)


def test_windows_are_no_further_apart_than_they_are_long(network, gapped):
    network(lambda f: f + 0.25, lambda f: f * 0)
    near, far = (inpaint(gapped, method="unet", stride=stride) for stride in (16, 1000))
    np.testing.assert_array_equal(near.intensity, far.intensity)
    assert np.isfinite(far.intensity).all()


def test_progress_rises_to_one(network, gapped):
    network(lambda f: f, lambda f: f * 0)
    told = []
    inpaint(gapped, method="unet", progress=told.append)
    assert told == sorted(told)
    assert 0.5 <= told[0] <= told[-1] == 1


def test_the_scale_of_the_error_is_the_registrys(monkeypatch):
    (row,) = (row for row in registry.registry().values() if row.task == "inpaint" and row.default)
    other = replace(row, sigma_scale=1.75)
    monkeypatch.setattr(registry, "registry", lambda: {row.name: other})
    assert load_predictor(None, "cpu").sigma_scale == 1.75
    assert load_predictor(row.name, "cpu").sigma_scale == 1.75
    assert load_predictor(row.path, "cpu").sigma_scale == 1


@pytest.mark.parametrize("stride", [0, -3])
def test_strides_below_one_are_refused(gapped, stride):
    with pytest.raises(InputError, match=f"stride: must be a whole number of 1 or more, found {stride}"):
        inpaint(gapped, method="unet", stride=stride)
