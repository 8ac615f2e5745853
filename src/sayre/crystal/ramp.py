"""Phase ramp and offset: what the counts leave open, and a peak between two voxels adds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Object = NDArray[np.complex64]
Support = NDArray[np.bool_]


def phase_ramp(obj: Object, support: Support) -> NDArray[np.float64]:
    """Mean phase gradient of each axis in rad per voxel, within ±π.

    It is the phase of the object's autocorrelation one voxel apart, taken within the support: the circular
    centre of mass of its Fourier intensity. No unwrapping, no peak to be searched, no threshold; fringes,
    gaps and dislocations weigh as little as they scatter.

    Parameters
    ----------
    obj
        complex64, any dimension, centred.
    support
        bool, same shape.
    """
    inside = np.where(support, obj, 0).astype(np.complex128)
    ramp = np.zeros(obj.ndim)
    for axis in range(obj.ndim):
        along = np.moveaxis(inside, axis, 0)
        ramp[axis] = np.angle(np.vdot(along[:-1], along[1:]))
    return ramp


def remove_ramp(obj: Object, support: Support) -> tuple[Object, NDArray[np.float64]]:
    """The object without its mean phase gradient and mean phase, and where its peak was.

    Parameters
    ----------
    obj
        complex, 2D or 3D, centred.
    support
        bool, same shape.

    Returns
    -------
    obj
        complex64. The amplitude-weighted mean of `exp(i phase)` over the support is real and positive.
    peak
        Distance of the peak from voxel `n // 2` of the pattern, in voxels of the pattern, each axis.
    """
    ramp = phase_ramp(obj, support)
    level = np.asarray(obj, np.complex128)
    for axis, (slope, n) in enumerate(zip(ramp, obj.shape, strict=True)):
        along = [-1 if i == axis else 1 for i in range(obj.ndim)]
        level = level * np.exp(-1j * slope * (np.arange(n) - n // 2)).reshape(along)
    offset = np.angle(np.sum(level, where=support))
    peak = ramp * np.array(obj.shape) / (2 * np.pi)
    return (level * np.exp(-1j * offset)).astype(np.complex64), peak
