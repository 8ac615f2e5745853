from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayre.numerics.gaps import UNBOUNDED, run_lengths
from strategies import masks


def brute_force(line: np.ndarray) -> list[int]:
    lengths = []
    for i, masked in enumerate(line):
        if not masked:
            lengths.append(0)
            continue
        lo, hi = i, i
        while lo >= 0 and line[lo]:
            lo -= 1
        while hi < len(line) and line[hi]:
            hi += 1
        lengths.append(UNBOUNDED if lo < 0 or hi == len(line) else hi - lo - 1)
    return lengths


@given(masks(min_dims=1), st.data())
def test_brute_force(mask, data):
    axis = data.draw(st.integers(-mask.ndim, mask.ndim - 1))
    expected = np.apply_along_axis(brute_force, axis, mask)
    found = run_lengths(mask, axis)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, expected)


def test_plane_cross_and_border():
    mask = np.zeros((20, 30), bool)
    mask[5:11] = True  # rows 5..10
    mask[:, 12:16] = True  # columns 12..15
    mask[:, 28:] = True  # to the border
    rows, columns = run_lengths(mask, 0), run_lengths(mask, 1)
    assert (rows[5:11, 0] == 6).all()
    assert (rows[:, 13] == UNBOUNDED).all()  # this column is masked from end to end
    assert (columns[0, 12:16] == 4).all()
    assert (columns[0, 28:] == UNBOUNDED).all()
    assert columns[0, 0] == 0


def test_unbounded_is_the_largest_int32():
    assert np.iinfo(np.int32).max == UNBOUNDED


def test_axis_out_of_range():
    with pytest.raises(IndexError):
        run_lengths(np.zeros((3, 3), bool), 2)
