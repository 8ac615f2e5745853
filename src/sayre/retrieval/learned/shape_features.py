"""What the shape network sees: the autocorrelation of the counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sayre.numerics.fourier import to_object


def features(counts: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Autocorrelation of centred counts at the `side` lags around 0 of each axis, float32 `(3, side, …)`.

    Its modulus, log10 relative to lag 0 and not below its Poisson noise √ΣI/N, and cosine and sine of its
    phase weighted by the signal-to-noise ratio. The autocorrelation of a strained crystal is complex; of the
    crystal and its conjugate twin it is the same.

    Counts of another shape than `side` are brought to it by cropping and padding lags, never by
    interpolation; see `sayre.retrieval.learned.shape_predictor`.
    """
    shadow = to_object(counts.astype(np.complex64))
    total = float(counts.sum(dtype=np.float64))
    noise, origin = np.sqrt(max(total, 1.0)) / counts.size, total / counts.size
    shadow = resized(shadow, side)
    modulus = np.abs(shadow)
    weight = modulus / (modulus + 3 * noise) / np.maximum(modulus, 1e-30)
    level = np.log10(np.maximum(modulus, noise) / max(origin, 1e-30))
    return np.stack([level / 4 + 0.5, shadow.real * weight, shadow.imag * weight]).astype(np.float32)


def resized(array: NDArray[np.complex64], side: int) -> NDArray[np.complex64]:
    """Cropped and padded with zeros to `side` along each axis, `n // 2` staying in the middle."""
    for axis, n in enumerate(array.shape):
        if n > side:
            array = np.take(array, range(n // 2 - side // 2, n // 2 - side // 2 + side), axis)
        elif n < side:
            before = side // 2 - n // 2
            widths = [(0, 0)] * array.ndim
            widths[axis] = (before, side - n - before)
            array = np.pad(array, widths)
    return array
