"""Slabs, windows and the inverted pattern, voxel by voxel."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from sayre.detectors import masks
from sayre.filling.network import volume as volumes
from sayre.filling.network import windows
from sayre.filling.network.volume import Volume, inversion_centre, prepare
from sayre.filling.wiener import wiener_fill
from sayre.numerics.gaps import UNBOUNDED, run_lengths
from sayre.numerics.interpolate import linear_fill
from strategies import masks as any_masks
from strategies import slab_masks


def assigned(mask, depth, max_width):
    """`(axis, first plane of a slab that centres its gap)` of every voxel that can be filled, by rounds."""
    missing, places = mask.copy(), {}
    while missing.any():
        runs = [run_lengths(missing, axis) for axis in range(mask.ndim)]
        now = {}
        for voxel in map(tuple, np.argwhere(missing)):
            lengths = [int(run[voxel]) for run in runs]
            if min(lengths) > max_width or min(lengths) == UNBOUNDED:
                continue
            for axis, length in enumerate(lengths):
                if length == min(lengths):
                    first = voxel[axis]
                    while missing[(*voxel[:axis], first - 1, *voxel[axis + 1 :])]:
                        first -= 1
                    now.setdefault(voxel, []).append((axis, first - (depth - length) // 2))
        if not now:
            break
        for voxel, found in now.items():
            places[voxel] = found
            missing[voxel] = False
    return places


@settings(max_examples=80, deadline=None)
@given(
    mask=st.one_of(any_masks(min_dims=3, max_side=8), slab_masks(side=12)),
    depth=st.sampled_from([6, 7]),
    max_width=st.integers(1, 5),
)
def test_every_voxel_goes_to_the_axes_it_is_filled_along(mask, depth, max_width):
    slabs, beyond = windows.plan(mask, depth=depth, max_width=max_width)
    expected = assigned(mask, depth, max_width)
    found = {}
    for slab in slabs:
        assert len(slab.voxels) > 0
        for voxel in zip(*np.unravel_index(slab.voxels, mask.shape), strict=True):
            found.setdefault(tuple(int(v) for v in voxel), []).append((slab.axis, slab.start))
    assert found.keys() == expected.keys()
    for voxel, places in found.items():
        assert [axis for axis, _ in places] == [axis for axis, _ in expected[voxel]]
        for (_, start), (_, own) in zip(places, expected[voxel], strict=True):
            assert abs(start - own) <= 2
    left = {tuple(int(i) for i in voxel) for voxel in np.argwhere(mask)} - expected.keys()
    assert {tuple(int(i) for i in np.unravel_index(v, mask.shape)) for v in beyond} == left


def test_gaps_share_the_slab_that_centres_most_of_them():
    """Runs that start at 10, 12 and 13, on 5, 4 and 3 lines: two voxels off is near enough, three is not."""
    mask = np.zeros((30, 12, 1), bool)
    for line, start in enumerate([10] * 5 + [12] * 4 + [13] * 3):
        mask[start : start + 4, line] = True
    slabs, _ = windows.plan(mask, depth=10, max_width=6)
    assert [(slab.axis, slab.start, len(slab.voxels)) for slab in slabs] == [(0, 7, 36), (0, 10, 12)]


def corners(low, high, size, tile, stride):
    """Along one axis: from the window that centres the first voxel to that which centres the last."""
    first = min(max(low - tile // 2, 0), max(size - tile, 0))
    last = min(max(high - tile // 2, first), max(size - tile, 0))
    return sorted({*range(first, last, stride), last})


@settings(max_examples=60, deadline=None)
@given(
    mask=any_masks(min_dims=3, max_side=9),
    tile=st.integers(2, 6),
    stride=st.integers(1, 4),
)
def test_windows_of_a_slab(mask, tile, stride):
    slabs, _ = windows.plan(mask, depth=12, max_width=6)
    for slab in slabs:
        places = np.array(np.unravel_index(slab.voxels, mask.shape))
        plane = [axis for axis in range(3) if axis != slab.axis]
        rows, columns = (
            corners(places[k].min(), places[k].max(), mask.shape[k], tile, stride) for k in plane
        )
        row, column = places[plane]
        expected = [
            (r, c, (5 * a + 3 * b) % 16)
            for a, r in enumerate(rows)
            for b, c in enumerate(columns)
            if ((row >= r) & (row < r + tile) & (column >= c) & (column < c + tile)).any()
        ]
        assert windows.tiles(slab, mask.shape, tile, stride) == expected


def test_windows_between_the_voxels_of_a_slab_are_left_out():
    for voxels, tile, expected in (
        ([(0, 0), (19, 19)], 4, [(0, 0, 0), (16, 16, 0)]),
        ([(0, 19), (19, 0)], 4, [(0, 16, 12), (16, 0, 4)]),
        ([(10, 10), (13, 13)], 5, [(8, 8, 0), (11, 11, 8)]),
    ):
        flat = np.array([20 * row + column for row, column in voxels])
        slab = windows.Slab(axis=0, start=0, voxels=flat)
        assert windows.tiles(slab, (1, 20, 20), tile, 4) == expected


def test_batches_have_one_orientation_and_at_most_so_many_windows():
    tiles = [(k, 0, k * k % 16) for k in range(40)]
    batches = list(windows._batches(tiles, 3))
    assert Counter(tile for batch in batches for tile in batch) == Counter(tiles)
    for batch in batches:
        assert 1 <= len(batch) <= 3
        assert len({orientation for _, _, orientation in batch}) == 1
    squares = Counter(k * k % 16 for k in range(40)).values()
    assert len(batches) == sum(-(-count // 3) for count in squares)


def random_volume(shape, mask):
    rng = np.random.default_rng(0)
    a, b, c, d = (rng.random(shape, np.float32) for _ in range(4))
    hidden = rng.random(shape) < 0.3
    return Volume(filled=a, sigma=b, mask=mask, mirror=c, mirror_mask=hidden, linear=d)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_what_a_window_sees_beyond_the_array(axis):
    """The fills repeat their border, other channels are 0 and not measured; the gap's axis comes first."""
    shape = (7, 6, 8)
    mask = masks.plane(shape, axis, 1, 2)
    data, seen = random_volume(shape, mask), []

    def spy(*channels):
        seen.append(channels)
        return channels[0], np.zeros_like(channels[0])

    slabs, _ = windows.plan(mask, depth=12, max_width=6)
    (slab,) = slabs
    windows.fill(data, slabs, spy, depth=12, tile=9, stride=9)
    ((filled, sigma, hidden, mirror, mirror_hidden, linear),) = seen
    before = -slab.start
    assert before == 4
    sides = [n for k, n in enumerate(shape) if k != axis]
    pad = [(before, 12 - before - shape[axis]), *((0, 9 - n) for n in sides)]

    def padded(array, **options):
        return np.pad(np.moveaxis(array, axis, 0).astype(np.float32), pad, **options)[None]

    np.testing.assert_array_equal(filled, padded(data.filled, mode="edge"))
    np.testing.assert_array_equal(sigma, padded(data.sigma))
    np.testing.assert_array_equal(hidden, padded(data.mask, constant_values=1))
    np.testing.assert_array_equal(mirror, padded(data.mirror))
    np.testing.assert_array_equal(mirror_hidden, padded(data.mirror_mask, constant_values=1))
    np.testing.assert_array_equal(linear, padded(data.linear, mode="edge"))
    assert all(channel.dtype == np.float32 for channel in seen[0])


