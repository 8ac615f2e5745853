"""Counts of something else are found, masked and told; those of the crystal stay."""

import warnings

import numpy as np
import pytest

import sayre
from sayre.data import FilledPattern, Grid, Pattern
from sayre.errors import SayreWarning
from sayre.retrieval.aliens import LEAST, Suspect, free_deviance, suspects, without
from sayre.retrieval.choice.align import align, correlation
from sayre.retrieval.engine.bounds import Bounds, amplitude_bounds
from sayre.retrieval.kept import KeptRuns
from sayre.retrieval.phasing import Watch
from sayre.retrieval.settings import Settings
from sayre.workflows.reconstruction import reconstruct

PLACE = (24, 8, 28)


def pattern_of(counts, mask=None):
    counts = np.asarray(counts, np.float32)
    mask = np.zeros(counts.shape, bool) if mask is None else mask
    return Pattern(intensity=np.where(mask, 0, counts), mask=mask, grid=Grid(step=(1.0,) * counts.ndim))


def blob(shape, place, height):
    """Counts of an alien: a Gaussian of two voxels."""
    apart = np.indices(shape) - np.reshape(place, (-1,) + (1,) * len(shape))
    return np.random.default_rng(1).poisson(height * np.exp(-(apart**2).sum(0) / 8))


