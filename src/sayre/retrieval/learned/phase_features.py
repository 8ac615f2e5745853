"""What the network sees of the counts, and what it ought to say."""

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
    """The box of `shape` whose first voxel is `first` (negative: before the array), zero outside the array.

    `window(part, [-f for f in first], array.shape)` puts it back.
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
    """First voxel of the box of `side` voxels along each axis that has the centre of mass at `side // 2`.

    By whole voxels, so that no count is interpolated.
    """
    total = max(float(counts.sum(dtype=np.float64)), 1e-30)
    first = []
    for axis, n in enumerate(counts.shape):
        others = tuple(a for a in range(counts.ndim) if a != axis)
        line = counts.sum(axis=others, dtype=np.float64)
        first.append(round(float(line @ np.arange(n)) / total) - side // 2)
    return tuple(first)


def scaled(counts: Floats) -> Floats:
    """`log(1 + I)` from 0, its least value, to 1, its greatest, float32; all 0 where all are equal."""
    level = np.log1p(counts.astype(np.float64))
    level -= level.min()
    return (level / max(float(level.max()), 1e-30)).astype(np.float32)


def features(counts: Floats, side: int) -> Floats:
    """What the network sees of counts of any shape: `side` voxels along each axis, centred and scaled.

    Larger counts are cropped and smaller ones padded with zeros; the step in reciprocal space stays.
    """
    return scaled(window(counts, first_voxel(counts, side), (side,) * counts.ndim))


def target(amplitude: Complexes) -> Floats:
    """Phase of a diffracted amplitude in rad, without what the counts leave open but the twin.

    A translation of the crystal is a phase ramp; the mean gradient, weighted by the intensity, is taken out,
    which puts the centre of mass of `|object|²` into the middle. It is exact for shifts by fractions too.
    """
    return np.angle(remove_ramp(amplitude, np.ones(amplitude.shape, bool))[0]).astype(np.float32)
