"""Input and target of the published network: scaled counts, and the phase of the diffracted amplitude."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from sayre.crystal.ramp import remove_ramp

Floats = NDArray[np.float32]
Complexes = NDArray[np.complex64]
Scalar = TypeVar("Scalar", bound=np.generic)


def window(array: NDArray[Scalar], first: Sequence[int], shape: Sequence[int]) -> NDArray[Scalar]:
    """Cut a box out of an array, with zeros where it extends beyond the array.

    `window(part, [-f for f in first], array.shape)` is the inverse.

    Parameters
    ----------
    array
        Array of any dtype.
    first
        First voxel of the box; negative numbers lie before the array.
    shape
        Shape of the box.
    """
    part: NDArray[Any] = np.zeros(tuple(shape), array.dtype)
    spans = list(zip(first, shape, array.shape, strict=True))
    taken = tuple(slice(max(f, 0), max(min(f + n, size), 0)) for f, n, size in spans)
    put = tuple(
        slice(t.start - f, t.start - f + max(t.stop - t.start, 0)) for t, f in zip(taken, first, strict=True)
    )
    part[put] = array[taken]
    return part


def first_voxel(counts: Floats, side: int) -> tuple[int, ...]:
    """Return the first voxel of the box that has the centre of mass of the counts at `side // 2`.

    It is rounded to whole voxels, so that counts are not interpolated.

    Parameters
    ----------
    counts
        float32, not negative.
    side
        Voxels of the box along each axis.
    """
    total = max(float(counts.sum(dtype=np.float64)), 1e-30)
    first = []
    for axis, n in enumerate(counts.shape):
        others = tuple(a for a in range(counts.ndim) if a != axis)
        line = counts.sum(axis=others, dtype=np.float64)
        first.append(round(float(line @ np.arange(n)) / total) - side // 2)
    return tuple(first)


def scaled(counts: Floats) -> Floats:
    """Scale `log(1 + I)` linearly to the range from 0 to 1, float32; all 0 where all counts are equal."""
    level = np.log1p(counts.astype(np.float64))
    level -= level.min()
    return (level / max(float(level.max()), 1e-30)).astype(np.float32)


def features(counts: Floats, side: int) -> Floats:
    """Compute the input of the network: counts centred, cropped or padded with zeros, and scaled.

    The step in reciprocal space does not change.

    Parameters
    ----------
    counts
        float32 of any shape, gaps filled.
    side
        Voxels of the result along each axis.
    """
    return scaled(window(counts, first_voxel(counts, side), (side,) * counts.ndim))


def target(amplitude: Complexes) -> Floats:
    """Compute the phase of a diffracted amplitude in rad, float32, without its ramp and offset.

    Counts do not determine the position of the crystal, which is a phase ramp. The mean gradient, weighted by
    the intensity, is subtracted, which moves the centre of mass of `|object|²` to the middle, exactly and for
    fractions of a voxel too. The conjugate twin remains as the only ambiguity.
    """
    return np.angle(remove_ramp(amplitude, np.ones(amplitude.shape, bool))[0]).astype(np.float32)
