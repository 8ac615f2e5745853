"""The Fourier pair between object and detector, both centred on index `n // 2`."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

Complexes = NDArray[np.complexfloating[Any, Any]]


def to_detector(obj: NDArray[Any]) -> Complexes:
    """Amplitude at the detector of a centred object: `fftshift(fftn(ifftshift(object)))`.

    The precision is that of the argument: complex64 for float32 and complex64, else complex128.
    """
    field = scipy.fft.fftn(scipy.fft.ifftshift(obj), workers=-1, overwrite_x=True)
    return np.asarray(scipy.fft.fftshift(field))


def to_object(amplitude: NDArray[Any]) -> Complexes:
    """Object of a centred amplitude at the detector: `fftshift(ifftn(ifftshift(amplitude)))`.

    The precision is that of the argument: complex64 for float32 and complex64, else complex128.
    """
    field = scipy.fft.ifftn(scipy.fft.ifftshift(amplitude), workers=-1, overwrite_x=True)
    return np.asarray(scipy.fft.fftshift(field))
