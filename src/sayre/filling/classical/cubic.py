"""Cubic interpolation across arbitrary masks, along the axis on which they span least."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sayre.filling.classical.checks import check
from sayre.numerics.interpolate import linear_fill

Log = NDArray[np.float32]
Mask = NDArray[np.bool_]
Indices = tuple[NDArray[np.intp], ...]


def cubic_fill(log_counts: Log, mask: Mask) -> Log:
    """Fill by the cubic through the two nearest measured voxels either side of the gap.

    The Lagrange polynomial of those four, along the axis on which the voxel's run of masked voxels is
    shortest; ties are averaged. It reproduces cubics exactly. Where two measured voxels in a row are
    missing on a side, linear interpolation takes its place. The cubic is clipped to the range of its four
    points widened by a quarter either side, and at zero: unclipped overshoot across wide gaps made it worse
    than linear interpolation.

    Parameters
    ----------
    log_counts
        `log(1 + I)`, float32, 2D or 3D; masked entries are ignored.
    mask
        bool, same shape; True where not measured.
    """
    check(log_counts, mask)
    filled = linear_fill(log_counts, mask)
    known = ~mask
    where = np.nonzero(mask)
    shortest = np.full(len(where[0]), np.iinfo(np.int32).max, np.int32)
    total, ties = np.zeros(len(where[0])), np.zeros(len(where[0]))
    for axis in range(mask.ndim):
        value, span, usable = _along(filled, known, where, axis)
        better = usable & (span < shortest)
        equal = usable & (span == shortest) & (ties > 0)
        total = np.where(better, value, total + np.where(equal, value, 0))
        ties = np.where(better, 1, ties + equal)
        shortest = np.where(better, span, shortest)
    cubic = ties > 0
    filled[tuple(w[cubic] for w in where)] = (total[cubic] / ties[cubic]).astype(np.float32)
    filled[mask] = np.maximum(filled[mask], 0)
    filled[known] = log_counts[known]
    return filled


def _along(
    filled: Log, known: Mask, where: Indices, axis: int
) -> tuple[NDArray[np.float64], NDArray[np.int32], Mask]:
    """Cubic along one axis, the length of the run, and whether four measured points carry it."""
    n = known.shape[axis]
    along = np.arange(n, dtype=np.int32).reshape([-1 if i == axis else 1 for i in range(known.ndim)])
    low = np.maximum.accumulate(np.where(known, along, np.int32(-1)), axis=axis)[where]
    reverse = np.flip(np.where(known, along, np.int32(n)), axis)
    high = np.flip(np.minimum.accumulate(reverse, axis=axis), axis)[where]
    points = [low - 1, low, high, high + 1]
    usable = (points[0] >= 0) & (points[3] < n)
    sites = [(*where[:axis], np.clip(p, 0, n - 1), *where[axis + 1 :]) for p in points]
    usable &= np.logical_and.reduce([known[site] for site in sites])
    values = np.stack([filled[site].astype(np.float64) for site in sites])
    nodes = np.stack(points).astype(np.float64)
    nodes[:, ~usable] = np.arange(4.0)[:, None]
    value = _lagrange(nodes, values, where[axis].astype(np.float64))
    least, most = values.min(0), values.max(0)
    spare = (most - least) / 4
    return np.clip(value, least - spare, most + spare), high - low, usable


def _lagrange(
    nodes: NDArray[np.float64], values: NDArray[np.float64], at: NDArray[np.float64]
) -> NDArray[np.float64]:
    result = np.zeros_like(at)
    for i in range(len(nodes)):
        weight = np.ones_like(at)
        for j in range(len(nodes)):
            if j != i:
                weight *= (at - nodes[j]) / (nodes[i] - nodes[j])
        result += weight * values[i]
    return result
