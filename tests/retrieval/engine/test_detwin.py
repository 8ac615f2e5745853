"""`DETWIN` iterates error reduction ten times in one half of the support, across its longest axis."""

import numpy as np
import pytest

from sayre.retrieval.engine.bounds import Bounds
from sayre.retrieval.engine.iterate import retrieve
from sayre.retrieval.engine.recipe import parse
from sayre.retrieval.engine.start import Start
from sayre.retrieval.engine.support import ShrinkWrap


def centred_fft(obj):
    return np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(obj)))


def bounds_of(obj):
    modulus = np.abs(centred_fft(obj)).astype(np.float32)
    weight = np.ones(obj.shape, np.uint8)
    return Bounds(lower=modulus, upper=modulus, counts=modulus**2, weight=weight)


def run(bounds, obj, support, recipe):
    start = Start(index=0, object=obj.astype(np.complex64), support=support)
    return next(iter(retrieve(bounds, [start], parse(recipe), ShrinkWrap())))


def error_reduction(obj, support, modulus):
    """Do one step in NumPy, on centred arrays."""
    field = centred_fft(obj)
    projected = np.fft.ifftn(np.fft.ifftshift(field / np.abs(field) * modulus))
    return np.fft.fftshift(projected) * support


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("longest", [0, 1, 2])
def test_detwin_is_error_reduction_in_half_of_the_support(longest, whole):
    """The support is half as long as the array on its longest axis, or as long as it."""
    shape = (20, 22, 21)
    length = shape[longest] if whole else 11
    sides = [length if axis == longest else 5 + 2 * (axis == 1) for axis in range(3)]
    support = np.zeros(shape, bool)
    support[tuple(slice(n // 2 - s // 2, n // 2 - s // 2 + s) for n, s in zip(shape, sides, strict=True))] = 1
    rng = np.random.default_rng(longest)
    truth, start = (support * np.exp(1j * rng.uniform(-1, 1, shape)) for _ in range(2))
    bounds = bounds_of(truth)
    half = support.copy()
    # from the voxel after the middle one to that before the border opposite
    n = shape[longest]
    np.moveaxis(half, longest, 0)[n // 2 + 1 : n // 2 + 1 + (n - 1) // 2] = False
    assert length * half.sum() == (length // 2 + 1) * support.sum()
    expected = start
    for inside in [support, *[half] * 10, support]:
        expected = error_reduction(expected, inside, bounds.upper)
    expected = error_reduction(expected, support, bounds.upper)
    found = run(bounds, start, support, "ER*1, DETWIN, ER*1")
    np.testing.assert_allclose(found.object, expected, atol=2e-4)
    np.testing.assert_array_equal(found.support, support)
