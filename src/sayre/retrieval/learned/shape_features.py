"""Input of the shape network: the autocorrelation of the object, computed from the counts."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

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


def features_of_many(counts: Tensor) -> Tensor:
    """Compute `features` of cubes of counts at all of their lags, on the device that holds them.

    Parameters
    ----------
    counts
        float32 `(batch, side, side, side)`, centred, gaps filled.

    Returns
    -------
    float32 `(batch, 3, side, side, side)`.
    """
    axes, size = (1, 2, 3), counts[0].numel()
    correlation = torch.fft.ifftn(torch.fft.ifftshift(counts, axes), dim=axes)
    correlation = torch.fft.fftshift(correlation, axes)
    total = counts.sum(axes, dtype=torch.float64).float()[:, None, None, None]
    noise, origin = total.clamp(min=1).sqrt() / size, total / size
    modulus = correlation.abs()
    weight = modulus / (modulus + 3 * noise) / modulus.clamp(min=1e-30)
    level = torch.log10(torch.maximum(modulus, noise) / origin.clamp(min=1e-30))
    return torch.stack([level / 4 + 0.5, correlation.real * weight, correlation.imag * weight], 1)


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
