"""What the counts allow: every voxel's amplitude lies between two bounds.

One pair of arrays serves every case: equal bounds fix a measured amplitude, its Poisson interval loosens
it, a free voxel has (0, ∞), a gap enforced as zero (0, 0), a filled gap the interval that the filling states.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from sayre.data import AnyPattern, FilledPattern
from sayre.retrieval.settings import Settings

FREE_RADIUS = 1
"""Free voxels come in cubes of 3 voxels a side: single ones are known from their oversampled neighbours."""
FREE_CLEARANCE = 0.05
"""No free voxels where the counts exceed this part of the peak."""


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Allowed amplitudes, and what to judge them by; arrays centred, of the pattern's shape.

    Attributes
    ----------
    lower, upper
        float32, square roots of counts; `upper` may be infinite.
    counts
        float32, measured counts; 0 where not measured.
    weight
        uint8: 1 measured and used, 2 measured but kept free for cross-validation, 0 not measured.
    """

    lower: NDArray[np.float32]
    upper: NDArray[np.float32]
    counts: NDArray[np.float32]
    weight: NDArray[np.uint8]


def amplitude_bounds(pattern: AnyPattern, settings: Settings | None = None) -> Bounds:
    """Bounds of every voxel's amplitude.

    Parameters
    ----------
    pattern
        Counts with gaps, or filled.
    settings
        `gaps`: "bounded" keeps `log(1 + I)` of a filled voxel within `sigmas` stated standard errors (its
        value itself where no error is stated; free where nothing was filled), "free" lets gaps float, "zero"
        enforces no counts, as programs without a mask do. `confidence` is the half-width of the interval of
        measured counts in units of √(I + 1); 0.675 holds half of the Poisson counts (Favre-Nicolin, Leake and
        Chushkin, Sci. Rep. 10, 2664, 2020). `free` is the fraction of measured voxels left free to validate
        by (same article); they are the same for one `seed`.
    """
    settings = settings or Settings()
    filled = pattern if isinstance(pattern, FilledPattern) else None
    counts, mask = pattern.measured.intensity, pattern.mask
    width = settings.confidence * np.sqrt(counts + 1)
    lower = np.sqrt(np.maximum(counts - width, 0))
    upper = np.sqrt(counts + width)
    if settings.gaps == "zero":
        lower[mask], upper[mask] = 0, 0
    elif settings.gaps == "bounded" and filled is not None:
        level, spread = np.log1p(filled.intensity[mask]), settings.sigmas * np.nan_to_num(filled.sigma[mask])
        lower[mask] = np.sqrt(np.maximum(np.expm1(level - spread), 0))
        upper[mask] = np.sqrt(np.maximum(np.expm1(level + spread), 0))
    else:
        lower[mask], upper[mask] = 0, np.inf
    weight = (~mask).astype(np.uint8)
    chosen = free_voxels(counts, mask, settings.free, np.random.default_rng(settings.seed))
    lower[chosen], upper[chosen], weight[chosen] = 0, np.inf, 2
    return Bounds(lower=lower, upper=upper, counts=counts, weight=weight)


def free_voxels(
    counts: NDArray[np.float32], mask: NDArray[np.bool_], fraction: float, generator: np.random.Generator
) -> NDArray[np.bool_]:
    """About `fraction` of the measured voxels, in small cubes away from the peak."""
    seeds = np.zeros(counts.shape, bool)
    if fraction > 0:
        cube = (2 * FREE_RADIUS + 1) ** counts.ndim
        seeds = generator.random(counts.shape) < -np.log1p(-fraction) / cube
    bright = counts > FREE_CLEARANCE * counts.max()
    neighbours = np.ones((2 * FREE_RADIUS + 1,) * counts.ndim, bool)
    grown = np.asarray(binary_dilation(seeds, neighbours))
    return np.asarray(grown & ~mask & ~binary_dilation(bright, iterations=2))
