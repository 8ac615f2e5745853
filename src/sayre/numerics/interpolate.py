"""Linear interpolation across arbitrary masks: the yardstick and the networks' starting point."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Indices = tuple[NDArray[np.intp], ...]


def linear_fill(values: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Fill masked voxels by linear interpolation along the axis on which they span least.

    A voxel takes the axis along which its run of masked voxels is shortest and measured at both ends;
    ties are averaged. Voxels with no such axis (the crossing of two gaps) are filled from the voxels
    filled before them; what lies beyond the last measured voxel takes the nearest value on an axis.

    Parameters
    ----------
    values
        Any dimension, usually `log(1 + I)`; masked entries are ignored.
    mask
        True where not measured; at least one voxel must be measured.

    Returns
    -------
    Copy of `values` with masked voxels replaced.
    """
    filled = np.array(values, np.float32)
    filled[mask] = 0
    missing = mask.copy()
    if missing.all():
        raise ValueError("linear_fill: every voxel is masked")
    while missing.any():
        where = np.nonzero(missing)
        estimate, found = _between(filled, missing, where)
        if not found.any():
            estimate, found = _beyond(filled, missing, where)
        now = tuple(w[found] for w in where)
        filled[now] = estimate[found]
        missing[now] = False
    return filled


def _neighbours(
    missing: NDArray[np.bool_], axis: int, where: Indices
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Index of the last known voxel before and the first after each of `where`; -1 and n if none."""
    n = missing.shape[axis]
    across = missing.any(axis)
    number = np.cumsum(across.ravel(), dtype=np.int32).reshape(across.shape) - np.int32(1)
    lines = np.moveaxis(missing, axis, -1)[across]
    along, place = np.arange(n, dtype=np.int32), (number[*where[:axis], *where[axis + 1 :]], where[axis])
    before = np.maximum.accumulate(np.where(lines, np.int32(-1), along), axis=1)[place]
    after = np.minimum.accumulate(np.where(lines, np.int32(n), along)[:, ::-1], axis=1)[:, ::-1][place]
    return before, after


def _at(where: Indices, axis: int, index: NDArray[np.int32]) -> tuple[NDArray[np.integer], ...]:
    return (*where[:axis], index, *where[axis + 1 :])


def _between(
    filled: NDArray[np.float32], missing: NDArray[np.bool_], where: Indices
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    shortest = np.full(where[0].shape, np.iinfo(np.int32).max, np.int32)
    total = np.zeros(where[0].shape, np.float32)
    ties = np.zeros(where[0].shape, np.float32)
    for axis, n in enumerate(missing.shape):
        before, after = _neighbours(missing, axis, where)
        span = np.where((before >= 0) & (after < n), after - before, np.iinfo(np.int32).max)
        low = filled[_at(where, axis, np.maximum(before, 0))]
        high = filled[_at(where, axis, np.minimum(after, n - 1))]
        value = low + (high - low) * ((where[axis] - before) / span).astype(np.float32)
        better, equal = span < shortest, (span == shortest) & (ties > 0)
        total = np.where(better, value, np.where(equal, total + value, total))
        ties = np.where(better, 1, ties + equal).astype(np.float32)
        shortest = np.minimum(shortest, span)
    return (total / np.maximum(ties, 1)).astype(np.float32), ties > 0


def _beyond(
    filled: NDArray[np.float32], missing: NDArray[np.bool_], where: Indices
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    nearest = np.full(where[0].shape, np.iinfo(np.int32).max, np.int32)
    estimate = np.zeros(where[0].shape, np.float32)
    for axis, n in enumerate(missing.shape):
        before, after = _neighbours(missing, axis, where)
        for index, known in ((before, before >= 0), (after, after < n)):
            distance = np.where(known, np.abs(where[axis] - index), np.iinfo(np.int32).max)
            better = distance < nearest
            value = filled[_at(where, axis, np.clip(index, 0, n - 1))]
            estimate = np.where(better, value, estimate)
            nearest = np.where(better, distance, nearest).astype(np.int32)
    return estimate, nearest < np.iinfo(np.int32).max
