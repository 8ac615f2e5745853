"""Frames, rows and columns without a count between bright ones: nothing was measured there."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

LEAST, ON_THE_DETECTOR = 100.0, 1000.0
"""Counts that a frame without any should have by those beside it, from which on it was not measured; counts
of rows and columns on both sides, for between fringes they may be dark."""


def empty_planes(counts: NDArray[np.float32], unknown: Mask) -> list[tuple[int, NDArray[np.intp]]]:
    """Planes of voxels without a count where those beside them make many probable, by axis, as indices.

    The counts of a crystal fall off over several frames and pixels; they do not end from one to the next. A
    frame should have what the two beside it on a side fall off to. Single planes that are evenly spaced on
    both sides of the brightest are the dark fringes of a crystal with flat faces, as simulated ones have.

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
        runs, lost = _runs(empty), list[int]()
        if _are_fringes(runs, int(np.argmax(sums))):
            continue
        for start, stop in runs:
            sides = [_beside(sums, measured, *way) for way in ((start - 1, -1), (stop, 1))]
            if axis == 0 and counts.ndim == 3:
                improbable = max(map(_fallen_off, sides)) >= LEAST
            else:
                improbable = min(near for near, _ in sides) >= ON_THE_DETECTOR
            if improbable:
                lost += range(start, stop)
        if lost and len(lost) < counts.shape[axis]:
            found.append((axis, np.array(lost)))
    return found


def _runs(empty: Mask) -> list[tuple[int, int]]:
    """Start and stop of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], empty.astype(np.int8), [0]))))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _are_fringes(runs: list[tuple[int, int]], brightest: int) -> bool:
    """Whether empty planes are the zeros of an even sequence of fringes about the brightest plane."""
    places = np.array([start for start, _ in runs]) - brightest
    if len(runs) < 2 or any(stop - start > 1 for start, stop in runs) or 0 in places:
        return False
    period = int(np.gcd.reduce(places))
    return period > 1 and {-period, period} <= set(places.tolist())


def _beside(sums: NDArray[np.float64], measured: Mask, index: int, step: int) -> tuple[float, float]:
    """Counts of the two nearest measured planes from an index on; of the second those of the first if there
    is no second."""
    found: list[float] = []
    while 0 <= index < len(sums) and len(found) < 2:
        if measured[index]:
            found.append(float(sums[index]))
        index += step
    return (found[0], found[-1]) if found else (0.0, 0.0)


def _fallen_off(side: tuple[float, float]) -> float:
    """Counts of the next plane, if they go on as from the second to the first, and do not grow."""
    near, far = side
    return near * min(near / far, 1.0) if far > 0 else near
