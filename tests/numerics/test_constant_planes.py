"""Placeholders are told from counts, and a mask that is transposed from one that fits."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import sayre
from sayre.numerics.constant import Constant, constant_planes

SHAPE = (16, 48, 48)


def square(seed=0, dark=0.0):
    x = np.indices(SHAPE) - np.array([8, 21, 27])[:, None, None, None]
    rates = 1e5 * np.prod(np.sinc(x / 4.3) ** 2, 0) + dark
    return np.random.default_rng(seed).poisson(rates).astype(np.uint32)


def test_planes_of_one_value_beside_varying_ones():
    counts, nothing = square(), np.zeros(SHAPE, bool)
    assert constant_planes(counts, nothing) == []
    counts[:, 30:33] = 1
    counts[:, :, 20] = 7
    mask = nothing.copy()
    mask[:, :, 20] = True
    assert constant_planes(counts, mask) == [Constant(1, 30, 33, 1.0)]
    mask[:, 30:33] = True
    assert constant_planes(counts, mask) == []


def said_of(tmp_path, counts, mask):
    np.save(tmp_path / "counts.npy", counts)
    np.save(tmp_path / "mask.npy", mask)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        sayre.load(tmp_path / "counts.npy", mask=tmp_path / "mask.npy")
    return " | ".join(str(one.message) for one in caught)


@pytest.mark.parametrize("value", [0, 1])
def test_a_mask_that_is_transposed(tmp_path, value):
    counts, mask = square(), np.zeros(SHAPE[1:], bool)
    counts[:, 24:28] = value
    mask[24:28] = True
    assert said_of(tmp_path, counts, mask) == ""
    said = said_of(tmp_path, counts, mask.T)
    assert "is it transposed?" in said
    assert "rows 24 to 27 hold" in said
    for good in (counts.swapaxes(1, 2), square(1)):
        assert "transposed" not in said_of(tmp_path, good, mask.T)
