"""Counts that wrapped around at the end of 16 bits are found, and no others."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from test_hygiene import SHAPE, expected, peak

import sayre
from sayre.detectors.hygiene.wrapped import wrapped
from sayre.errors import InputError

NOTHING = np.zeros(SHAPE, bool)
SCALES = [(0.17, 0.18, 0.16), (0.08, 0.2, 0.12), (0.23, 0.23, 0.23), (0.05, 0.1, 0.1), (0.3, 0.2, 0.2)]


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("top", [9e4, 2e5, 1e6, 1e7])
def test_counts_that_wrapped_around(scale, top):
    counts = peak(scale=scale, top=top)
    assert wrapped(counts % 65536, NOTHING) > 0
    assert wrapped(counts, NOTHING) == 0
    assert wrapped(counts % 65536, counts > 30_000) == 0


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("top", [47e3, 55e3, 64e3])
def test_counts_that_16_bits_hold(scale, top):
    """Also beside hot pixels, and with dead ones in the peak."""
    for seed in range(3):
        counts = peak(seed, scale=scale, top=top)
        assert wrapped(counts, NOTHING) == 0
        counts[:, 22:24, 20] = 0
        counts[4:6, 3:6, 3:5] = 60_000
        assert wrapped(counts, NOTHING) == 0


def test_a_ring_of_bright_counts_is_no_wrapped_peak():
    """A crystal with a phase vortex has nothing in the middle of its peak."""
    x = np.indices(SHAPE) - np.array([16, 22, 20])[:, None, None, None]
    inside = (np.abs(x) < 3).all(axis=0)
    field = np.fft.fftshift(np.fft.fftn(inside * np.exp(1j * np.arctan2(x[1], x[2]))))
    rates = np.abs(field) ** 2
    counts = np.random.default_rng(0).poisson(rates * 6e4 / rates.max()).astype(np.float32)
    assert wrapped(counts, NOTHING) == 0


def test_they_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.rint(expected(top=2e5)).astype(np.int64).astype(np.uint16))
    with pytest.raises(InputError, match="wrapped around at 65536, the end of 16 bits; read them"):
        sayre.load(tmp_path / "a.npy")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert sayre.load(tmp_path / "a.npy", leave="saturated").shape == SHAPE
