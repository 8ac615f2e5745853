import numpy as np
import pytest

from noise import counts_of_test
from sayre.data import Grid, Pattern


@pytest.fixture(scope="session")
def crystal():
    """Make a block without symmetry, with a smooth phase, in 36³ voxels: object, amplitude, counts."""
    n = 36
    z, y, x = (np.mgrid[:n, :n, :n] - n // 2) / 6.0
    inside = (abs(z) < 1) & (abs(y) < 1) & (abs(x) < 1) & (x + y + z < 1.2) & (z - y < 1.3)
    obj = (inside * np.exp(1j * (0.5 * x * y + 0.4 * z**2))).astype(np.complex64)
    amplitude = np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(obj)))
    scale = np.sqrt(1e6 / np.abs(amplitude).max() ** 2)
    amplitude = (amplitude * scale).astype(np.complex64)
    counts = np.random.default_rng(0).poisson(np.abs(amplitude) ** 2).astype(np.float32)
    return (obj * scale).astype(np.complex64), amplitude, counts_of_test(counts)


@pytest.fixture
def pattern(crystal):
    counts = crystal[2]
    return Pattern(intensity=counts, mask=np.zeros(counts.shape, bool), grid=Grid(step=(1.0,) * counts.ndim))
