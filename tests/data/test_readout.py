"""Counts below zero: noise around zero is used, anything else is masked."""

from __future__ import annotations

import numpy as np
import pytest

from sayre.data import Pattern
from sayre.data.readout import scatter_of_dark
from sayre.errors import InputError, SayreWarning
from sayre.files import save
from sayre.scans import load
from sayre.workflows.jobs.input_file import InputFile

GENERATOR = 7


def peak(shape=(24, 40, 44)):
    z, y, x = np.meshgrid(*(np.arange(n) - n // 2 for n in shape), indexing="ij")
    return 3e4 * np.exp(-(z**2 + y**2 + x**2) / 30) * (1 + 0.8 * np.cos(0.9 * y)) + 0.1


def subtracted(background, read=0.0, seed=GENERATOR):
    generator = np.random.default_rng(seed)
    expected = peak()
    return generator.poisson(expected + background) - background + generator.normal(0, read, expected.shape)


def texts_of(said):
    return [str(one.message) for one in said]


@pytest.mark.parametrize(("background", "read"), [(20.0, 0.0), (2.5, 0.0), (4.0, 3.0), (0.0, 5.0)])
def test_the_scatter_of_dark_voxels_is_that_of_background_and_reading_out(background, read):
    """Known variances: a Poisson background has that of its mean."""
    counts = subtracted(background, read).astype(np.float32)
    mask = np.random.default_rng(1).random(counts.shape) < 0.02
    counts[mask] = 1e6
    assert scatter_of_dark(counts, mask) == pytest.approx(np.sqrt(background + read**2 + 0.1), rel=0.04)


def test_a_smooth_surface_below_zero_and_too_few_voxels_are_no_noise():
    slope = np.linspace(-50, 50, 60)[:, None] + np.zeros((60, 60))
    counts = (slope + np.random.default_rng(0).normal(0, 1, slope.shape)).astype(np.float32)
    assert scatter_of_dark(counts, np.zeros(counts.shape, bool)) is None
    few = np.random.default_rng(0).normal(0, 1, (20, 20)).astype(np.float32)
    assert scatter_of_dark(few, np.zeros(few.shape, bool)) is None
    assert scatter_of_dark(few[:, :3], np.zeros((20, 3), bool)) is None


def test_counts_with_their_background_subtracted_are_used_and_said_to_be():
    counts = subtracted(20.0)
    share = 100 * np.mean(counts < 0)
    with pytest.warns(SayreWarning) as said:
        pattern = Pattern.from_counts(counts)
    (text,) = texts_of(said)
    assert f"{share:.2g} % of the values are negative" in text
    assert "they are used, with a standard deviation of 4.4" in text
    assert not pattern.mask.any()
    assert np.array_equal(pattern.intensity, counts.astype(np.float32))
    assert pattern.readout == pytest.approx(np.sqrt(20.1), rel=0.04)
    assert "negative counts are used" in str(pattern)


def test_values_far_below_the_noise_are_masked():
    counts = subtracted(20.0)
    counts[3, 4, 5], counts[0, 0, 0] = -1000, np.nan
    with pytest.warns(SayreWarning) as said:
        pattern = Pattern.from_counts(counts)
    assert any("2 NaN, infinite or negative values masked" in text for text in texts_of(said))
    assert np.argwhere(pattern.mask).tolist() == [[0, 0, 0], [3, 4, 5]]


def test_negative_values_that_are_no_noise_are_masked_and_said_to_be():
    counts = subtracted(20.0)
    counts -= np.linspace(0, 60, counts.shape[1])[:, None]
    with pytest.warns(SayreWarning) as said:
        pattern = Pattern.from_counts(counts)
    assert any("but not as noise around zero is; they are masked" in text for text in texts_of(said))
    assert pattern.readout == 0
    assert pattern.mask.sum() == np.count_nonzero(counts < 0)


def test_a_noise_that_is_given():
    counts = np.where(np.arange(36).reshape(6, 6) % 9 == 4, -2.0, 5.0)
    assert Pattern.from_counts(counts, readout=3.0).intensity.min() == -2
    with pytest.warns(SayreWarning, match="4 NaN"):
        assert Pattern.from_counts(counts, readout=0.0).mask.sum() == 4
    for wrong in (-1.0, np.nan):
        with pytest.raises(InputError, match="readout must be a finite number, 0 or more"):
            Pattern.from_counts(counts, readout=wrong)


def test_as_photons_undoes_the_subtraction():
    raw = np.random.default_rng(0).poisson(np.full((9, 9), 16.0)).astype(np.float32)
    mask = raw > 22
    pattern = Pattern.from_counts(raw - 16, mask, readout=4.0)
    photons = pattern.as_photons()
    assert np.array_equal(photons.intensity, np.where(mask, 0, raw))
    assert photons.readout == 0
    assert photons.as_photons() is photons


def test_the_noise_is_stated_when_counts_are_read(tmp_path):
    """From a file, and by the option of the commands, where it goes before that of the file."""
    counts = subtracted(20.0)
    save(tmp_path / "a.npz", Pattern.from_counts(counts, readout=4.5))
    assert load(tmp_path / "a.npz").readout == 4.5
    assert load(tmp_path / "a.npz", readout=6.0).readout == 6
    job = InputFile(source=str(tmp_path / "a.npz"), readout=0.0)
    with pytest.warns(SayreWarning, match=f"{np.count_nonzero(counts < 0)} NaN, infinite or negative"):
        assert job.load().mask.sum() == np.count_nonzero(counts < 0)
