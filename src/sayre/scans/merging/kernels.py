"""Local Lagrange interpolation: weights, and weighted sums of runs of voxels along each axis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d, gaussian_filter

Field = NDArray[np.float64]
WIDTH, REACH = 1.0, 3
"""Standard deviation of a smoothing, and how far it reaches, in voxels."""
Weights = Sequence[Field | None]
"""Weights along each axis; None leaves an axis as it is."""


def weights_of(fraction: float, points: int, *, of: int | None = None) -> Field:
    """Return weights of Lagrange interpolation between the two voxels in the middle.

    Parameters
    ----------
    fraction
        Way from the first to the second of the voxels in the middle.
    points
        Even number of voxels; 0 is the nearest alone.
    of
        Length of the weights, even: zeros are added on both sides.
    """
    around = ((of or points) - points) // 2
    if not points:
        return np.array(np.arange(2 * around) == around - 1 + round(fraction), np.float64)
    at = np.arange(points) - (points // 2 - 1)
    found = [np.prod([(fraction - j) / (i - j) for j in at if j != i]) for i in at]
    return np.pad(np.array(found), around)


def slopes_of(fraction: float, points: int) -> Field:
    """Return the derivatives of `weights_of` by the fraction.

    Parameters
    ----------
    fraction, points
        As `weights_of` takes them.
    """
    at = np.arange(points) - (points // 2 - 1)
    others = [[j for j in at if j != i] for i in at]
    return np.array(
        [
            sum(np.prod([(fraction - j) / (i - j) for j in rest if j != left]) / (i - left) for left in rest)
            for i, rest in zip(at, others, strict=True)
        ]
    )


def placed(array: NDArray[np.generic], start: Sequence[int], shape: Sequence[int]) -> NDArray[np.generic]:
    """Return the part of an array from `start` on, of a shape; zeros where the array has no voxels.

    Parameters
    ----------
    array
        Any.
    start
        First voxel along each axis; may be negative.
    shape
        Of what is returned.
    """
    out = np.zeros(tuple(shape), array.dtype)
    inner, outer = [], []
    for first, n, have in zip(start, shape, array.shape, strict=True):
        low, high = max(first, 0), min(first + n, have)
        if low >= high:
            return out
        inner.append(slice(low - first, high - first))
        outer.append(slice(low, high))
    out[tuple(inner)] = array[tuple(outer)]
    return out


def window(
    array: NDArray[np.generic], first: Sequence[int], shape: Sequence[int], lengths: Sequence[int]
) -> NDArray[np.generic]:
    """Return what weights of given lengths need of an array to make one of `shape`.

    Parameters
    ----------
    array
        Any.
    first
        Voxel before the place of the first voxel that is made, along each axis.
    shape
        Of what is made.
    lengths
        Of the weights along each axis; 1 where there are none.
    """
    start = [f - (length // 2 - 1 if length > 1 else 0) for f, length in zip(first, lengths, strict=True)]
    return placed(array, start, [n + length - 1 for n, length in zip(shape, lengths, strict=True)])


def summed(values: NDArray[np.generic], weights: Weights) -> Field:
    """Return weighted sums of runs of voxels, along every axis that has weights, where the runs are whole.

    Parameters
    ----------
    values
        Any; an axis of n voxels becomes one of n + 1 less the length of its weights.
    weights
        Along each axis.
    """
    sums = np.asarray(values, np.float64)
    for axis, along in enumerate(weights):
        if along is not None:
            kept = [slice(None)] * sums.ndim
            kept[axis] = slice(0, sums.shape[axis] - len(along) + 1)
            sums = correlate1d(sums, along, axis=axis, origin=-(len(along) // 2), mode="constant")[
                tuple(kept)
            ]
    return np.asarray(sums)


def split(shift: Sequence[float]) -> tuple[list[int], list[float]]:
    """Return whole voxels and the fractions from 0 to 1 beyond them.

    Parameters
    ----------
    shift
        Voxels along each axis.
    """
    first = [int(np.floor(s)) for s in shift]
    return first, [float(s - f) for s, f in zip(shift, first, strict=True)]


def smoothed(values: Field) -> Field:
    """Return values smoothed over a voxel or so, zeros beyond the edges."""
    return np.asarray(gaussian_filter(values, WIDTH, mode="constant", radius=REACH))
