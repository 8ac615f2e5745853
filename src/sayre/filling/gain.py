"""How many counts a photon makes, where counts were scaled: it sets how much they scatter.

Counts divided by a monitor, by their maximum or by the exposure are not photons any more. Their noise is that
of photons in another unit, the gain, which shows in two ways: all counts are multiples of it, or their
variance is the gain times their mean.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sayre.data import Pattern

SIDE = 96
"""Voxels a side around the brightest one that are looked at."""
BINS = 8
LEAST = 200
"""Voxels of a bin of brightness."""
AS_PHOTONS = (0.7, 1.5)
"""Gains of counts that are taken for photons: what a white field leaves, and the error of the estimate."""
PRECISION = 0.02
VALUES, LEAST_VALUES = 2000, 20
"""Different counts that are looked at for a common unit; at least so many must have it."""


def photon_gain(pattern: Pattern) -> float:
    """Return the counts of one photon: 1 for photon counts, or what multiples or the scatter of counts show.

    It is 1 for counts with a `readout`: where this noise ends, fringes scatter more than photons do.

    Parameters
    ----------
    pattern
        2D or 3D counts, scaled or not.
    """
    if pattern.readout:
        return 1.0
    peak = np.unravel_index(int(np.argmax(pattern.intensity)), pattern.shape)
    sides = [min(SIDE, n) for n in pattern.shape]
    starts = [min(max(int(p) - s // 2, 0), n - s) for p, s, n in zip(peak, sides, pattern.shape, strict=True)]
    box = tuple(slice(a, a + s) for a, s in zip(starts, sides, strict=True))
    counts, measured = pattern.intensity[box].astype(np.float64), ~pattern.mask[box]
    unit = unit_of(counts[measured])
    if unit is not None:
        return unit
    found = scatter_gain(counts, measured)
    return 1.0 if found is None or AS_PHOTONS[0] <= found <= AS_PHOTONS[1] else found


def unit_of(counts: NDArray[np.float64]) -> float | None:
    """Return the number that all counts are multiples of, None where there is none.

    Parameters
    ----------
    counts
        Not negative, 1D.
    """
    few = np.unique(counts[counts > 0])[:VALUES]
    if len(few) < 2:
        return 1.0
    steps = np.diff(np.concatenate(([0.0], few[:50])))
    unit = float(steps[steps > 1e-3 * few[0]].min())
    multiples = few / unit
    if not (np.abs(multiples - np.rint(multiples)) < PRECISION).all():
        return None
    return unit if len(few) >= LEAST_VALUES else 1.0


def scatter_gain(counts: NDArray[np.float64], measured: NDArray[np.bool_]) -> float | None:
    """Return the variance of counts over their mean; None where too few voxels tell it.

    Fringes add to the variance where counts are bright and sharp, so that the lower quarter of the bins of
    brightness is taken, and the lowest where even that is more than one.

    Parameters
    ----------
    counts
        2D or 3D.
    measured
        Same shape.
    """
    means, squares = [], []
    for axis in range(counts.ndim):
        n = counts.shape[axis] - 3
        if n < 1:
            continue
        shifted = [np.take(counts, np.arange(k, k + n), axis) for k in range(4)]
        known = np.logical_and.reduce([np.take(measured, np.arange(k, k + n), axis) for k in range(4)])
        means.append(np.mean(shifted, axis=0)[known])
        third = shifted[0] - 3 * shifted[1] + 3 * shifted[2] - shifted[3]
        squares.append(third[known] ** 2 / 20)  # the variance of a voxel where counts are smooth
    mean, square = np.concatenate(means), np.concatenate(squares)
    mean, square = mean[mean > 0], square[mean > 0]
    if mean.size < BINS * LEAST:
        return None
    order = np.argsort(mean, kind="stable")
    ratios = np.array([square[part].sum() / mean[part].sum() for part in np.array_split(order, BINS)])
    quarter = float(np.quantile(ratios, 0.25))
    return quarter if quarter < 1 else max(1.0, float(ratios.min()))
