from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sayre.detectors import masks
from sayre.numerics.interpolate import linear_fill
from strategies import masks as any_masks

SHAPE = (12, 14, 16)


def affine(shape, gradient=(0.3, -1.2, 2.0)):
    grid = np.meshgrid(*map(np.arange, shape), indexing="ij")
    return sum(g * x for g, x in zip(gradient, grid, strict=False)).astype(np.float32)


def test_affine_fields_come_back_across_planes_and_crosses():
    values = affine(SHAPE)
    for mask in (
        masks.plane(SHAPE, 2, 5, 4),
        masks.cross(SHAPE, axes=(1, 2), starts=(4, 6), widths=(3, 5)),
        masks.cross(SHAPE, axes=(0, 1, 2), starts=(4, 4, 6), widths=(2, 3, 4)),
    ):
        np.testing.assert_allclose(linear_fill(np.where(mask, -99, values), mask), values, atol=1e-4)


def test_the_shorter_axis_wins_and_ties_are_averaged():
    values = np.zeros((5, 7), np.float32)
    values[:, 0], values[0, :], values[-1, :] = 7, 1, 3
    mask = np.zeros((5, 7), bool)
    mask[1:4, 1:6] = True
    filled = linear_fill(values, mask)
    np.testing.assert_allclose(filled[1:4, 3], [1.5, 2, 2.5])
    square = np.zeros((5, 5), bool)
    square[2, 2] = True
    point = np.arange(25, dtype=np.float32).reshape(5, 5)
    point[1, 2], point[3, 2], point[2, 1], point[2, 3] = 0, 2, 10, 20
    assert linear_fill(point, square)[2, 2] == (1 + 15) / 2


def test_beyond_the_last_voxel_the_nearest_holds():
    values = affine((6, 8))
    mask = masks.plane((6, 8), 1, 6, 2)
    np.testing.assert_array_equal(linear_fill(values, mask)[:, 6:], np.repeat(values[:, 5:6], 2, 1))


@settings(max_examples=60)
@given(mask=any_masks())
def test_measured_voxels_stay_and_filled_lie_between_measured(mask):
    if mask.all():
        return
    values = np.random.default_rng(0).normal(size=mask.shape).astype(np.float32)
    filled = linear_fill(np.where(mask, np.nan, values), mask)
    np.testing.assert_array_equal(filled[~mask], values[~mask])
    assert filled.min() >= values[~mask].min() - 1e-6
    assert filled.max() <= values[~mask].max() + 1e-6


def by_brute_force(values, mask):
    """The docstring of `linear_fill`, voxel by voxel and in rounds."""
    filled, missing = values.astype(np.float64), mask.copy()

    def ends(place, axis):
        """Distance to and value of the nearest known voxel before and after, None where there is none."""
        found = []
        for step in (-1, 1):
            at, distance = list(place), 0
            while 0 <= at[axis] < missing.shape[axis] and missing[tuple(at)]:
                at[axis] += step
                distance += 1
            inside = 0 <= at[axis] < missing.shape[axis]
            found.append((distance, filled[tuple(at)]) if inside else None)
        return found

    while missing.any():
        now = {}
        for place in map(tuple, np.argwhere(missing)):
            pairs = [(a, b) for a, b in (ends(place, axis) for axis in range(mask.ndim)) if a and b]
            if pairs:
                span = min(a[0] + b[0] for a, b in pairs)
                best = [(a, b) for a, b in pairs if a[0] + b[0] == span]
                now[place] = np.mean([(a[1] * b[0] + b[1] * a[0]) / span for a, b in best])
        if not now:
            for place in map(tuple, np.argwhere(missing)):
                known = [end for axis in range(mask.ndim) for end in ends(place, axis) if end]
                if known:
                    now[place] = min(known, key=lambda end: end[0])[1]
        for place, value in now.items():
            filled[place] = value
            missing[place] = False
    return filled


@settings(max_examples=80, deadline=None)
@given(mask=any_masks(min_dims=1, max_side=7), seed=st.integers(0, 99))
def test_any_mask_by_brute_force(mask, seed):
    if mask.all():
        return
    values = np.random.default_rng(seed).normal(3, 2, mask.shape).astype(np.float32)
    before, hidden = values.copy(), mask.copy()
    filled = linear_fill(values, mask)
    assert filled.dtype == np.float32
    np.testing.assert_allclose(filled, by_brute_force(values, mask), atol=1e-5)
    np.testing.assert_array_equal(values, before)
    np.testing.assert_array_equal(mask, hidden)


def test_nothing_measured_is_refused():
    with pytest.raises(ValueError, match=r"^linear_fill: every voxel is masked$"):
        linear_fill(np.ones((3, 4), np.float32), np.ones((3, 4), bool))
