"""Frames, rows and columns without a count between bright ones: nothing was measured there."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

LEAST, ON_THE_DETECTOR = 100.0, 1000.0
"""Counts of the frame beside one without any, from which on that was not measured; of rows and columns on
both sides, for between fringes they may be dark."""


def empty_planes(counts: NDArray[np.float32], unknown: Mask) -> list[tuple[int, NDArray[np.intp]]]:
    """Planes of voxels without a count beside a plane of many, by axis, as indices.

    The counts of a crystal fall off over several frames and pixels; they do not end from one to the next.

    Parameters
    ----------
    counts
        float32, 2D or 3D.
    unknown
        bool, same shape; True where nothing was measured.
    """
    found = []
    for axis in range(counts.ndim):
        others = tuple(other for other in range(counts.ndim) if other != axis)
        sums = counts.sum(axis=others, where=~unknown, dtype=np.float64)
        measured = np.asarray(~unknown.all(axis=others), bool)
        empty = measured & (sums == 0)
        lost: list[int] = []
        for start, stop in _runs(empty):
            sides = _beside(sums, measured, start - 1, -1), _beside(sums, measured, stop, 1)
            frames = axis == 0 and counts.ndim == 3
            if max(sides) >= LEAST if frames else min(sides) >= ON_THE_DETECTOR:
                lost += range(start, stop)
        if lost and len(lost) < counts.shape[axis]:
            found.append((axis, np.array(lost)))
    return found


def _runs(empty: Mask) -> list[tuple[int, int]]:
    """Start and stop of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], empty.astype(np.int8), [0]))))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _beside(sums: NDArray[np.float64], measured: Mask, index: int, step: int) -> float:
    """Counts of the nearest measured plane from an index on."""
    while 0 <= index < len(sums) and not measured[index]:
        index += step
    return float(sums[index]) if 0 <= index < len(sums) else 0.0
