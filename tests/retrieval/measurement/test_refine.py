"""Refinement recovers effects that were put in, and leaves out those that were not."""

import numpy as np
import pytest
from scipy.ndimage import binary_erosion, gaussian_filter

from sayre.data.option import SettingError
from sayre.errors import SayreWarning
from sayre.retrieval.choice.align import align, correlation
from sayre.retrieval.doubts import warn_of_overfit
from sayre.retrieval.engine.bounds import Bounds, free_voxels
from sayre.retrieval.measurement import model
from sayre.retrieval.measurement.corrected import corrected, point_spread
from sayre.retrieval.measurement.model import best_model
from sayre.retrieval.measurement.nuisances import FIRST, KINDS, Nuisances, effects_of
from sayre.retrieval.measurement.refine import refine, significance
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
    found = refine(obj, support, bounds_of(counts), FIRST, evaluations=300, dilation=0)
    effects = found.nuisances
    assert np.sqrt(np.diag(effects.spread)) == pytest.approx(PUT_IN["widths"], rel=0.15)
    assert 0.7 * PUT_IN["background"] < effects.background < 1.4 * PUT_IN["background"]
    sharp = np.log(frames) - gaussian_filter(np.log(frames), 3, mode="wrap")  # long waves are not told
    seen = np.log(effects.frames) - gaussian_filter(np.log(effects.frames), 3, mode="wrap")
    assert np.corrcoef(sharp, seen)[0, 1] > 0.95
    bright = counts.sum(0) > 1e4
    assert bright.sum() > 100
    assert np.corrcoef(np.log(effects.gains[bright]), np.log(gains[bright]))[0, 1] > 0.9
    assert float(found.fit.likelihood[0]) < 0.6
    assert correlation(align(found.object, obj), obj) > 0.99


@pytest.fixture(scope="module")
def moved(crystal):
    """Counts of frames off their angles by a tenth of a step, in a blur that is half a Lorentzian."""
    obj, n = crystal[0], 36
    errors = 0.1 * np.random.default_rng(2).standard_normal(n)
    places = np.arange(n) - n // 2
    waves = np.exp(-2j * np.pi / n * np.outer(places + errors, places))
    planes = np.einsum("qz,zyx->qyx", waves, obj.astype(complex))
    field = np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(planes, (1, 2))), (1, 2))
    q = np.sqrt(sum(f**2 for f in np.meshgrid(*[np.fft.fftfreq(n)] * 3, indexing="ij")))
    transfer = 0.5 * np.exp(-2 * np.pi**2 * 0.25 * q**2) + 0.5 * np.exp(-2 * np.pi * 0.5 * q)
    blurred = np.fft.ifftn(np.fft.fftn(np.abs(field) ** 2) * transfer).real.clip(0)
    equal = np.fft.ifftn(np.fft.fftn(np.abs(crystal[1].astype(complex)) ** 2) * transfer).real.clip(0)
    return np.random.default_rng(3).poisson(blurred).astype(np.float32), errors, equal


def test_tails_and_errors_of_the_angle_are_found_by_free_voxels(crystal, moved, monkeypatch):
    counts, errors, _ = moved
    obj = crystal[0]
    monkeypatch.setattr(model, "DILATIONS", (0,))
    plain = best_model([(obj, obj != 0)], bounds_of(counts), ("spread",), every=True)
    found = best_model(
        [(obj, obj != 0)], bounds_of(counts), ("spread", "tails", "angles", "background_frames")
    )
    assert found.nuisances.kinds == ("spread", "tails", "angles")
    assert found.merit < 0.9 * plain.merit
    assert found.nuisances.tails == pytest.approx(0.5, abs=0.15)
    assert np.sqrt(np.diag(found.nuisances.spread)) == pytest.approx([0.5] * 3, rel=0.15)
    sharp = errors - gaussian_filter(errors, 3, mode="wrap")  # long waves are not told
    seen = found.nuisances.angles - gaussian_filter(found.nuisances.angles, 3, mode="wrap")
    assert np.corrcoef(sharp, seen)[0, 1] > 0.9
    assert np.std(seen) == pytest.approx(np.std(sharp), rel=0.25)
    better, worse = (correlation(align(one.object, obj), obj) for one in (found, plain))
    assert 1 - better < 0.5 * (1 - worse)


