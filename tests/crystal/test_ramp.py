import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sayre.crystal.ramp import phase_ramp, remove_ramp

SHAPE = (20, 24, 27)


def crystal(strained=True):
    """A facetted block with a void and a phase that is no ramp."""
    i, j, k = np.meshgrid(*(np.arange(n) - n // 2 for n in SHAPE), indexing="ij")
    support = (abs(i) < 6) & (abs(j) < 7) & (abs(k) < 8) & (i + j + k < 12) & (i - j < 9)
    support &= (i - 1) ** 2 + j**2 + (k + 2) ** 2 > 4
    phase = 0.02 * i * j + 0.03 * k**2 if strained else 0 * i
    rng = np.random.default_rng(0)
    obj = support * rng.uniform(0.7, 1.3, SHAPE) * np.exp(1j * phase)
    return obj.astype(np.complex64), support


def fourier(obj):
    return np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(obj)))


@settings(max_examples=20)
@given(peak=st.tuples(*[st.floats(-7, 7)] * 3), offset=st.floats(-np.pi, np.pi))
def test_a_shifted_pattern_is_recentred(peak, offset):
    """The peak moved by any fraction of voxels and any offset: the object comes back the same."""
    obj, support = crystal()
    base, at = remove_ramp(obj, support)
    ramp = sum(
        2 * np.pi * p / n * (np.arange(n) - n // 2).reshape([-1 if a == b else 1 for b in range(3)])
        for a, (p, n) in enumerate(zip(peak, SHAPE, strict=True))
    )
    moved = (obj * np.exp(1j * (ramp + offset))).astype(np.complex64)
    found, place = remove_ramp(moved, support)
    np.testing.assert_allclose(place - at, peak, atol=1e-4)
    np.testing.assert_allclose(found, base, atol=1e-4)


def test_peak_is_where_the_pattern_has_it():
    """A whole-voxel roll of an unstrained crystal's pattern."""
    obj, support = crystal(strained=False)
    rolled = np.roll(fourier(obj), (3, -2, 1), (0, 1, 2))
    moved = np.fft.fftshift(np.fft.ifftn(np.fft.ifftshift(rolled))).astype(np.complex64)
    _, place = remove_ramp(moved, support)
    np.testing.assert_allclose(place, [3, -2, 1], atol=1e-5)


def test_ramp_is_the_centre_of_mass_of_the_pattern():
    obj, support = crystal()
    found, _ = remove_ramp(obj, support)
    intensity = np.abs(fourier(found)) ** 2
    for axis, n in enumerate(SHAPE):
        line = intensity.sum(axis=tuple(i for i in range(3) if i != axis))
        turn = line @ np.exp(2j * np.pi * (np.arange(n) - n // 2) / n)
        assert np.angle(turn) == pytest.approx(0, abs=1e-5)
    assert np.angle(found[support].sum()) == pytest.approx(0, abs=1e-5)


def test_what_is_outside_the_support_does_not_count():
    obj, support = crystal()
    noisy = obj + ~support * np.exp(1j * np.random.default_rng(1).uniform(0, 7, SHAPE))
    np.testing.assert_allclose(phase_ramp(noisy.astype(np.complex64), support), phase_ramp(obj, support))
