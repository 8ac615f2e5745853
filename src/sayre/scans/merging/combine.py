"""The sum of scans on one grid, brought to one exposure, and the standard error of every voxel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sayre.data import Pattern
from sayre.scans.merging.kernels import Field
from sayre.scans.merging.moving import POINTS, Moved, moved


class Part(NamedTuple):
    """A scan that is merged.

    Attributes
    ----------
    scan
        As it was measured.
    counts
        On the grid of the reference.
    shift, astray
        By how many voxels the counts were moved, and the error of that along each axis: what moving by whole
        voxels leaves, and the standard error of the shift.
    scale, scale_error
        Its exposure over that of the reference, and the standard error.
    """

    scan: Pattern
    counts: Moved
    shift: tuple[float, ...]
    astray: tuple[float, ...]
    scale: float
    scale_error: float


class Combined(NamedTuple):
    """Counts at the whole exposure, their standard errors, and the part of the exposure of each voxel."""

    counts: Field
    sigma: Field
    exposure: Field


def combined(parts: Sequence[Part]) -> Combined:
    """Sum scans: counts over exposures, brought to the exposure of all together.

    A voxel that all scans measured holds the sum of their counts.

    Parameters
    ----------
    parts
        Of one grid.

    Notes
    -----
    The variance is that of the counts and 1/2, as that of the expectation is for Jeffreys' prior, times the
    square of the whole exposure over that of the voxel; to it come the errors of the scales, of the
    interpolation, and of the place of each scan, by the slope of the counts.
    """
    held = [_with_short(part, parts) for part in parts]
    whole = sum(part.scale for part in parts)
    exposure = np.sum([part.scale * now.measured for part, now in zip(parts, held, strict=True)], axis=0)
    all_measured = np.all([now.measured for now in held], axis=0)
    known = np.any([now.measured for now in held], axis=0)
    factor = np.where(all_measured, 1.0, whole / np.where(known, exposure, whole))
    counts = factor * sum(now.counts for now in held)
    if not any(part.scan.readout for part in parts):
        counts = np.maximum(counts, 0)
    variance = factor**2 * sum(now.variance + now.interpolation for now in held)
    variance += 0.5 * factor**2
    for part, now in zip(parts, held, strict=True):
        share = 1 / whole - now.measured / np.where(known, exposure, whole)
        variance += np.where(all_measured, 0, (share * part.scale_error * counts) ** 2)
    variance += _of_places(parts, held, counts, known, exposure)
    shares = np.where(all_measured, 1.0, exposure / whole)
    return Combined(counts * known, np.sqrt(variance) * known, shares * known)


def _with_short(part: Part, parts: Sequence[Part]) -> Moved:
    """Return counts with voxels that no scan has otherwise, made of fewer voxels beside gaps."""
    now = part.counts
    if all(s == round(s) for s in part.shift):
        return now
    for points in range(POINTS - 2, 0, -2):
        lacking = ~np.any([other.counts.measured for other in parts], axis=0) & ~now.measured
        if not lacking.any():
            break
        scan = part.scan
        short = moved(
            scan.intensity, ~scan.mask, part.shift, now.counts.shape, readout=scan.readout, points=points
        )
        now = Moved(*(np.where(lacking, new, old) for new, old in zip(short, now, strict=True)))
    return now


def _of_places(
    parts: Sequence[Part], held: Sequence[Moved], counts: Field, known: NDArray[np.bool_], exposure: Field
) -> Field:
    """Return the variance that the errors of the shifts make."""
    variance = np.zeros(counts.shape)
    for axis in range(counts.ndim):
        shares = [
            (part.scale * now.measured * part.astray[axis]) ** 2
            for part, now in zip(parts, held, strict=True)
            if part.astray[axis]
        ]
        if shares:
            slope = _slope(counts, known, axis)
            variance += sum(shares) / np.where(known, exposure, 1) ** 2 * slope**2
    return variance


def _slope(counts: Field, known: NDArray[np.bool_], axis: int) -> Field:
    """Return the slope along an axis, one-sided beside voxels that were not measured."""
    steps = np.diff(counts, axis=axis)
    ahead, behind = (
        np.take(known, np.arange(start, counts.shape[axis] + start - 1), axis) for start in (0, 1)
    )
    there = (ahead & behind).astype(np.float64)
    around = [[(0, 0)] * counts.ndim for _ in range(2)]
    around[0][axis], around[1][axis] = (1, 0), (0, 1)
    sums = sum(np.pad(steps * there, pad) for pad in around)
    return np.asarray(sums / np.maximum(sum(np.pad(there, pad) for pad in around), 1))