def test_a_background_that_differs_from_frame_to_frame_and_over_the_detector_is_found(crystal):
    rng, expected = np.random.default_rng(4), np.abs(crystal[1].astype(complex)) ** 2
    rows = np.cos(np.pi * (np.arange(36) + 0.5) / 36)
    frames = np.exp(rng.normal(0, 0.5, 36))
    dark = 5 * frames[:, None, None] * np.exp(0.6 * rows)[:, None]
    bounds = bounds_of(rng.poisson(expected + dark).astype(np.float32))
    found = best_model(
        [(crystal[0], crystal[0] != 0)], bounds, ("background", "background_frames", "background_waves")
    )
    effects = found.nuisances
    assert effects.kinds == ("background", "background_frames", "background_waves")
    whole = effects.background * effects.background_frames[:, None, None] * effects.background_waves
    assert np.log(whole / dark).std() < 0.15
    assert whole.mean() == pytest.approx(dark.mean(), rel=0.2)


def test_counts_without_the_errors_of_the_angle_are_those_of_equal_steps(crystal, moved):
    counts, _, equal = moved
    obj, kinds = crystal[0], ("spread", "tails", "angles")
    bounds = bounds_of(counts)
    found = refine(obj, obj != 0, bounds, kinds, evaluations=150, dilation=0)
    before, after = (corrected(bounds, found.nuisances, moved).counts for moved in (None, found.moved))
    used = (bounds.weight == 1) & (equal > 1000)
    wrong = [np.sqrt(((np.sqrt(x) - np.sqrt(equal))[used] ** 2).mean()) for x in (before, after)]
    assert wrong[1] < 0.5 * wrong[0]


def test_a_background_is_not_what_the_object_leaves_of_it(crystal, disturbed):
    """Of the free voxels it is found where the used ones alone would leave a part to the object."""
    counts, *_ = disturbed
    obj = crystal[0]
    with_free, without = (
        refine(
            obj, obj != 0, bounds_of(counts, free), FIRST, evaluations=200, dilation=2
        ).nuisances.background
        for free in (0.05, 0)
    )
    true = PUT_IN["background"]
    assert without < 0.3 * true
    assert 0.6 * true < with_free < 1.9 * true


def test_an_effect_that_may_matter_is_told_by_its_score(crystal, moved):
    obj = crystal[0]
    scores = []
    for counts in (moved[0], crystal[2]):
        bounds = bounds_of(counts)
        base = refine(obj, obj != 0, bounds, ("spread",), evaluations=50, dilation=0)
        scores.append([significance(base, obj != 0, bounds, kind) for kind in ("tails", "angles")])
    assert min(scores[0]) > 10
    assert max(scores[1]) < 4


def test_the_expected_counts_fit(disturbed, crystal):
    counts, *_ = disturbed
    found = refine(crystal[0], crystal[0] != 0, bounds_of(counts), FIRST, evaluations=300, dilation=0)
    residual = np.sqrt(((np.sqrt(found.expected) - np.sqrt(counts)) ** 2).sum() / counts.sum())
    assert residual == pytest.approx(float(found.fit.residual[0]), rel=0.2)
    pull = (counts - found.expected) / np.sqrt(found.expected + 1)
    assert pull.std() < 1.2


def test_effects_that_were_not_put_in_are_left_out(crystal):
    found = best_model([(crystal[0], crystal[0] != 0)], bounds_of(crystal[2]), KINDS)
    assert set(found.nuisances.kinds) <= {"frames"}, "the cut-off field rings, which flux can mend a little"
    assert correlation(align(found.object, crystal[0]), crystal[0]) > 0.999


