"""Refinement recovers effects that were put in, and leaves out those that were not."""

import numpy as np
import pytest
from scipy.ndimage import binary_erosion, gaussian_filter

from sayre.data.option import SettingError
from sayre.errors import SayreWarning
from sayre.retrieval.choice.align import align, correlation
from sayre.retrieval.doubts import warn_of_overfit
from sayre.retrieval.engine.bounds import Bounds, free_voxels
from sayre.retrieval.measurement.corrected import corrected, point_spread
from sayre.retrieval.measurement.model import best_model
from sayre.retrieval.measurement.nuisances import KINDS, Nuisances, effects_of
from sayre.retrieval.measurement.refine import refine
from sayre.retrieval.settings import Settings

PUT_IN = {"widths": (0.6, 0.5, 0.7), "background": 0.8}


def bounds_of(counts, free=0.05):
    weight = np.ones(counts.shape, np.uint8)
    weight[free_voxels(counts, weight == 0, free, np.random.default_rng(0))] = 2
    used, root = weight == 1, np.sqrt(counts)
    lower, upper = np.where(used, root, 0), np.where(used, root, np.inf).astype(np.float32)
    return Bounds(lower=lower, upper=upper, counts=counts, weight=weight)


@pytest.fixture(scope="module")
def disturbed(crystal):
    """Counts of the block with every effect, 1e6 in the peak, and the effects."""
    rng = np.random.default_rng(5)
    expected = np.abs(crystal[1].astype(complex)) ** 2
    frames, gains = np.exp(rng.normal(0, 0.1, 36)), np.exp(rng.normal(0, 0.1, (36, 36)))
    blurred = gaussian_filter(expected, PUT_IN["widths"], mode="wrap", truncate=6)
    counts = rng.poisson(gains * (frames[:, None, None] * blurred + PUT_IN["background"]))
    return counts.astype(np.float32), frames, gains


def test_effects_that_were_put_in_are_recovered(crystal, disturbed):
    counts, frames, gains = disturbed
    obj, support = crystal[0], crystal[0] != 0
    found = refine(obj, support, bounds_of(counts), KINDS, evaluations=300, dilation=0)
    effects = found.nuisances
    assert np.sqrt(np.diag(effects.spread)) == pytest.approx(PUT_IN["widths"], rel=0.15)
    # noise that the object takes up is missing from the background
    assert 0.6 * PUT_IN["background"] < effects.background < 1.1 * PUT_IN["background"]
    sharp = np.log(frames) - gaussian_filter(np.log(frames), 3, mode="wrap")  # long waves are not told
    seen = np.log(effects.frames) - gaussian_filter(np.log(effects.frames), 3, mode="wrap")
    assert np.corrcoef(sharp, seen)[0, 1] > 0.95
    bright = counts.sum(0) > 1e4
    assert bright.sum() > 100
    assert np.corrcoef(np.log(effects.gains[bright]), np.log(gains[bright]))[0, 1] > 0.9
    assert float(found.fit.likelihood[0]) < 0.6
    assert correlation(align(found.object, obj), obj) > 0.99


def test_the_expected_counts_fit(disturbed, crystal):
    counts, *_ = disturbed
    found = refine(crystal[0], crystal[0] != 0, bounds_of(counts), KINDS, evaluations=300, dilation=0)
    residual = np.sqrt(((np.sqrt(found.expected) - np.sqrt(counts)) ** 2).sum() / counts.sum())
    assert residual == pytest.approx(float(found.fit.residual[0]), rel=0.2)
    pull = (counts - found.expected) / np.sqrt(found.expected + 1)
    assert pull.std() < 1.2


def test_effects_that_were_not_put_in_are_left_out(crystal):
    found = best_model(crystal[0], crystal[0] != 0, bounds_of(crystal[2]), KINDS)
    assert set(found.nuisances.kinds) <= {"frames"}, "the cut-off field rings, which flux can mend a little"
    assert correlation(align(found.object, crystal[0]), crystal[0]) > 0.999


def test_effects_that_are_asked_for_stay(crystal):
    kinds = ("spread", "background")
    found = best_model(crystal[0], crystal[0] != 0, bounds_of(crystal[2]), kinds, every=True)
    assert found.nuisances.kinds == kinds


def test_a_support_that_cuts_into_the_crystal_is_loosened(crystal):
    obj, support = crystal[0], binary_erosion(crystal[0] != 0)
    cut = np.where(support, obj, 0)
    found = best_model(cut, support, bounds_of(crystal[2]), ())
    assert found.dilation > 0
    assert 1 - correlation(align(found.object, obj), obj) < 0.8 * (1 - correlation(cut, obj))


