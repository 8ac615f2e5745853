"""Frames, rows and columns without a count between bright ones: nothing was measured there."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

LEAST, ON_THE_DETECTOR = 100.0, 1000.0
"""Counts that a frame without any should have by those beside it, from which on it was not measured; counts
of rows and columns on both sides, for between fringes they may be dark."""
MANY, STRAY = 1e4, 1e-3
"""Counts that a frame should have, from which on less than this part of them is stray."""


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
        frames = axis == 0 and counts.ndim == 3
        runs, lost = _runs(_dark(sums, measured) if frames else measured & (sums == 0)), list[int]()
        if _are_fringes(runs, int(np.argmax(sums))):
            continue
        for start, stop in runs:
            sides = _beside(sums, measured, start - 1, -1), _beside(sums, measured, stop, 1)
            if frames or min(sides) >= ON_THE_DETECTOR:
                lost += [plane for plane in range(start, stop) if measured[plane]]
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


def _beside(sums: NDArray[np.float64], measured: Mask, index: int, step: int) -> float:
    """Counts of the nearest measured plane from an index on."""
    while 0 <= index < len(sums) and not measured[index]:
        index += step
    return float(sums[index]) if 0 <= index < len(sums) else 0.0


def _dark(sums: NDArray[np.float64], measured: Mask) -> Mask:
    """Frames that have not what the two before them on a side fall off to."""
    dark = np.zeros(len(sums), bool)
    for order in (range(len(sums)), range(len(sums) - 1, -1, -1)):
        near = far = 0.0
        for frame in order:
            if not measured[frame]:
                continue
            expected = near * min(near / far, 1.0) if far > 0 else near
            none = sums[frame] == 0 and expected >= LEAST
            if none or (expected >= MANY and sums[frame] < STRAY * expected):
                dark[frame] = True
            elif not dark[frame]:
                near, far = float(sums[frame]), near
    return dark