def test_batches_and_progress_of_a_filling():
    shape, told, sizes = (12, 30, 30), [], []
    mask = masks.cross(shape, axes=(0, 1), starts=(5, 10), widths=(2, 3))

    def spy(filled, *_):
        sizes.append(len(filled))
        return filled, np.zeros_like(filled)

    slabs, _ = windows.plan(mask, depth=12, max_width=6)
    options = {"depth": 12, "tile": 8, "stride": 2, "batch": 3, "progress": told.append}
    done = windows.fill(random_volume(shape, mask), slabs, spy, **options)
    total = sum(len(windows.tiles(slab, shape, 8, 2)) for slab in slabs)
    assert sum(sizes) == total
    assert max(sizes) == 3
    np.testing.assert_allclose(told, np.cumsum(sizes) / total)
    np.testing.assert_array_equal(done.voxels, np.flatnonzero(mask))
    sizes.clear()
    windows.fill(random_volume(shape, mask), slabs, spy, **{**options, "stride": 1, "batch": 5})
    assert max(sizes) == 5
    sizes.clear()
    windows.fill(random_volume(shape, mask), slabs, spy, depth=12, tile=8, stride=1)
    assert max(sizes) == 8
    empty = windows.fill(random_volume(shape, mask), [], spy, **options)
    assert len(empty.voxels) == len(empty.mean) == len(empty.variance) == 0


