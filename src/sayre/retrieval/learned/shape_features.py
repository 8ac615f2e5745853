"""Input of the shape network: the autocorrelation of the object, computed from the counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sayre.numerics.fourier import to_object


def features(counts: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Compute the autocorrelation at the `side` lags around 0 of each axis, float32 `(3, side, …)`.

    The channels are its modulus, as log10 relative to lag 0 and not below its Poisson noise √ΣI/N, and the
    cosine and sine of its phase, weighted by the signal-to-noise ratio. The autocorrelation of a strained
    crystal is complex, and that of its conjugate twin is the same.

    Lags are cropped or padded to `side`, never interpolated; see
    `sayre.retrieval.learned.shape_predictor`.

    Parameters
    ----------
    counts
        float32, centred, gaps filled.
    side
        Lags along each axis.
    """
    correlation = to_object(counts.astype(np.complex64))
    total = float(counts.sum(dtype=np.float64))
    noise, origin = np.sqrt(max(total, 1.0)) / counts.size, total / counts.size
    correlation = resized(correlation, side)
    modulus = np.abs(correlation)
    weight = modulus / (modulus + 3 * noise) / np.maximum(modulus, 1e-30)
    level = np.log10(np.maximum(modulus, noise) / max(origin, 1e-30))
    phases = correlation.real * weight, correlation.imag * weight
    return np.stack([level / 4 + 0.5, *phases]).astype(np.float32)


def resized(array: NDArray[np.complex64], side: int) -> NDArray[np.complex64]:
    """Crop an array, or pad it with zeros, to `side` voxels along each axis, with `n // 2` in the middle.

    Parameters
    ----------
    array
        complex64 of any shape.
    side
        Voxels of the result along each axis.
    """
    for axis, n in enumerate(array.shape):
        if n > side:
            array = np.take(array, range(n // 2 - side // 2, n // 2 - side // 2 + side), axis)
        elif n < side:
            before = side // 2 - n // 2
            widths = [(0, 0)] * array.ndim
            widths[axis] = (before, side - n - before)
            array = np.pad(array, widths)
    return array