def phased(counts, *, mask_aliens):
    """Phase without the warnings, which are returned."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", SayreWarning)
        settings = {"recipe": "quick", "runs": 4, "refine": "none", "mask_aliens": mask_aliens}
        return sayre.phase(pattern_of(counts), **settings), [str(w.message) for w in caught]


def test_an_alien_is_masked_and_the_crystal_is_right_then(crystal):
    obj, _, counts = crystal
    alien = blob(counts.shape, PLACE, 5e4)
    found, told = phased(counts + alien, mask_aliens=True)
    spoilt, _ = phased(counts + alien, mask_aliens=False)
    wrong = [1 - correlation(align(one.object, obj), obj) for one in (spoilt, found)]
    assert wrong[1] < wrong[0] / 3
    (place,), (counted,), (scattered,) = found.aliens.places, found.aliens.counts, found.aliens.expected
    assert np.abs(np.array(place) - PLACE).max() <= 1
    assert counted == pytest.approx(alien.sum(), rel=0.1)
    assert scattered < 0.1 * counted
    assert found.pattern.mask[PLACE]
    assert found.aliens.free[1] < found.aliens.free[0]
    assert spoilt.aliens is None
    assert any("one alien masked" in text and str(place) in text for text in told)
    assert found.metrics["aliens"]["places"] == [list(place)]


@pytest.mark.filterwarnings("ignore::sayre.errors.SayreWarning")
def test_starts_without_an_alien_are_resumed(crystal, tmp_path, monkeypatch):
    counts = pattern_of(crystal[2] + blob(crystal[2].shape, PLACE, 5e4))
    settings = Settings(recipe="(HIO*20 + SW)**3, ER*10", runs=3, refine="none", mask_aliens=True)
    made, stop_after = [], None
    write = KeptRuns.write

    def written(kept, run):
        write(kept, run)
        made.append(run.index)
        if len(made) == stop_after:
            raise KeyboardInterrupt

    monkeypatch.setattr(KeptRuns, "write", written)
    whole = reconstruct(counts, settings, kept=KeptRuns(tmp_path / "whole", {})).phased
    every = made[:]
    assert len(every) >= 6
    assert every[:6] == [0, 1, 2, 0, 1, 2]
    made, stop_after = [], 5
    with pytest.raises(KeyboardInterrupt):
        reconstruct(counts, settings, kept=KeptRuns(tmp_path / "stopped", {}))
    assert made == every[:5]
    made, stop_after = [], None
    again = reconstruct(counts, settings, kept=KeptRuns(tmp_path / "stopped", {})).phased
    assert made == every[5:]
    np.testing.assert_array_equal(again.object, whole.object)
    assert again.aliens == whole.aliens
    kept = KeptRuns(tmp_path / "stopped", {})
    assert [run.index for run in kept.read()] == [0, 1, 2]
    assert kept.without(~counts.mask).read() == ()
    kept.remove()
    assert list(tmp_path.iterdir()) == [tmp_path / "whole"]


def test_counts_of_the_crystal_are_not_masked(crystal):
    found, told = phased(crystal[2], mask_aliens=True)
    plain, _ = phased(crystal[2], mask_aliens=False)
    assert found.aliens is None
    assert not found.pattern.mask.any()
    np.testing.assert_array_equal(found.object, plain.object)
    assert any("no alien" in text for text in told)


@pytest.mark.filterwarnings("ignore::sayre.errors.SayreWarning")
def test_where_nothing_is_suspected_the_progress_is_that_of_one_pass(crystal):
    fractions = {True: [], False: []}
    for looked, seen in fractions.items():
        watch = Watch(report=lambda now, seen=seen: seen.append(now.fraction))
        settings = {"recipe": "ER*2", "runs": 2, "refine": "none", "mask_aliens": looked}
        sayre.phase(pattern_of(crystal[2]), **settings, watch=watch)
    assert fractions[True] == fractions[False]
    assert fractions[True][-1] == pytest.approx(1)


@pytest.mark.parametrize("shape", [(44, 42), (45, 41), (38, 39, 40)])
def test_what_has_no_counterpart_is_suspected(shape):
    centre = [n // 2 for n in shape]
    place = [c + 10 for c in centre]
    opposite = [c - 10 for c in centre]
    peak = 1e5 * np.exp(-sum((i - c) ** 2 for i, c in zip(np.indices(shape), centre, strict=True)) / 6)
    bright = blob(shape, place, 2e4)
    (one,) = suspects(pattern_of(peak + bright))
    assert np.abs(np.array(one.place) - place).max() <= 1
    assert one.counts == pytest.approx((peak + bright)[one.core].sum(), rel=1e-5)
    assert suspects(pattern_of(peak + bright + blob(shape, opposite, 2e4))) == []
    assert suspects(pattern_of(peak)) == []
    faint = bright * (0.5 * LEAST * peak.sum() / bright.sum())
    assert suspects(pattern_of(peak + faint)) == []
    hidden = np.zeros(shape, bool)
    hidden[tuple(slice(o - 8, o + 9) for o in opposite)] = True
    assert suspects(pattern_of(peak + bright, hidden)) == []


def test_masked_places_of_filled_counts_are_free():
    shape = (20, 20)
    counts = np.random.default_rng(0).poisson(50, shape).astype(np.float32)
    gap = np.zeros(shape, bool)
    gap[:, 3] = True
    core = np.zeros(shape, bool)
    core[10, 12] = True
    filled = FilledPattern(
        pattern=pattern_of(counts, gap),
        intensity=np.where(gap, np.float32(7), counts),
        sigma=np.where(gap, np.float32(0.2), np.float32(0)),
        method="wiener",
    )
    masked = without(filled, [Suspect(core, (10, 12), 50.0)])
    grown = masked.mask & ~gap
    assert grown.sum() == 25
    assert (masked.intensity[gap] == 7).all()
    np.testing.assert_array_equal(masked.intensity[~masked.mask], counts[~masked.mask])
    bounds = amplitude_bounds(masked)
    assert (bounds.lower[grown] < 0.1).all()
    assert (bounds.upper[grown] > 1e3).all()
    assert (bounds.weight[grown] == 0).all()


def test_a_filling_from_the_counts_of_an_alien_is_forgotten():
    shape = (40, 40)
    counts = np.random.default_rng(0).poisson(50, shape).astype(np.float32)
    gap, core = np.zeros(shape, bool), np.zeros(shape, bool)
    gap[:, 12:16] = True
    core[18:23, 16:20] = True
    filled = FilledPattern(
        pattern=pattern_of(counts + 1e4 * core, gap),
        intensity=np.where(gap, np.float32(1e4), counts + np.float32(1e4) * core),
        sigma=np.where(gap, np.float32(0.2), np.float32(0)),
        method="wiener",
    )
    masked = without(filled, [Suspect(core, (20, 17), 1e4 * core.sum())])
    beside = np.zeros(shape, bool)
    beside[16:25, 12:16] = True
    assert masked.intensity[beside].max() < 100
    bounds = amplitude_bounds(masked)
    assert (bounds.lower[beside] < 0.1).all()
    far = gap & (np.abs(np.arange(40) - 20) > 11)[:, None]
    np.testing.assert_array_equal(masked.intensity[far], filled.intensity[far])
    np.testing.assert_array_equal(masked.sigma[far], filled.sigma[far])


def test_the_deviance_is_that_of_free_voxels():
    counts, weight = np.array([3.0, 5.0, 0.0], np.float32), np.array([1, 2, 2], np.uint8)
    bounds = Bounds(lower=counts, upper=counts, counts=counts, weight=weight)
    expected = np.array([9.0, 4.0, 2.0], np.float32)
    assert free_deviance(expected, bounds) == pytest.approx((5 * np.log(5 / 4) - 1 + 2) / 2, rel=1e-5)
