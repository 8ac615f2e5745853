"""Planes of counts that hold one value alone beside planes whose counts vary: placeholders, no counts."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

LEAST = 32
"""Voxels of a plane that are looked at, at least."""
BRIGHT = 100.0
"""Sum of the planes on both sides of those without a count, at least: dark ones have none by chance."""


class Constant(NamedTuple):
    """Neighbouring planes across an axis that hold one value alone: first, one after the last, the value."""

    axis: int
    first: int
    stop: int
    value: float


def constant_planes(counts: NDArray[Any], unknown: NDArray[np.bool_]) -> list[Constant]:
    """Find planes, not at the border, that hold one value alone, while those on both sides vary.

    Parameters
    ----------
    counts
        Real numbers, 2D or 3D.
    unknown
        bool, same shape; True where nothing was measured.
    """
    found = []
    real = counts if counts.dtype.kind == "f" else counts.astype(np.float64)
    for axis in range(counts.ndim):
        others = tuple(k for k in range(counts.ndim) if k != axis)
        seen = np.isfinite(real) & ~unknown
        enough = seen.sum(axis=others) >= LEAST
        low = real.min(axis=others, where=seen, initial=np.inf)
        high = real.max(axis=others, where=seen, initial=-np.inf)
        sums = np.where(seen, real, 0).sum(axis=others, dtype=np.float64)
        flat, varied = enough & (low == high), enough & (low < high)
        first = 1
        while first < len(flat) - 1:
            if not flat[first]:
                first += 1
                continue
            stop = first + 1
            while stop < len(flat) and flat[stop] and low[stop] == low[first]:
                stop += 1
            if stop < len(flat) and varied[first - 1] and varied[stop]:
                value = float(low[first])
                if value != 0 or min(sums[first - 1], sums[stop]) >= BRIGHT:
                    found.append(Constant(axis, first, stop, value))
            first = stop
    return found
