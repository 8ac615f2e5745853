from __future__ import annotations

import numpy as np
from hypothesis import given, settings

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


@settings(max_examples=60, deadline=None)
@given(mask=any_masks())
def test_measured_voxels_stay_and_filled_lie_between_measured(mask):
    if mask.all():
        return
    values = np.random.default_rng(0).normal(size=mask.shape).astype(np.float32)
    filled = linear_fill(np.where(mask, np.nan, values), mask)
    np.testing.assert_array_equal(filled[~mask], values[~mask])
    assert filled.min() >= values[~mask].min() - 1e-6
    assert filled.max() <= values[~mask].max() + 1e-6
