"""Apodisation: a window in reciprocal space, against the ripples of a pattern that ends abruptly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

KERNEL = np.array([0.04, 0.25, 0.42, 0.25, 0.04])
"""The window 0.42 + 0.5 cos(2πk/N) + 0.08 cos(4πk/N) of frequencies k, as a convolution of voxels."""


def apodised(obj: NDArray[np.complex64]) -> NDArray[np.complex64]:
    """Return an object whose pattern was multiplied by a Blackman window along every axis.

    The window falls to 0 at the edges of the array, so that fringes which the detector cuts off leave no
    ripples. The resolution falls to 2.3 voxels, the full width at half maximum along an axis.

    Parameters
    ----------
    obj
        complex64, of any dimension; its phase ramp removed, so that the peak is in the middle of the window.

    Notes
    -----
    R. B. Blackman and J. W. Tukey, Bell Syst. Tech. J. 37, 185 (1958). In real space the window is a
    convolution with `KERNEL` along every axis, whatever the size of the array; so it holds for an object that
    was cropped too.
    """
    result = np.asarray(obj, np.complex128)
    for axis in range(obj.ndim):
        result = ndimage.convolve1d(result, KERNEL, axis, mode="constant")
    return result.astype(np.complex64)
