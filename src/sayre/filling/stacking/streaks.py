"""Streaks through a gap: where the counts on both sides follow one course, the gap follows it as well.

Statistics of the whole pattern smear a truncation rod out. A column of voxels along the axis across the gap
is taken for a part of a streak if the counts of `REACH` voxels on either side (or of `TIMES` the gap, if that
is more) scatter around an exponential through the means of both sides as photons do, and the filling lies
below it by more than these counts allow. Fringes, which rise and fall, do not pass.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sayre.filling.stacking.experts import Estimate
from sayre.filling.stacking.pieces import Box

Log = NDArray[np.float32]
Mask = NDArray[np.bool_]

REACH, TIMES = 12, 1.5
LEAST_KNOWN = 4
"""Measured voxels that a side must have."""
LEAST_COUNTS = 3.0
"""Mean counts that a side must have: dimmer ones follow any course."""
RELATIVE = 0.15
"""Relative deviation from the course that a streak may have beside photon noise."""
DISPERSION = ((1, 1.4), (4, 1.5))
"""Scatter around the course, over that of photons, up to which it is one: of voxels, and of sums of four."""
SIGNIFICANT = 4.0
"""Standard errors by which the filling must lie below."""


def along_streaks(into: Estimate, counts: Log, hidden: Mask, box: Box, axis: int, at: Mask) -> None:
    """Write the course of streaks to the voxels `at` of a box.

    Parameters
    ----------
    into
        The filling; it is changed.
    counts
        Measured counts, float32.
    hidden
        True where no count may be seen.
    box, axis
        Of a gap or its copy, and the axis across.
    at
        Voxels of the box that are filled.
    """
    inner = box[axis]
    reach = max(REACH, round(TIMES * (inner.stop - inner.start)))
    before = _side(counts, hidden, box, axis, slice(max(inner.start - reach, 0), inner.start))
    after = _side(counts, hidden, box, axis, slice(inner.stop, inner.stop + reach))
    sides = (before, after)
    if min(known.shape[0] for _, known, _ in sides) < LEAST_KNOWN:
        return
    known = [side[1].sum(0) for side in sides]
    mean = [(found * seen).sum(0) / np.maximum(seen.sum(0), 1) for found, seen, _ in sides]
    middle = [(place * seen).sum(0) / np.maximum(seen.sum(0), 1) for _, seen, place in sides]
    enough = (np.minimum(*known) >= LEAST_KNOWN) & (np.minimum(*mean) > LEAST_COUNTS)
    level = [np.log(np.maximum(one, 1e-3)) for one in mean]
    slope = (level[1] - level[0]) / np.maximum(middle[1] - middle[0], 1)
    steady = np.ones(slope.shape, bool)
    for voxels, most in DISPERSION:
        off, blocks = np.zeros_like(slope), np.zeros_like(slope)
        for found, seen, place in sides:
            course = np.exp(level[0] + slope * (place - middle[0]))
            counts_of, course_of = (_by_blocks(seen * one, voxels) for one in (found, course))
            off += ((counts_of - course_of) ** 2 / (course_of + (RELATIVE * course_of) ** 2 + 1e-9)).sum(0)
            blocks += (course_of > 0).sum(0)
        steady &= off <= most * np.maximum(blocks - 2, 1)
    place = _places(inner, counts.ndim)
    course = np.exp(level[0] + slope * (place - middle[0]))
    log, inside = np.moveaxis(into.log[box], axis, 0), np.moveaxis(at, axis, 0)
    sigma = np.moveaxis(into.sigma[box], axis, 0)
    filled = np.expm1(log).mean(0)
    lacking = (course.mean(0) - filled) * np.sqrt(sum(known)) > SIGNIFICANT * np.sqrt(filled + 0.1)
    chosen = inside & (enough & steady & lacking)
    log[chosen] = np.log1p(course)[chosen]
    total = known[0] * mean[0] + known[1] * mean[1]
    relative = np.sqrt(RELATIVE**2 + 1 / np.maximum(total, 1))
    sigma[chosen] = (relative * course / (1 + course))[chosen]


def _side(
    counts: Log, hidden: Mask, box: Box, axis: int, side: slice
) -> tuple[NDArray[np.float64], Mask, NDArray[np.float64]]:
    """Counts beside a box, where they may be seen, and their places along the axis, which comes first."""
    there = tuple(side if k == axis else cut for k, cut in enumerate(box))
    seen = ~np.moveaxis(hidden[there], axis, 0)
    found = np.moveaxis(counts[there], axis, 0).astype(np.float64)
    return found, seen, _places(slice(side.start, side.start + len(seen)), counts.ndim)


def _by_blocks(along: NDArray[np.float64], voxels: int) -> NDArray[np.float64]:
    """Sums of so many voxels along the first axis."""
    return np.add.reduceat(along, np.arange(0, len(along), voxels), axis=0)


def _places(side: slice, dimensions: int) -> NDArray[np.float64]:
    return np.arange(side.start, side.stop, dtype=float).reshape(-1, *[1] * (dimensions - 1))
