from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given

from sayre.data import FilledPattern, Grid, Meta, Pattern, SimulatedPattern
from sayre.errors import InputError, SayreWarning
from strategies import patterns

META = Meta(source="scan.h5")


def test_from_counts_masks_what_was_not_measured():
    counts = np.array([[1, 2, 3], [np.nan, np.inf, -1]])
    with pytest.warns(SayreWarning, match=r"scan.h5: 3 NaN, infinite or negative values masked"):
        pattern = Pattern.from_counts(counts, meta=META)
    np.testing.assert_array_equal(pattern.mask, [[False] * 3, [True] * 3])
    np.testing.assert_array_equal(pattern.intensity, [[1, 2, 3], [0, 0, 0]])
    assert pattern.intensity.dtype == np.float32
    assert pattern.grid == Grid(step=(1.0, 1.0))


def test_from_counts_masked_values_are_no_news():
    counts = np.array([[1, 2], [np.nan, -7]])
    pattern = Pattern.from_counts(counts, [[0, 0], [1, 2]])
    assert pattern.mask.sum() == 2


def test_from_counts_value_beyond_float32_is_masked():
    with pytest.warns(SayreWarning, match="1 NaN, infinite"):
        pattern = Pattern.from_counts(np.array([[1.0, 1e300]]))
    np.testing.assert_array_equal(pattern.mask, [[False, True]])


def test_from_counts_says_when_values_are_no_integers():
    with pytest.warns(SayreWarning, match="not integers"):
        Pattern.from_counts(np.array([[1.0, 2.5]]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Pattern.from_counts(np.array([[1.0, 2.5]]), [[0, 1]])  # the fraction is masked
        Pattern.from_counts(np.array([[1.0, 2.0]]))


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "int64", "float16", "float64", ">u2", ">f4"])
def test_from_counts_takes_any_real_dtype(dtype):
    counts = np.array([[0, 1], [1, 1]], dtype)
    pattern = Pattern.from_counts(counts)
    np.testing.assert_array_equal(pattern.intensity, counts.astype(np.float32))
    assert pattern.intensity.dtype == np.float32


def test_from_counts_copies():
    counts, mask = np.ones((2, 2), np.float32), np.zeros((2, 2), bool)
    pattern = Pattern.from_counts(counts, mask)
    counts[:], mask[:] = 9, True
    assert pattern.intensity.max() == 1
    assert not pattern.mask.any()


def test_from_counts_mask_of_one_frame_holds_for_all():
    mask = np.eye(4)
    pattern = Pattern.from_counts(np.ones((3, 4, 4), int), mask)
    np.testing.assert_array_equal(pattern.mask, np.stack([mask != 0] * 3))


def test_from_counts_drops_leading_axes():
    pattern = Pattern.from_counts(np.ones((1, 1, 3, 4, 5), int), np.zeros((1, 3, 4, 5)))
    assert pattern.shape == (3, 4, 5)
    assert Pattern.from_counts(np.ones((1, 4, 5), int)).shape == (1, 4, 5)


def test_from_counts_keeps_grid_and_meta():
    grid = Grid(step=(0.1, 0.2), unit="1/angstrom")
    pattern = Pattern.from_counts(np.ones((2, 3), int), grid=grid, meta=META)
    assert pattern.grid is grid
    assert pattern.meta is META


@pytest.mark.parametrize(
    ("counts", "mask", "message"),
    [
        (np.ones((2, 2), complex), None, "real numbers, found dtype complex128"),
        (np.array([["a"]]), None, "real numbers"),
        (np.ones(5), None, r"2D or 3D array, found shape \(5,\)"),
        (np.ones((2, 2, 2, 2)), None, r"2D or 3D array, found shape \(2, 2, 2, 2\)"),
        (np.ones((0, 4)), None, "2D or 3D array"),
        (np.ones((2, 2)), np.ones((3, 2)), "mask has shape"),
        (np.ones((3, 2)), np.zeros(2), "mask has shape"),
        (np.ones((2, 2)), np.array([["x", "y"]] * 2), "mask must be numbers"),
        (np.ones((2, 2)), np.ones((2, 2)), "every voxel is masked"),
    ],
)
def test_from_counts_refuses(counts, mask, message):
    with pytest.raises(InputError, match=f"scan.h5: .*{message}") as error:
        Pattern.from_counts(counts, mask, meta=META)
    assert "\n" not in str(error.value)


