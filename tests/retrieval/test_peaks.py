"""Of two peaks one is centred on, which is said; what strain splits is one peak."""

import re
import warnings

import numpy as np
import pytest

from sayre import cli, load, save
from sayre.data import Grid, Pattern
from sayre.errors import SayreWarning
from sayre.retrieval import prepare
from sayre.retrieval.binning import binned
from sayre.retrieval.peaks import find_peaks, peak_of
from sayre.simulation.strained.testset import strained_crystal


def pattern_of(counts):
    counts = np.asarray(counts, np.float32)
    return Pattern(intensity=counts, mask=np.zeros(counts.shape, bool), grid=Grid(step=(1.0,) * counts.ndim))


def told(function, *arguments):
    """Return what a function returns, and the warnings that it gave."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", SayreWarning)
        result = function(*arguments)
    return result, [str(w.message) for w in caught]


def centroid(counts):
    """The voxel nearest to the centroid of the squared counts."""
    weight = counts.astype(np.float64) ** 2
    return tuple(
        np.rint((np.indices(counts.shape) * weight).sum(tuple(range(1, 1 + counts.ndim))) / weight.sum())
    )


def pair(index, height, shift):
    """Expected counts of a crystal with a copy elsewhere in an array with room for both, and their peaks."""
    mean = np.abs(strained_crystal(len(shift), "0-1", index).crystal.amplitude) ** 2
    mean = np.pad(mean, [(0, abs(s)) if s > 0 else (abs(s), 0) for s in shift])
    first = centroid(mean)
    both = mean + height * np.roll(mean, shift, range(mean.ndim))
    counts = np.random.default_rng(index).poisson(both)
    return counts, np.array(first), np.array(first) + shift


@pytest.mark.parametrize("height", [0.5, 1.2])
@pytest.mark.parametrize("shift", [(45, -30), (30, 10, -25)])
def test_the_brighter_of_two_peaks_is_centred_on(height, shift):
    """Where they are is told in voxels of the file, of a part of it and of binned counts too."""
    for index in range(3):
        counts, first, second = pair(index, height, shift)
        if height > 1:
            first, second = second, first
        found = find_peaks(counts.astype(np.float32))
        assert np.abs(np.array(found.first) - first).max() <= 1
        assert np.abs(np.array(found.second) - second).max() <= 1
        assert found.share == pytest.approx(min(height, 1 / height), rel=0.05)
        text = f"two peaks, at {found.first} and {found.second}, the second with {100 * found.share:.0f} % of"
        part = pattern_of(counts).crop((slice(2, None),) * counts.ndim)
        cut, warned = told(prepare.around_peak, part, 24)
        assert text in warned[0]
        assert np.array_equal(np.array(cut.meta.origin) + 12, found.first)
        whole, warned = told(prepare.centred, part)
        assert text in warned[0]
        assert np.array_equal(np.array(whole.meta.origin) + np.array(whole.shape) // 2, found.first)


def test_places_of_binned_counts_are_voxels_of_the_file():
    counts, _, _ = pair(0, 0.5, (45, -30))
    found = find_peaks(counts.astype(np.float32))
    (text,) = (text for text in told(peak_of, told(binned, pattern_of(counts), (1, 2, 2))[0])[1])
    places = np.array(re.findall(r"\d+", text)[:4], int).reshape(2, 2)
    assert np.abs(places - [found.first, found.second]).max() <= 1


def test_a_strained_peak_is_one_and_stays_where_it_was():
    """Forty crystals of 2π to 6π; it is centred on the centroid of all squared counts."""
    classes = [(2, "2-4", range(24)), (2, "4-8", range(40)), (3, "2-4", range(2)), (3, "4-8", range(2))]
    tried = 0
    for dimensions, strain, indices in classes:
        for index in indices:
            crystal, counts = strained_crystal(dimensions, strain, index)
            if crystal.phase_range > 6 * np.pi:
                continue
            tried += 1
            found = find_peaks(counts)
            assert found.second is None, (dimensions, strain, index)
            assert found.first == centroid(counts)
    assert tried >= 40


@pytest.mark.measured
@pytest.mark.filterwarnings("ignore::sayre.errors.SayreWarning")
@pytest.mark.parametrize("file", ["A_aps34idc_S54_au.npz", "D_id01_maxipix.cxi"])
def test_a_measured_peak_is_one(data_dir, file):
    counts = load(data_dir / file).intensity
    found = find_peaks(counts)
    assert found.second is None
    weight = counts.astype(np.float64) ** 2
    for axis, place in enumerate(found.first):
        line = weight.sum(tuple(i for i in range(3) if i != axis))
        assert place == round(np.arange(len(line)) @ line / line.sum())


def test_a_command_tells_of_two_peaks_once(tmp_path, capsys):
    """Though the counts are cropped around the peak, and then centred."""
    counts, _, _ = pair(0, 0.5, (45, -30))
    save(tmp_path / "two.npz", pattern_of(counts))
    options = ["--crop", "140", "--runs", "1", "--recipe", "ER*5", "--refine", "none"]
    assert cli.main(["phase", str(tmp_path / "two.npz"), "-o", str(tmp_path / "x.npz"), *options]) == 0
    assert capsys.readouterr().err.count("two peaks, at") == 1


def test_the_second_peak_is_centred_on_where_the_first_is_too_near_the_border():
    z, y, x = np.indices((40, 40, 40))
    first = 2e4 * np.exp(-((z - 30) ** 2 + (y - 6) ** 2 + (x - 34) ** 2) / 8)
    second = 1e4 * np.exp(-((z - 18) ** 2 + (y - 22) ** 2 + (x - 20) ** 2) / 8)
    counts = np.random.default_rng(0).poisson(first + second)
    cut, warned = told(prepare.centred, pattern_of(counts))
    assert "centred on the second, for the first is too near the border" in warned[0]
    place = np.array(cut.meta.origin) + np.array(cut.shape) // 2
    assert np.abs(place - [18, 22, 20]).max() <= 1
