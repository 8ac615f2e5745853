"""Where one scan lies on another, to a fraction of a voxel.

At the right shift and scale the differences of the counts are noise: they correlate neither with the slopes
of the pattern, over its variance, nor with a constant. These conditions are solved by Newton's method. Unlike
a least sum of squares they are not drawn to half voxels, where interpolation takes noise away.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sayre.data import Pattern
from sayre.errors import InputError
from sayre.scans.merging.kernels import Field, slopes_of, smoothed, split, summed, weights_of, window
from sayre.scans.merging.overlap import whole_shift

POINTS = (4, 6, 8)
"""Voxels along an axis that a resampled voxel is made of: more interpolate better, fewer leave more voxels
beside gaps. What states the least error is taken."""
MARGIN = 8
"""Voxels around the compared box."""
BACKGROUND = 0.5
"""Counts added to the mean, so that voxels without a count weigh little."""
STEPS, SETTLED, NEAR = 8, 0.1, 2.5
"""Steps at most, the change in standard errors from which on they end, and how many voxels they may lead."""
SHARE = 0.999
"""Part of the counts that the compared box holds along each axis."""


class Registered(NamedTuple):
    """How a scan lies on the reference.

    Attributes
    ----------
    shift, error
        By how many voxels the peak lies further in the scan, and the standard errors.
    scale, scale_error
        Counts of the scan over those of the reference, and the standard error.
    points
        Voxels along an axis that a resampled voxel was made of.
    """

    shift: tuple[float, ...]
    error: tuple[float, ...]
    scale: float
    scale_error: float
    points: int


def register(reference: Pattern, scan: Pattern) -> Registered:
    """Return by how much the peak lies further in a scan than in the reference, and the scale of its counts.

    Parameters
    ----------
    reference, scan
        Counts that scatter as photons do, of any shapes of as many axes.

    Raises
    ------
    InputError
        Too few voxels that both measured, or counts that do not agree near any shift.
    """
    whole = whole_shift(reference, scan)
    box = _box(reference)
    ours, measured = reference.intensity[box].astype(np.float64), ~reference.mask[box]
    corner = np.array([side.start for side in box])
    best: Registered | None = None
    start = np.array(whole, float)
    for points in POINTS:
        try:
            found = _found(ours, measured, scan, start, corner, points)
        except _Lost:
            continue
        if best is None or np.linalg.norm(found.error) < np.linalg.norm(best.error):
            best, start = found, np.array(found.shift)
    if best is None:
        raise InputError(
            f"{scan.name}: its place on {reference.name} is not found: near a shift of "
            f"{', '.join(map(str, whole))} voxels too few counts agree; leave it out"
        )
    return best


class _Lost(Exception):
    """No shift is found, or too few counts are there to find one."""


def _found(
    ours: Field,
    measured: NDArray[np.bool_],
    scan: Pattern,
    start: Field,
    corner: NDArray[np.int_],
    points: int,
) -> Registered:
    """Solve the conditions from a first shift on."""
    shift = start.copy()
    for _ in range(STEPS):
        now = _solved(ours, measured, scan, shift + corner, points)
        shift = shift - np.clip(now.step, -0.5, 0.5)
        if np.abs(shift - start).max() > NEAR:
            raise _Lost
        if np.all(np.abs(now.step) < SETTLED * now.error):
            break
    return Registered(
        tuple(map(float, shift)), tuple(map(float, now.error)), now.scale, now.scale_error, points
    )


class _Solved(NamedTuple):
    """A step towards the right shift, and what is known there."""

    step: Field
    error: Field
    scale: float
    scale_error: float


def _box(pattern: Pattern) -> tuple[slice, ...]:
    """Return the box that holds nearly all counts along each axis, and some voxels around them."""
    box = []
    for axis, n in enumerate(pattern.shape):
        others = tuple(a for a in range(len(pattern.shape)) if a != axis)
        along = np.cumsum(pattern.intensity.sum(others, dtype=np.float64))
        low, high = np.searchsorted(along, along[-1] * np.array([1 - SHARE, SHARE]))
        box.append(slice(max(int(low) - MARGIN, 0), min(int(high) + MARGIN + 1, n)))
    return tuple(box)


def _solved(ours: Field, measured: NDArray[np.bool_], scan: Pattern, shift: Field, points: int) -> _Solved:
    """Solve the conditions once; what interpolation by two voxels fewer changes counts as error."""
    first, fractions = split(shift.tolist())
    lengths = [points] * ours.ndim
    fine, coarse = ([weights_of(f, n, of=points) for f in fractions] for n in (points, points - 2))
    counts = window(scan.intensity, first, ours.shape, lengths)
    missing = window(~scan.mask, first, ours.shape, lengths) == 0
    both = measured & (summed(missing, [np.ones(points)] * ours.ndim) < 0.5)
    a, b, c = ours[both], summed(counts, fine)[both], summed(counts, coarse)[both]
    if both.sum() < 4**ours.ndim or a.sum() <= 0 or b.sum() <= 0:
        raise _Lost
    scale = float(b.sum() / a.sum())
    mean = np.zeros(ours.shape)
    mean[both] = (a + b) / (1 + scale)
    smooth = np.maximum(smoothed(mean), 0) / np.maximum(smoothed(both.astype(np.float64)), 0.05)
    steep = [np.gradient(smooth, axis=axis)[both] / (smooth[both] + BACKGROUND) for axis in range(mean.ndim)]
    conditions = np.stack([*steep, np.ones_like(a)])
    turned = [
        [slopes_of(f, points) if i == axis else w for i, w in enumerate(fine)]
        for axis, f in enumerate(fractions)
    ]
    by_shift = [conditions @ summed(counts, along)[both] for along in turned]
    inverse = np.linalg.pinv(np.stack([*by_shift, -(conditions @ a)], axis=1))
    noise = (conditions * (scale * (1 + scale) * smooth[both])) @ conditions.T
    variance = np.diag(inverse @ noise @ inverse.T) + (inverse @ (conditions @ (b - c))) ** 2
    *error, scale_error = np.sqrt(variance)
    return _Solved(
        (inverse @ (conditions @ (b - scale * a)))[:-1], np.array(error), scale, float(scale_error)
    )