def build(**changed):
    known = {
        "intensity": np.ones((2, 3), np.float32),
        "mask": np.zeros((2, 3), bool),
        "grid": Grid(step=(1, 1)),
        "meta": META,
    }
    return Pattern(**(known | changed))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"intensity": np.ones((2, 3))}, "float32"),
        ({"mask": np.zeros((2, 3), np.uint8)}, "bool"),
        ({"intensity": np.ones(3, np.float32)}, "2D or 3D"),
        ({"intensity": np.ones((0, 3), np.float32)}, "2D or 3D"),
        ({"mask": np.zeros((3, 2), bool)}, "mask has shape"),
        ({"grid": Grid(step=(1, 1, 1))}, "3 grid steps for 2 axes"),
        ({"intensity": np.full((2, 3), np.nan, np.float32)}, "finite"),
        ({"intensity": np.full((2, 3), -1, np.float32)}, "non-negative"),
    ],
)
def test_pattern_refuses(changed, message):
    assert build().shape == (2, 3)
    with pytest.raises(InputError, match=f"scan.h5: .*{message}"):
        build(**changed)


@pytest.mark.parametrize("step", [(0.0,), (-1.0, 1.0), (np.nan,), (np.inf,)])
def test_grid_refuses(step):
    with pytest.raises(InputError, match="steps must be positive"):
        Grid(step=step)


@given(patterns(min_dims=3))
def test_with_mask_adds(pattern):
    frame = np.zeros(pattern.shape[1:], int)
    frame[0] = 1
    expected = pattern.mask | (frame != 0)
    if expected.all():
        with pytest.raises(InputError, match="every voxel is masked"):
            pattern.with_mask(frame)
        return
    more = pattern.with_mask(frame)
    np.testing.assert_array_equal(more.mask, expected)
    np.testing.assert_array_equal(more.intensity, np.where(expected, 0, pattern.intensity))
    assert more.grid == pattern.grid


@given(patterns())
def test_round_trip_to_torch(pattern):
    moved = pattern.to("cpu")
    assert isinstance(moved.intensity, torch.Tensor)
    assert moved.intensity.dtype == torch.float32
    assert moved.mask.dtype == torch.bool
    back = moved.numpy()
    np.testing.assert_array_equal(back.intensity, pattern.intensity)
    np.testing.assert_array_equal(back.mask, pattern.mask)
    assert (back.grid, back.meta) == (pattern.grid, pattern.meta)


def test_torch_copy_is_a_copy_and_nested_types_move():
    pattern = build()
    simulated = SimulatedPattern(
        pattern=pattern,
        expectation=pattern.intensity,
        amplitude=np.full((2, 3), 1 + 2j, np.complex64),
        oversampling=(2.0, 3.0),
    )
    moved = simulated.to("cpu")
    assert moved.amplitude.dtype == torch.complex64
    assert moved.oversampling == (2.0, 3.0)
    moved.pattern.intensity[0, 0] = 7
    assert pattern.intensity[0, 0] == 1
    assert moved.numpy().pattern.intensity[0, 0] == 7


def filled(**changed):
    pattern = build(
        intensity=np.array([[0, 5]], np.float32), mask=np.array([[True, False]]), grid=Grid(step=(1, 1))
    )
    known = {
        "pattern": pattern,
        "intensity": np.array([[3, 5]], np.float32),
        "sigma": np.array([[0.5, 0]], np.float32),
        "method": "linear",
    }
    return FilledPattern(**(known | changed))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"intensity": np.array([[3, 6]], np.float32)}, "measured voxels were changed"),
        ({"intensity": np.array([[-3, 5]], np.float32)}, "non-negative"),
        ({"intensity": np.array([[np.nan, 5]], np.float32)}, "finite"),
        ({"intensity": np.array([[3, 5]])}, "float32"),
        ({"sigma": np.array([[0.5, 0.1]], np.float32)}, "0 where measured"),
        ({"sigma": np.array([[-0.5, 0]], np.float32)}, "nowhere negative"),
        ({"sigma": np.zeros((2, 2), np.float32)}, "shape"),
    ],
)
def test_filled_pattern_refuses(changed, message):
    assert filled().method == "linear"
    assert filled(sigma=np.array([[np.nan, 0]], np.float32)).method == "linear"  # no error given
    with pytest.raises(ValueError, match=message):
        filled(**changed)
