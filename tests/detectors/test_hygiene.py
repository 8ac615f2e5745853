"""What is no count of the crystal is found among counts of one, and nothing else is."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from sayre.data import Pattern
from sayre.detectors.hygiene import sound
from sayre.detectors.hygiene.hot import hot_pixels
from sayre.detectors.hygiene.planes import empty_planes
from sayre.detectors.hygiene.saturation import saturated
from sayre.detectors.hygiene.zingers import zingers
from sayre.errors import SayreWarning

SHAPE = (32, 44, 40)


def expected(scale=(0.17, 0.18, 0.16), top=1e6, shape=SHAPE):
    """Noise-free counts of a facetted crystal with a smooth phase, whose rods lie along the axes."""
    z, y, x = np.meshgrid(
        *[(np.arange(n) - n // 2) / (s * n) for n, s in zip(shape, scale, strict=True)], indexing="ij"
    )
    inside = (abs(z) < 1) & (abs(y) < 1) & (abs(x) < 1) & (z + y + x < 1.3) & (x - y + 0.5 * z < 1.2)
    phase = 1.2 * (z * x + 0.6 * y * y - 0.4 * z * z + 0.5 * x * y * z)
    field = np.fft.fftn(np.fft.ifftshift(inside * np.exp(-1j * phase)))
    counts = np.abs(np.fft.fftshift(field)) ** 2
    return counts * top / counts.max()


def peak(seed=0, **known):
    return np.random.default_rng(seed).poisson(expected(**known)).astype(np.float32)


NOTHING = np.zeros(SHAPE, bool)


def masked(counts, mask=None):
    """Mask of what was found, and what was said of it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = sound(Pattern.from_counts(counts, mask))
    return found.mask, [str(one.message) for one in caught]


@pytest.mark.parametrize("scale", [(0.17, 0.18, 0.16), (0.23, 0.23, 0.23), (0.08, 0.2, 0.12)])
@pytest.mark.parametrize("top", [300, 1e4, 1e6, 1e7])
def test_nothing_is_found_in_a_peak(scale, top):
    """Oversampling from 2.2 on, few counts and many, with a background and a gap or without."""
    for seed in range(4):
        counts = peak(seed, scale=scale, top=top)
        gap = np.zeros(SHAPE, bool)
        gap[:, 25:31] = True
        for array, mask in ((counts, None), (counts + np.random.default_rng(1).poisson(20, SHAPE), gap)):
            found, said = masked(array, mask)
            assert said == []
            assert found.sum() == (0 if mask is None else gap.sum())


@pytest.mark.parametrize("scale", [1e-6, 40.0, 1e6])
def test_nothing_is_found_in_scaled_counts(scale):
    counts = (peak() * scale).astype(np.float32)
    pattern = Pattern(intensity=counts, mask=NOTHING.copy(), grid=Pattern.from_counts(np.ones(SHAPE)).grid)
    assert sound(pattern) is pattern


@pytest.mark.parametrize("group", [[(0, 0)], [(0, 0), (0, 1)], [(0, 0), (1, 1)], [(0, 0), (0, 1), (0, 2)]])
@pytest.mark.parametrize("level", [60, 3e3, 3e6])
def test_pixels_hot_in_every_frame(group, level):
    """Below the peak and above it, alone and with others, at the edge and within."""
    for row, column in ((9, 8), (0, 20), (30, 4)):
        counts, hot = peak(), np.zeros(SHAPE[1:], bool)
        for r, c in group:
            hot[row + r, column + c] = True
        counts[:, hot] += np.random.default_rng(2).poisson(level, (SHAPE[0], len(group)))
        assert np.array_equal(hot_pixels(counts, NOTHING), hot)
        found, said = masked(counts)
        assert np.array_equal(found, np.broadcast_to(hot, SHAPE))
        pixels = "pixel is" if len(group) == 1 else "pixels are"
        assert f"{len(group)} {pixels} hot in every frame ((" in said[0]


@pytest.mark.parametrize("group", [[(0, 0)], [(0, 0), (0, 1)], [(0, 0), (1, 1)], [(0, 0), (0, 1), (1, 2)]])
@pytest.mark.parametrize("level", [4000, 3e6])
def test_events_of_one_frame(group, level):
    for frame, row, column in ((0, 5, 6), (5, 12, 30), (31, 40, 3)):
        counts, event = peak(), NOTHING.copy()
        for r, c in group:
            event[frame, row + r, column + c] = True
        counts[event] += level
        assert np.array_equal(zingers(counts, NOTHING), event)
        assert np.array_equal(masked(counts)[0], event)


def test_a_peak_of_few_frames_is_no_event():
    """A thick crystal in coarse steps: all of it is in one frame, as it is refused for later."""
    counts = np.zeros(SHAPE, np.float32)
    counts[16] = peak()[16]
    assert not zingers(counts, NOTHING).any()


@pytest.mark.parametrize("lost", [[14], [14, 15], list(range(20, 32)), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]])
def test_frames_without_a_count(lost):
    counts = peak()
    counts[lost] = 0
    found, said = masked(counts)
    assert np.array_equal(np.flatnonzero(found.all(axis=(1, 2))), lost)
    assert found.sum() == len(lost) * SHAPE[1] * SHAPE[2]
    words = f"frame {lost[0]} holds" if len(lost) == 1 else f"frames {lost[0]} to {lost[-1]} hold"
    kept = "(`leave='empty'` takes them for zero)"
    assert said == [f"pattern: {words} no count beside bright ones: not measured, masked {kept}"]


def test_rows_of_a_gap_that_no_mask_tells_of():
    counts = peak()
    counts[:, 25:29] = 0
    found, said = masked(counts)
    assert np.array_equal(np.flatnonzero(found.all(axis=(0, 2))), [25, 26, 27, 28])
    assert "rows 25 to 28 hold no count" in said[0]


def test_dark_ends_of_a_scan_were_measured():
    """Counts that fall off to nothing over a few frames are no frames that were lost."""
    counts = np.random.default_rng(0).poisson(expected(top=50))
    counts[:6] = counts[26:] = 0
    counts[6:9] *= counts[6:9] > 3
    assert empty_planes(counts.astype(np.float32)[:9], NOTHING[:9]) == []


@pytest.mark.parametrize("level", [4095, 5000, 65535, 300_000])
def test_a_plateau_at_the_cut_off_of_a_detector(level):
    counts = np.minimum(peak(top=1.3 * level), level)
    over = counts == level
    assert over.sum() > 2
    assert np.array_equal(saturated(counts, NOTHING), over)
    found, said = masked(counts)
    assert np.array_equal(found, over)
    assert f"{over.sum()} voxels share the highest count {level}" in said[0]


def test_equal_counts_by_chance_are_no_plateau():
    for seed in range(20):
        counts = np.random.default_rng(seed).poisson(60, SHAPE).astype(np.float32)
        assert not saturated(counts, NOTHING).any()


@pytest.mark.measured
@pytest.mark.parametrize("file", ["A_aps34idc_S54_au.npz", "D_id01_maxipix.cxi"])
@pytest.mark.filterwarnings("ignore::sayre.errors.SayreWarning")
def test_measured_peaks_are_left_as_they_are(data_dir, file):
    from sayre.files import load

    pattern = load(data_dir / file)
    with warnings.catch_warnings():
        warnings.simplefilter("error", SayreWarning)
        assert sound(pattern) is pattern
