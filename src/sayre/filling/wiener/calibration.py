"""Standard error of a filling, learnt by filling a shifted copy of the gap where the counts are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sayre.numerics.poisson import expectation_of_log, variance_of_log

Log = NDArray[np.float32]
Mask = NDArray[np.bool_]

MAX_DEPTH = 12
BRIGHTNESS = np.array([0.02, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 2, 3, 4, 5, 6, 8])
CLEARANCE = 4
PRIOR_COUNT = 30
LEAST_SHARE = 0.02


@dataclass(frozen=True, kw_only=True)
class ErrorTable:
    """Standard error of the mean of `log(1 + N)` by depth in the gap (rows) and brightness (columns)."""

    sigma: Log

    def look_up(self, depth: NDArray[np.integer], mean: Log) -> Log:
        """Return the standard error of each voxel.

        Parameters
        ----------
        depth
            Voxels from the nearest measured one, from 1.
        mean
            Expected `log(1 + N)`, same shape.
        """
        row, column = np.minimum(depth, MAX_DEPTH) - 1, np.searchsorted(BRIGHTNESS, mean)
        return np.asarray(self.sigma[row, column])

    def at_least(self, sigma: float) -> ErrorTable:
        """Return the table with no standard error below one."""
        return ErrorTable(sigma=np.maximum(self.sigma, np.float32(sigma)))


def shifted_mask(values: Log, mask: Mask) -> Mask:
    """The mask moved by its own mean thickness and some clearance, towards the bright side.

    Axes along which the mask runs through the array are left; borders extend with the shift.

    Parameters
    ----------
    values
        `log(1 + I)`, float32, gaps filled by interpolation.
    mask
        bool, same shape; True where not measured.
    """
    index = []
    for axis, n in enumerate(mask.shape):
        starts = np.diff(mask.astype(np.int8), axis=axis, prepend=0) > 0
        thickness = mask.sum() / max(int(starts.sum()), 1)
        shift = int(np.ceil(thickness)) + CLEARANCE if thickness <= n / 3 else 0
        bright, hidden = (centroid(a, axis) for a in (values, mask))
        index.append(np.clip(np.arange(n) - (shift if bright >= hidden else -shift), 0, n - 1))
    moved: Mask = mask[np.ix_(*index)] & ~mask
    return moved


def error_table(mean: Log, truth: Log, depth: NDArray[np.integer], prior: Log) -> ErrorTable:
    """Mean squared error less the Poisson variance of the counts it is judged by.

    Parameters
    ----------
    mean, truth
        Filled and measured `log(1 + N)` of the voxels of the shifted mask, 1D.
    depth
        Distance of each to the nearest measured voxel, from 1.
    prior
        Variance to assume for each where there are too few of its kind.
    """
    rows, columns = MAX_DEPTH, len(BRIGHTNESS) + 1
    cell = (np.minimum(depth, MAX_DEPTH) - 1) * columns + np.searchsorted(BRIGHTNESS, mean)
    noise = variance_of_log(expectation_of_log(mean))

    def total(a: Log) -> NDArray[np.float64]:
        return np.asarray(np.bincount(cell, a, rows * columns), np.float64).reshape(rows, columns)

    count = total(np.ones_like(mean))
    square, poisson, assumed = total((truth - mean) ** 2), total(noise), total(prior)
    excess = np.maximum(square - poisson, LEAST_SHARE * square)
    pooled = (excess.sum(0) + assumed.sum(0) / np.maximum(count.sum(0), 1)) / (count.sum(0) + 1)
    empty = count.sum(0) == 0
    pooled[empty] = np.interp(np.flatnonzero(empty), np.flatnonzero(~empty), pooled[~empty])
    return ErrorTable(
        sigma=np.sqrt((excess + PRIOR_COUNT * pooled) / (count + PRIOR_COUNT)).astype(np.float32)
    )


def constant_table(variance: float) -> ErrorTable:
    """The same standard error everywhere, for patterns too small to cut a second gap into."""
    return ErrorTable(sigma=np.full((MAX_DEPTH, len(BRIGHTNESS) + 1), np.sqrt(variance), np.float32))


def scatter_of_few(known: NDArray[np.float64]) -> float:
    """Variance of `log(1 + N)` where so few voxels are measured that they hardly tell: one more is assumed.

    That one differs from their mean by the mean itself and one, since a single voxel tells nothing of it.

    Parameters
    ----------
    known
        Measured `log(1 + N)`, 1D.
    """
    mean = float(known.mean())
    return float(((known - mean) ** 2).sum() + mean**2 + 1) / known.size


def error_of_mean(known: NDArray[np.float64]) -> float:
    """Standard error of the mean counts of all measured voxels, which no filling can be below, as of a log.

    Parameters
    ----------
    known
        Measured `log(1 + N)`, 1D.
    """
    total, count = float(np.expm1(known).sum()), known.size
    return float(np.sqrt(total + 1) / (count + total))


def centroid(a: NDArray[Any], axis: int) -> float:
    """Mean position along one axis, weighted by `a`.

    Parameters
    ----------
    a
        Weights, any shape.
    axis
        Along which the position is taken.
    """
    profile = a.sum(tuple(i for i in range(a.ndim) if i != axis), dtype=np.float64)
    return float(profile @ np.arange(len(profile)) / max(float(profile.sum()), 1e-9))
