"""Counts on the grid of another scan, with the mask and the variance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sayre.scans.merging.kernels import Field, Weights, split, summed, weights_of, window

POINTS = 8
"""Voxels along an axis that a resampled voxel is made of; fewer beside voxels that were not measured."""


class Moved(NamedTuple):
    """Counts on the grid of another scan.

    Attributes
    ----------
    counts
        float64, 0 where not measured.
    measured
        bool.
    variance
        Of the counts, from photon noise and reading out.
    interpolation
        Estimated squared error of the interpolation, 0 where counts were moved by whole voxels.
    """

    counts: Field
    measured: NDArray[np.bool_]
    variance: Field
    interpolation: Field


def moved(
    counts: NDArray[np.floating],
    measured: NDArray[np.bool_],
    shift: Sequence[float],
    shape: Sequence[int],
    *,
    readout: float = 0.0,
    points: int = POINTS,
) -> Moved:
    """Return the counts at `x + shift` for every voxel x of another grid.

    The error of the interpolation is estimated as that of one by two voxels fewer, noise taken out.

    Parameters
    ----------
    counts, measured
        Of the scan; counts are 0 where not measured.
    shift
        Voxels along each axis; axes of whole shifts are not resampled.
    shape
        Of the other grid.
    readout
        Standard deviation of dark voxels in counts.
    points
        Voxels along each resampled axis, even; all must be measured.
    """
    first, fractions = split(shift)
    lengths = [points if f else 1 for f in fractions]

    def weights(used: int) -> Weights:
        return [weights_of(f, used, of=points) if f else None for f in fractions]

    values = np.asarray(window(counts, first, shape, lengths), np.float64)
    missing = ~np.asarray(window(measured, first, shape, lengths), np.bool_)
    known = summed(missing, [np.ones(points) if f else None for f in fractions]) < 0.5
    noise, fine = np.maximum(values, 0) + readout**2, weights(points)
    found, variance, error = summed(values, fine), summed(noise, _product(fine, fine)), np.zeros(known.shape)
    if any(fractions):
        coarse = weights(points - 2)
        spread = (
            variance + summed(noise, _product(coarse, coarse)) - 2 * summed(noise, _product(fine, coarse))
        )
        error = np.maximum((found - summed(values, coarse)) ** 2 - spread, 0)
    return Moved(counts=found * known, measured=known, variance=variance * known, interpolation=error * known)


def _product(a: Weights, b: Weights) -> Weights:
    return [None if x is None or y is None else x * y for x, y in zip(a, b, strict=True)]
