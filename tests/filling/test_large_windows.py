"""Large windows hold every voxel wanted with what is around it; a copying network is given back exactly."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_windows import SHAPE, run

from sayre.detectors import masks
from sayre.filling.network import large, windows
from sayre.filling.network.large import large_tiles
from sayre.filling.network.predictor import Predictor
from strategies import masks as any_masks


@settings(max_examples=100, deadline=None)
@given(
    sizes=st.tuples(st.integers(8, 400), st.integers(8, 400)),
    ends=st.tuples(*(st.tuples(st.floats(0, 1), st.floats(0, 1)) for _ in range(2))),
    tile=st.sampled_from([8, 16, 48]),
    views=st.sampled_from([1, 2]),
)
def test_every_voxel_is_in_a_window_with_what_is_around_it(sizes, ends, tile, views):
    lines = []
    for n, (a, b) in zip(sizes, ends, strict=True):
        low, high = sorted((int(a * (n - 1)), int(b * (n - 1))))
        lines.append(np.arange(low, high + 1))
    rows, columns = (grid.ravel() for grid in np.meshgrid(*lines, indexing="ij"))
    sides, found = large_tiles((rows, columns), sizes, tile, views)
    for side, n, line in zip(sides, sizes, lines, strict=True):
        assert side % large.MULTIPLE == 0
        assert tile <= side <= max(large.LARGEST, tile)
        extent = min(line[-1] + 25, n) - max(line[0] - 24, 0)
        assert side <= max(extent, tile) + 3
    for axis, (side, n, line) in enumerate(zip(sides, sizes, lines, strict=True)):
        corners = sorted({one[axis] for one in found})
        assert corners[0] == 0 or corners[0] + side <= n
        assert all(c >= 0 and (c + side <= n or side > n) for c in corners)
        assert corners[0] <= max(line[0] - large.AROUND, 0)
        assert corners[-1] + side >= min(line[-1] + large.AROUND + 1, n)
        assert all(b - a <= side - large.AROUND + 1 for a, b in pairwise(corners))
    orientations = {}
    for row, column, orientation in found:
        orientations.setdefault((row, column), []).append(orientation)
    assert all(len(seen) == views for seen in orientations.values())
    assert views == 1 or all(a + b == 15 for a, b in orientations.values())


def test_windows_by_hand():
    whole = np.meshgrid(np.arange(128), np.arange(128), indexing="ij")
    places = tuple(grid.ravel() for grid in whole)
    assert large_tiles(places, (128, 128), 48, 2) == ((128, 128), [(0, 0, 0), (0, 0, 15)])
    strip = np.meshgrid(np.arange(128), np.arange(60, 66), indexing="ij")
    assert large_tiles(tuple(g.ravel() for g in strip), (128, 128), 48, 1) == ((128, 56), [(0, 35, 0)])
    one = (np.array([3]), np.array([510]))
    assert large_tiles(one, (512, 512), 48, 1) == ((48, 48), [(0, 464, 0)])
    far = (np.array([0, 511]), np.array([0, 511]))
    sides, found = large_tiles(far, (512, 512), 48, 1)
    assert sides == (148, 148)
    assert [(row, column) for row, column, _ in found] == [(0, 0), (364, 364)]


def test_the_opposite_orientation_turns_every_axis():
    x = np.random.default_rng(0).random((1, 3, 4, 5), np.float32)
    turned = windows.orient(x, large.OPPOSITE)
    np.testing.assert_array_equal(turned, x[:, ::-1, ::-1, ::-1].swapaxes(2, 3))


@pytest.mark.parametrize("tile", [8, 16, 32])
@pytest.mark.parametrize("most", [16, 160])
def test_a_network_that_copies_is_given_back_exactly(monkeypatch, tile, most):
    monkeypatch.setattr(large, "LARGEST", most)
    monkeypatch.setattr(large, "AROUND", 4)
    values = np.random.default_rng(0).normal(3, 2, SHAPE).astype(np.float32)
    mask = masks.cross(SHAPE, axes=(1, 2), starts=(9, 13), widths=(4, 3))
    _, beyond, done = run(values, mask, stride=None, tile=tile)
    assert len(beyond) == 0
    np.testing.assert_array_equal(done.voxels, np.flatnonzero(mask))
    np.testing.assert_array_equal(done.mean.astype(np.float32), values.ravel()[done.voxels])
    np.testing.assert_allclose(done.variance, 1.0, rtol=1e-12)


@settings(max_examples=30, deadline=None)
@given(mask=any_masks(min_dims=3), seed=st.integers(0, 9))
def test_any_mask_is_copied_exactly(mask, seed):
    values = np.random.default_rng(seed).normal(3, 2, mask.shape).astype(np.float32)
    _, beyond, done = run(values, mask, stride=None, tile=8)
    np.testing.assert_array_equal(np.union1d(beyond, done.voxels), np.flatnonzero(mask))
    np.testing.assert_array_equal(done.mean.astype(np.float32), values.ravel()[done.voxels])


def test_networks_of_convolutions_are_shown_large_windows_unless_a_stride_is_asked_for():
    options = {"network": None, "device": None, "depth": 32, "tile": 48, "widths": (1, 16)}
    plain, large_ones = Predictor(**options), Predictor(**options, convolutional=True)
    assert [plain.stride(None), plain.stride(None, 40), plain.stride(8), plain.stride(99)] == [16, 40, 8, 48]
    assert [large_ones.stride(None), large_ones.stride(None, 40)] == [None, None]
    assert [large_ones.stride(8), large_ones.stride(99)] == [8, 48]
