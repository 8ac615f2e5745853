"""The centred Fourier pair against sums over all voxels."""

from __future__ import annotations

import numpy as np
import pytest

from sayre.numerics.fourier import to_detector, to_object


@pytest.mark.parametrize("shape", [(6,), (7, 4), (3, 4, 5)])
@pytest.mark.parametrize("dtype", [np.float32, np.complex64, np.complex128])
def test_against_the_sum(shape, dtype):
    rng = np.random.default_rng(0)
    obj = (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex128)
    obj = (obj.real if dtype is np.float32 else obj).astype(dtype)
    before = obj.copy()
    places = np.array(list(np.ndindex(*shape))) - np.array(shape) // 2
    waves = np.exp(-2j * np.pi * (places / np.array(shape)) @ places.T)
    for transform, expected in (
        (to_detector, waves @ obj.ravel()),
        (to_object, waves.conj() @ obj.ravel() / obj.size),
    ):
        found = transform(obj)
        assert found.dtype == (np.complex128 if dtype is np.complex128 else np.complex64)
        np.testing.assert_allclose(found.ravel(), expected, atol=1e-5 * np.abs(expected).max())
        np.testing.assert_array_equal(obj, before)