def test_counts_without_effects_are_those_of_the_crystal(disturbed, crystal):
    counts, frames, gains = disturbed
    effects = Nuisances(
        frames=frames.astype(np.float32), gains=gains.astype(np.float32), background=PUT_IN["background"]
    )
    bounds = bounds_of(counts)
    brought = corrected(bounds, effects)
    exact = np.maximum((counts / gains - PUT_IN["background"]) / frames[:, None, None], 0)
    used = bounds.weight == 1
    np.testing.assert_allclose(brought.counts, exact, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(brought.lower[used] ** 2, exact[used], rtol=1e-4, atol=1e-4)
    assert np.isinf(brought.upper[bounds.weight == 2]).all()


def test_the_kernel_has_the_covariance():
    covariance = np.array([[1.2, 0.3, 0], [0.3, 0.9, -0.2], [0, -0.2, 0.7]])
    kernel = point_spread(covariance)
    lags = np.stack(np.meshgrid(*[np.arange(-5, 6)] * 3, indexing="ij"))
    found = np.einsum("izyx,jzyx,zyx->ij", lags, lags, kernel)
    np.testing.assert_allclose(found, covariance, atol=0.01)
    assert kernel.sum() == pytest.approx(1)
    assert point_spread(None) is None


def test_effects_are_named_in_a_setting():
    assert effects_of("auto", 3) == KINDS
    assert effects_of("auto", 2) == ("spread", "background")
    assert effects_of("gains, spread", 3) == ("spread", "gains")
    with pytest.warns(SayreWarning, match="2D counts do not tell frames; left out"):
        assert effects_of("spread,frames", 2) == ("spread",)
    with pytest.raises(SettingError, match="must be auto, none, or some of spread, frames"):
        Settings(refine="spread,gain")


@pytest.mark.parametrize(
    ("likelihood", "free", "warned"), [(0.5, 0.7, False), (0.1, 2.0, False), (0.6, 9, True)]
)
def test_an_object_that_fits_noise_is_warned_of(likelihood, free, warned, recwarn):
    warn_of_overfit("peak.npz", likelihood, free)
    assert [str(w.message).startswith("peak.npz: voxels that phasing never saw") for w in recwarn] == [
        True
    ] * warned


def test_effects_are_told_in_sentences_and_numbers():
    frames = np.ones(8, np.float32)
    frames[3] = 0.71
    effects = Nuisances(spread=np.diag([0.25, 0.09, 0.04]), frames=frames, background=0.5)
    told = effects.sentences()
    assert "0.50 / 0.30 / 0.20 voxels" in told[0]
    assert "frame 3 has 0.71 times the mean" in told[1]
    assert "0.5 counts" in told[2]
    assert effects.metrics["effects"] == ["spread", "frames", "background"]
    assert effects.metrics["spread_widths"] == pytest.approx([0.5, 0.3, 0.2])


def test_effects_of_no_size_are_named_but_not_told():
    """Widths of 0.15 voxels, half a per cent of flux and response, 0.001 counts a voxel can be noticed."""
    frames, gains = np.ones(8, np.float32), np.ones((6, 6), np.float32)
    frames[3], gains[::2] = 1.004, 1.009
    small = Nuisances(spread=np.diag([0.14, 0.1, 0.01]) ** 2, frames=frames, background=9e-4, gains=gains)
    assert small.noticed == ()
    assert small.sentences() == ["Fitted, but too small to be noticed: spread, frames, background, gains."]
    assert small.metrics["effects"] == list(KINDS)
    assert small.metrics["spread_widths"] == pytest.approx([0.14, 0.1, 0.01])
    frames[3], gains[::2] = 0.994, 1.011
    large = Nuisances(spread=np.diag([0.16, 0.1, 0.01]) ** 2, frames=frames, background=1.1e-3, gains=gains)
    assert large.noticed == KINDS
    spread, flux, background, response = large.sentences()
    assert "0.16 / below 0.15 / below 0.15 voxels" in spread
    assert "coherence lengths 0.99 / over 1.1 / over 1.1 of the array" in spread
    assert "scatters by 0.2 %; frame 3 has 0.994 times the mean" in flux
    assert "0.0011 counts" in background
    assert "by 0.55 %" in response
    assert Nuisances().sentences() == []
