"""How far the crystal is trusted in a gap: as far as it was right in the copy of the gap beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from sayre.filling.crystal.copies import Copy
from sayre.filling.wiener.calibration import BRIGHTNESS, LEAST_SHARE, PRIOR_COUNT
from sayre.numerics.poisson import error_of_log, mean_of_log, slope_of_expectation

Counts = NDArray[np.float32]
Log = NDArray[np.float32]
Mask = NDArray[np.bool_]

WIDTH = 3.0
"""Standard deviation in voxels of the neighbourhood whose errors count."""
PRIOR = 100.0
"""Weight of all voxels of a brightness beside that of a neighbourhood, in units of the variance of Poisson
counts."""
LEVELS = (0.1, 0.3, 1.0, 3.0, 10.0, 100.0)
"""Expected counts between classes of brightness."""
LEAST_VARIANCE = 1e-4
"""Least variance of `log(1 + expected counts)` that is scaled."""


def weights(
    counts: Counts, crystal: Counts, statistical: Counts, hidden: Mask, copies: Sequence[Copy]
) -> Counts:
    """Compute how much of the crystal, rather than of the statistical filling, each gap voxel takes.

    In a neighbourhood of a voxel's copy the weight is that which predicts the measured counts with the least
    squared error, all counts taken as 2√(n + 3/8), whose variance is about 1. Where that tells little, it is
    that of all voxels in copies as bright.

    Parameters
    ----------
    counts
        Measured counts.
    crystal, statistical
        Counts that the two expect, same shape.
    hidden
        bool, the copies of the gaps: counts that neither of the two saw.
    copies
        Which copy belongs to which gap.

    Returns
    -------
    float32, from 0 to 1, in gaps and copies; a voxel of a copy does not see its own counts.
    """
    apart = (_stable(crystal) - _stable(statistical)) * hidden
    wanted = (_stable(counts) - _stable(statistical)) * hidden
    product, square = apart * wanted, apart**2
    cell = np.searchsorted(LEVELS, (crystal + statistical) / 2)
    products, squares = (
        np.bincount(cell.ravel(), part.ravel(), len(LEVELS) + 1) for part in (product, square)
    )
    whole = float(np.clip(products.sum() / max(float(squares.sum()), 1e-9), 0, 1))
    alike = np.clip((products + PRIOR * whole) / (squares + PRIOR), 0, 1)[cell]
    top, bottom = _near(product) + PRIOR * alike, _near(square) + PRIOR
    local = np.clip(top / bottom, 0, 1)
    found = np.array(np.clip((top - product) / (bottom - square), 0, 1), np.float32)
    for copy in copies:
        found[copy.gap] = copy.of_gap(local)[copy.gap]
    return found


def standard_errors(counts: Counts, level: Log, spread: Log, hidden: Mask) -> Callable[[Log, Log], Log]:
    """Return a function that widens standard errors, by brightness, as those in the copies turned out.

    It makes none smaller: the gap is not its copy.

    Parameters
    ----------
    counts
        Measured counts.
    level
        `log(1 + expected counts)`, same shape.
    spread
        Standard errors of `level`, same shape.
    hidden
        bool, the copies of the gaps.
    """
    own, stated = level[hidden], spread[hidden].astype(np.float64) ** 2 + LEAST_VARIANCE
    slope = slope_of_expectation(mean_of_log(own)).astype(np.float64)
    made = ((np.log1p(counts[hidden]) - own) ** 2 - error_of_log(own)) * slope**2
    cell = np.searchsorted(BRIGHTNESS, own)

    def total(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.bincount(cell, values, len(BRIGHTNESS) + 1), np.float64)

    number, believed, true = total(np.ones_like(stated)), total(stated), total(made)
    pooled = max(float(made.sum() / stated.sum()), LEAST_SHARE)
    prior = PRIOR_COUNT * believed / np.maximum(number, 1)
    scale = (np.maximum(true, LEAST_SHARE * believed) + pooled * prior) / np.maximum(believed + prior, 1e-12)
    seen = number > 0
    scale = np.maximum(np.interp(np.arange(len(scale)), np.flatnonzero(seen), scale[seen]), 1)

    def scaled(level: Log, spread: Log) -> Log:
        variance = spread.astype(np.float64) ** 2 + LEAST_VARIANCE
        return np.sqrt(variance * scale[np.searchsorted(BRIGHTNESS, level)]).astype(np.float32)

    return scaled


def _near(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum over the neighbourhood of each voxel."""
    size = (2 * np.pi) ** (values.ndim / 2) * WIDTH**values.ndim
    return np.asarray(gaussian_filter(values, WIDTH, mode="constant") * size, np.float64)


def _stable(counts: Counts) -> NDArray[np.float64]:
    """Anscombe's transform."""
    return 2 * np.sqrt(counts.astype(np.float64) + 3 / 8)
