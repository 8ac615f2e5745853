"""Windows: every gap voxel is covered, and a network that copies its input gives it back exactly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sayre.detectors import masks
from sayre.filling.network import windows
from sayre.filling.network.volume import Volume, mirrored
from strategies import masks as any_masks

SHAPE = (20, 28, 24)


def identity(filled, *_):
    return filled, np.zeros_like(filled)


def volume(values, mask):
    mirror, mirror_mask = mirrored(values, mask, tuple(n // 2 for n in mask.shape))
    return Volume(
        filled=values, sigma=0.1 * values, mask=mask, mirror=mirror, mirror_mask=mirror_mask, linear=values
    )


def run(values, mask, predict=identity, *, stride, tile=16, depth=12, max_width=6):
    slabs, beyond = windows.plan(mask, depth=depth, max_width=max_width)
    done = windows.fill(volume(values, mask), slabs, predict, depth=depth, tile=tile, stride=stride)
    return slabs, beyond, done


@pytest.mark.parametrize(
    ("tile", "stride"), [(tile, stride) for tile in (8, 16, 32) for stride in (1, 5, 8, 16) if stride <= tile]
)
def test_identity_model_returns_the_input_exactly_borders_included(stride, tile):
    rng = np.random.default_rng(0)
    values = rng.normal(3, 2, SHAPE).astype(np.float32)
    mask = masks.cross(SHAPE, axes=(1, 2), starts=(9, 13), widths=(4, 3))
    _, beyond, done = run(values, mask, stride=stride, tile=tile)
    assert len(beyond) == 0
    np.testing.assert_array_equal(done.voxels, np.flatnonzero(mask))
    np.testing.assert_array_equal(done.mean.astype(np.float32), values.ravel()[done.voxels])
    np.testing.assert_allclose(done.variance, 1.0, rtol=1e-12)


@settings(max_examples=60)
@given(mask=any_masks(), stride=st.integers(1, 8), seed=st.integers(0, 9))
def test_any_mask_is_planned_once_and_copied_exactly(mask, stride, seed):
    if mask.ndim != 3:
        return
    values = np.random.default_rng(seed).normal(3, 2, mask.shape).astype(np.float32)
    _, beyond, done = run(values, mask, stride=stride, tile=8)
    assert not set(beyond) & set(done.voxels)
    np.testing.assert_array_equal(np.union1d(beyond, done.voxels), np.flatnonzero(mask))
    np.testing.assert_array_equal(done.mean.astype(np.float32), values.ravel()[done.voxels])


def test_orientations_are_undone():
    """A model that returns the voxel's own coordinates, turned with the window, must come back unturned."""
    z, y, x = np.meshgrid(*map(np.arange, SHAPE), indexing="ij")
    values = (z + 100 * y + 10_000 * x).astype(np.float32)
    mask = masks.plane(SHAPE, 1, 10, 5)
    seen = []

    def spy(filled, *_):
        seen.append(filled[0, 0, 0, 0] - filled[0, 0, -1, -1])
        return filled, np.zeros_like(filled)

    _, _, done = run(values, mask, spy, stride=3)
    np.testing.assert_array_equal(done.mean.astype(np.float32), values.ravel()[done.voxels])
    assert len(set(np.sign(seen))) == 2


@pytest.mark.parametrize("orientation", range(16))
def test_orientations_differ_and_have_inverses(orientation):
    x = np.random.default_rng(0).random((2, 3, 4, 5), np.float32)
    turned = windows.orient(x, orientation)
    np.testing.assert_array_equal(windows.orient_back(turned, orientation), x)
    for other in range(orientation):
        same_shape = windows.orient(x, other).shape == turned.shape
        assert not same_shape or not np.array_equal(windows.orient(x, other), turned)


def test_plane_is_centred_in_its_slab_and_outside_is_masked():
    mask = masks.plane(SHAPE, 0, 3, 4)
    slabs, _ = windows.plan(mask, depth=12, max_width=6)
    (slab,) = slabs
    assert (slab.axis, slab.start) == (0, 3 - (12 - 4) // 2)
    masked_planes = []

    def spy(filled, sigma, window_mask, *_):
        masked_planes.append(window_mask[0].all(axis=(1, 2)))
        return filled, np.zeros_like(filled)

    windows.fill(volume(np.ones(SHAPE, np.float32), mask), slabs, spy, depth=12, tile=32, stride=32)
    plane = masked_planes[0] if masked_planes[0][0] else masked_planes[0][::-1]
    np.testing.assert_array_equal(plane, [True] + [False] * 3 + [True] * 4 + [False] * 4)


def test_too_wide_and_one_sided_gaps_are_beyond():
    wide = masks.plane(SHAPE, 1, 10, 7)
    rim = masks.plane(SHAPE, 1, 0, 2)
    _, beyond = windows.plan(wide | rim, depth=12, max_width=6)
    np.testing.assert_array_equal(beyond, np.flatnonzero(wide | rim))


def test_precision_weighs_the_axes_of_a_crossing():
    """Where two gaps cross, the surer axis counts for more: inverse-variance mean of the two."""
    mask = masks.cross(SHAPE, axes=(1, 2), starts=(10, 11), widths=(3, 3))
    crossing = np.zeros(SHAPE, bool)
    crossing[:, 10:13, 11:14] = True
    voxels = np.flatnonzero(crossing)
    slabs = [s for s in windows.plan(mask, depth=12, max_width=6)[0] if voxels[0] in s.voxels]
    assert sorted(s.axis for s in slabs) == [1, 2]
    said = iter([1.0, 4.0])

    def predict(filled, *_):
        value = next(said)
        return np.full_like(filled, value), np.full_like(filled, np.log(value))

    done = windows.fill(
        volume(np.ones(SHAPE, np.float32), mask), slabs, predict, depth=12, tile=32, stride=32
    )
    np.testing.assert_array_equal(done.voxels, voxels)
    np.testing.assert_allclose(done.mean, (1 / 1 + 4 / 4) / (1 + 1 / 4), rtol=1e-6)
    np.testing.assert_allclose(done.variance, 2 / (1 + 1 / 4), rtol=1e-6)


def test_windows_weigh_by_a_raised_cosine_and_by_their_precision():
    """Two windows of different means and variances: each voxel by the formula, from its place in both."""
    shape, tile = (12, 8, 14), 8
    mask = masks.plane(shape, 0, 5, 2)
    answers = iter([(1.0, 0.5), (4.0, 2.0)])

    def predict(filled, *_):
        mean, variance = next(answers)
        return np.full_like(filled, mean), np.full_like(filled, np.log(variance))

    slabs, _ = windows.plan(mask, depth=12, max_width=6)
    done = windows.fill(
        volume(np.ones(shape, np.float32), mask), slabs, predict, depth=12, tile=tile, stride=6, batch=1
    )
    profile = 0.01 + np.sin(np.pi * (np.arange(tile) + 0.5) / tile) ** 2
    weights = np.zeros((2, 14))
    weights[0, :8], weights[1, 6:] = profile, profile
    precisions = weights / np.array([[0.5], [2.0]])
    mean = precisions.T @ [1.0, 4.0] / precisions.sum(0)
    variance = weights.sum(0) / precisions.sum(0)
    for found, expected in ((done.mean, mean), (done.variance, variance)):
        np.testing.assert_allclose(found.reshape(2, 8, 14), np.broadcast_to(expected, (2, 8, 14)), rtol=1e-6)