def centre_by_hand(counts, mask, side):
    """For every centre within six half voxels of the brightest: how like its mirror image the pattern is.

    A centre about which fewer than half as many voxels have an image as about the brightest is none.
    """
    peak = np.unravel_index(counts.argmax(), counts.shape)
    sides = [min(n, side) for n in counts.shape]
    starts = [min(max(int(p) - s // 2, 0), n - s) for p, s, n in zip(peak, sides, counts.shape, strict=True)]
    box = tuple(slice(start, start + s) for start, s in zip(starts, sides, strict=True))
    filled = linear_fill(np.log1p(counts[box]), mask[box]).astype(np.float64)
    measured = ~mask[box]
    fringes = (filled - gaussian_filter(filled, 5.0)) * measured
    scores = {}
    most = np.prod(
        [
            min(2 * d, 2 * (s - 1 - d)) + 1
            for d, s in zip((int(p) - a for p, a in zip(peak, starts, strict=True)), sides, strict=True)
        ]
    )
    for c in np.ndindex(*(2 * s - 1 for s in sides)):
        if any(abs(i - 2 * (p - start)) > 6 for i, p, start in zip(c, peak, starts, strict=True)):
            continue
        here = tuple(slice(max(0, i - s + 1), min(i, s - 1) + 1) for i, s in zip(c, sides, strict=True))
        there = (slice(None, None, -1),) * counts.ndim
        if fringes[here].size < most / 2:
            continue
        power = (fringes[here] ** 2 * measured[here][there]).sum()
        scores[c] = (fringes[here] * fringes[here][there]).sum() / max(power, 1e-9)
    best = max(scores, key=scores.get)
    return tuple(start + i / 2 for start, i in zip(starts, best, strict=True))


def test_voxels_with_an_inverted_one_by_hand():
    sides = (4, 5, 3)
    places = list(np.ndindex(*sides))
    for twice_centre in np.ndindex(*(2 * n - 1 for n in sides)):
        inverted = (tuple(c - p for c, p in zip(twice_centre, place, strict=True)) for place in places)
        assert volumes._pairs(twice_centre, sides) == sum(place in places for place in inverted)


@pytest.mark.parametrize("seed", range(8))
def test_the_inversion_centre_by_hand(monkeypatch, seed):
    """Random fringes, symmetric about a point near the brightest voxel, in a box smaller than the array."""
    monkeypatch.setattr(volumes, "MAX_SIDE", 10)
    rng = np.random.default_rng(seed)
    shape = [(13, 5, 12), (16, 11, 10)][seed % 2]
    fringes = rng.standard_normal(shape)
    shift = tuple(int(k) for k in rng.integers(0, 3, 3))
    fringes = fringes + np.roll(fringes[::-1, ::-1, ::-1], shift, (0, 1, 2))
    counts = np.exp(4 + 0.5 * fringes).round().astype(np.float32)
    peak = tuple(n // 2 + int(rng.integers(-1, 2)) for n in shape)
    counts[peak] = 1e5
    mask = rng.random(shape) < 0.1
    mask[peak] = False
    assert inversion_centre(counts, mask) == centre_by_hand(counts, mask, 10)


@pytest.mark.parametrize("apart", [-4, -3, 3, 4])
def test_the_inversion_centre_is_sought_three_voxels_around_the_brightest(apart):
    shape, peak = (9, 9, 37), (4, 4, 18)
    fringes = np.random.default_rng(0).standard_normal(shape)
    centre = (4, 4, 18 + apart)
    fringes = fringes + np.roll(fringes[::-1, ::-1, ::-1], [2 * c + 1 for c in centre], (0, 1, 2))
    counts = np.exp(4 + 0.5 * fringes).round().astype(np.float32)
    counts[peak] = counts.max() + 1
    found = inversion_centre(counts, np.zeros(shape, bool))
    assert (found == centre) == (abs(apart) == 3)
    assert all(abs(f - p) <= 3 for f, p in zip(found, peak, strict=True))


def test_no_counts_have_a_centre_all_the_same():
    shape = (9, 10, 11)
    assert len(inversion_centre(np.zeros(shape, np.float32), np.zeros(shape, bool))) == 3


@pytest.mark.parametrize("baseline", ["linear", "wiener"])
def test_what_a_network_is_given(baseline):
    rng = np.random.default_rng(0)
    counts = rng.poisson(20, (24, 25, 26)).astype(np.float32)
    mask = masks.plane(counts.shape, 1, 11, 3)
    counts[mask] = 0
    told = []
    volume = prepare(counts, mask, baseline, told.append)
    if baseline == "wiener":
        filled, sigma = wiener_fill(np.log1p(counts), mask)
        assert told[-1] == 1
    else:
        filled, sigma = linear_fill(np.log1p(counts), mask), np.where(mask, np.float32(1), np.float32(0))
        assert not told
    np.testing.assert_array_equal(volume.filled, filled)
    np.testing.assert_array_equal(volume.sigma, sigma)
    assert volume.sigma.dtype == np.float32
    np.testing.assert_array_equal(volume.mask, mask)
    mirror, hidden = volumes.mirrored(filled, mask, inversion_centre(counts, mask))
    np.testing.assert_array_equal(volume.mirror, mirror)
    np.testing.assert_array_equal(volume.mirror_mask, hidden)
    np.testing.assert_array_equal(volume.linear, linear_fill(np.log1p(counts), mask))