def test_effects_that_are_asked_for_stay(crystal):
    kinds = ("spread", "background")
    found = best_model([(crystal[0], crystal[0] != 0)], bounds_of(crystal[2]), kinds, every=True)
    assert found.nuisances.kinds == kinds


def test_a_support_that_cuts_into_the_crystal_is_loosened(crystal):
    obj, support = crystal[0], binary_erosion(crystal[0] != 0)
    cut = np.where(support, obj, 0)
    found = best_model([(cut, support)], bounds_of(crystal[2]), ())
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
    kernel = point_spread(Nuisances(spread=covariance))
    lags = np.stack(np.meshgrid(*[np.arange(-5, 6)] * 3, indexing="ij"))
    found = np.einsum("izyx,jzyx,zyx->ij", lags, lags, kernel)
    np.testing.assert_allclose(found, covariance, atol=0.01)
    assert kernel.sum() == pytest.approx(1)
    assert point_spread(Nuisances()) is None


def test_effects_are_named_in_a_setting():
    assert effects_of("auto", 3) == KINDS
    assert effects_of("auto", 2) == ("spread", "tails", "background", "background_waves")
    assert effects_of("gains, spread", 3) == ("spread", "gains")
    with pytest.warns(SayreWarning, match="2D counts do not tell frames; left out"):
        assert effects_of("spread,frames", 2) == ("spread",)
    with pytest.raises(SettingError, match="tails changes spread, which must be named too"):
        Settings(refine="tails,frames")
    with pytest.raises(SettingError, match="must be auto, none, or some of spread, tails, frames"):
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
    assert small.metrics["effects"] == list(FIRST)
    assert small.metrics["spread_widths"] == pytest.approx([0.14, 0.1, 0.01])
    frames[3], gains[::2] = 0.994, 1.011
    large = Nuisances(spread=np.diag([0.16, 0.1, 0.01]) ** 2, frames=frames, background=1.1e-3, gains=gains)
    assert large.noticed == FIRST
    spread, flux, background, response = large.sentences()
    assert "0.16 / below 0.15 / below 0.15 voxels" in spread
    assert "coherence lengths 0.99 / over 1.1 / over 1.1 of the array" in spread
    assert "scatters by 0.2 %; frame 3 has 0.994 times the mean" in flux
    assert "0.0011 counts" in background
    assert "by 0.55 %" in response
    assert Nuisances().sentences() == []


def test_tails_angles_and_uneven_backgrounds_are_told():
    angles, uneven = np.zeros(8, np.float32), np.ones(8, np.float32)
    angles[5], uneven[2] = -0.25, 3
    smooth = np.linspace(0.5, 2, 6, dtype=np.float32).reshape(2, 3)
    effects = Nuisances(
        spread=np.eye(3),
        tails=0.4,
        background=1.5,
        background_frames=uneven,
        background_waves=smooth,
        angles=angles,
    )
    told = effects.sentences()
    assert "40 % of it are a Lorentzian" in told[1]
    assert "frame 2 has 3 times as much" in told[3]
    assert "from 0.5 to 2 times" in told[4]
    assert "frame 5 was measured 0.25 of a step too early" in told[5]
    numbers = effects.metrics
    assert numbers["spread_lorentzian"] == 0.4
    assert numbers["background_frames"][2] == 3
    assert numbers["background_range"] == [0.5, 2]
    assert numbers["angles"][5] == -0.25
    assert numbers["angles_scatter"] == pytest.approx(np.std(angles))
    small = Nuisances(spread=np.eye(3), tails=0.04, angles=0.05 * angles)
    assert small.noticed == ("spread",)
    assert small.sentences()[-1] == "Fitted, but too small to be noticed: tails, angles."
