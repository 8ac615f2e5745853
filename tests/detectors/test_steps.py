"""Scales of frames that change within a scan are found with their factors, and in no scan of one scale."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from test_hygiene import SHAPE, expected, peak

import sayre
import sayre.files
from sayre.data import Pattern
from sayre.detectors.hygiene import checks
from sayre.detectors.hygiene.checks import checked
from sayre.detectors.hygiene.steps import Scales, scales_of
from sayre.errors import InputError

NOTHING = np.zeros(SHAPE, bool)


def weakened(parts, seed=3, **known):
    """Poisson counts of a crystal of which `parts` (first, stop, factor) were weakened by a factor."""
    counts = expected(**known)
    for first, stop, factor in parts:
        counts[first:stop] /= factor
    return np.random.default_rng(seed).poisson(counts).astype(np.float32)


@pytest.mark.parametrize("scale", [(0.17, 0.18, 0.16), (0.08, 0.2, 0.12), (0.05, 0.1, 0.1)])
@pytest.mark.parametrize("factor", [3, 10])
@pytest.mark.parametrize("first", [14, 18])
def test_an_attenuator_that_was_put_in(scale, factor, first):
    found = scales_of(weakened([(first, 32, factor)], scale=scale), NOTHING)
    assert found.first == (0, first)
    assert found.factors == (1.0, pytest.approx(factor, rel=0.15))


@pytest.mark.parametrize("lost", [2, 3, 4])
def test_frames_that_are_missing_are_told_from_an_attenuator(tmp_path, lost):
    """Factors that leave the fringes as broken as before are no mend; both readings are named."""
    counts = np.random.default_rng(0).poisson(expected(scale=(0.12, 0.15, 0.15)))
    np.save(tmp_path / "lost.npy", np.delete(counts, range(14, 14 + lost), axis=0))
    np.save(tmp_path / "attenuated.npy", weakened([(16, 32, 3)], scale=(0.12, 0.15, 0.15)))
    first = "frames are missing, moved or in another order, or an attenuator"
    second = "an attenuator or the beam changed, or frames are missing"
    with pytest.warns(sayre.SayreWarning, match=first):
        sayre.load(tmp_path / "lost.npy")
    with pytest.warns(
        sayre.SayreWarning, match=f"the fringes do not continue there even so: {first}.*no factor"
    ):
        sayre.load(tmp_path / "lost.npy", normalise="steps")
    with pytest.warns(sayre.SayreWarning, match=f"{second}.*if frames are missing, no factor mends it"):
        sayre.load(tmp_path / "attenuated.npy", normalise="steps")


def test_an_attenuator_that_was_taken_out():
    found = scales_of(weakened([(0, 14, 5)], scale=(0.08, 0.2, 0.12)), NOTHING)
    assert found == Scales((0, 14), (pytest.approx(5, rel=0.05), 1.0))
    assert np.array_equal(found.of_frames(32), np.repeat(found.factors, (14, 18)))


def test_an_attenuator_that_was_put_in_and_taken_out():
    found = scales_of(weakened([(13, 18, 7)], scale=(0.08, 0.2, 0.12)), NOTHING)
    assert found == Scales((0, 13, 18), (1.0, pytest.approx(7, rel=0.05), 1.0))


@pytest.mark.parametrize("scale", [(0.17, 0.18, 0.16), (0.23, 0.23, 0.23), (0.3, 0.2, 0.2), (0.05, 0.1, 0.1)])
@pytest.mark.parametrize("top", [300, 1e4, 1e6, 1e8])
def test_nothing_is_found_in_a_scan_of_one_scale(scale, top):
    """Also of a crystal that is sampled too coarsely (1.7), with a background, and with a gap."""
    gap = NOTHING.copy()
    gap[:, 25:31] = True
    for seed in range(3):
        counts = weakened([], seed, scale=scale, top=top)
        assert scales_of(counts, NOTHING) is None
        assert scales_of(counts + np.random.default_rng(seed).poisson(20, SHAPE), gap) is None


@pytest.mark.parametrize("width", [3, 8, 14])
def test_nothing_is_found_in_the_fringes_of_a_box(width):
    """Faces across the scan: every pixel has the same fringes along it."""
    box = np.zeros(SHAPE)
    box[10 : 10 + width, 15 : 15 + width, 12 : 12 + width] = 1
    counts = np.abs(np.fft.fftshift(np.fft.fftn(box))) ** 2
    counts = np.random.default_rng(0).poisson(counts * 1e6 / counts.max()).astype(np.float32)
    assert scales_of(counts, NOTHING) is None


def test_it_is_said_and_mended_on_request_alone():
    truth = expected()
    counts = weakened([(18, 32, 10)])
    pattern = Pattern.from_counts(counts)
    with pytest.warns(sayre.SayreWarning, match=r"frames 18 to 31 are .* times too dark: an attenuator"):
        assert np.array_equal(checked(pattern).intensity, counts)
    with pytest.warns(sayre.SayreWarning, match=r"multiplied to one scale, as they tell: frames 18 to 31"):
        mended = checked(pattern, even=True)
    assert mended.intensity[18:].sum() == pytest.approx(truth[18:].sum(), rel=0.1)
    assert np.array_equal(mended.intensity[:18], counts[:18])
    assert "multiplied to one scale" in mended.meta.corrections


def test_noise_behind_an_attenuator_is_not_multiplied(monkeypatch):
    monkeypatch.setattr(checks, "scales_of", lambda *_: Scales((0, 18), (1.0, 120.0)))
    pattern = Pattern.from_counts(peak())
    with pytest.raises(InputError, match="a factor above 100 leaves noise: mask these frames"):
        checked(pattern, even=True)


@pytest.mark.measured
@pytest.mark.parametrize("file", ["A_aps34idc_S54_au.npz", "D_id01_maxipix.cxi"])
def test_measured_peaks_are_of_one_scale(data_dir, file):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pattern = sayre.files.load(data_dir / file)
    assert scales_of(pattern.intensity, pattern.mask) is None
    if file.startswith("A"):
        weaker = pattern.intensity.copy()
        weaker[110:] = np.random.default_rng(0).binomial(weaker[110:].astype(int), 0.2)
        assert scales_of(weaker, pattern.mask) == Scales((0, 110), (1.0, pytest.approx(5, rel=0.1)))
