"""Gaussian smoothing in parts, on any number of cores."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from sayre.numerics import slabs, smoothing
from sayre.numerics.smoothing import smoothed


@pytest.mark.parametrize("cores", [1, 2, 5])
@pytest.mark.parametrize("shape", [(9, 4), (1, 7), (12, 3, 10), (24, 26, 28)])
@pytest.mark.parametrize("mode", ["reflect", "nearest", "constant"])
def test_it_is_what_scipy_does(monkeypatch, cores, shape, mode):
    for module in (slabs, smoothing):
        monkeypatch.setattr(module, "cores", lambda: cores)
    for dtype in (np.float32, np.float64):
        values = np.random.default_rng(0).normal(size=shape).astype(dtype)
        before, found = values.copy(), smoothed(values, 1.7, mode)
        np.testing.assert_array_equal(found, gaussian_filter(values, 1.7, mode=mode))
        assert found.dtype == dtype
        np.testing.assert_array_equal(values, before)
