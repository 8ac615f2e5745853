"""Bounds of the amplitude of every voxel, which follow from the counts.

One pair of arrays describes every case: equal bounds fix a measured amplitude, a Poisson interval allows for
its noise, a free voxel has (0, ∞), a gap enforced as zero has (0, 0), and a filled voxel has the interval
that follows from the standard error of the filling.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from sayre.data import AnyPattern, FilledPattern
from sayre.retrieval.settings import Settings

FREE_RADIUS = 1
"""Free voxels form cubes of 3 voxels a side: single ones would be known from their oversampled neighbours."""
ABOVE_NOISE = 3.0
"""Standard deviations of dark voxels below which a noisy count only bounds its amplitude from above."""
FREE_CLEARANCE = 0.05
"""No voxel is left free where the counts exceed this fraction of the peak."""


@dataclass(frozen=True, kw_only=True)
class Prior:
    """Normal prior of `log(1 + λ)` in voxels that were not measured; arrays as in `Bounds`.

    Attributes
    ----------
    level
        float32, mean.
    precision
        float32, inverse of the variance; 0 where there is no prior.
    """

    level: NDArray[np.float32]
    precision: NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Bounds of amplitudes, and the counts behind them; arrays are centred, of the pattern's shape.

    Attributes
    ----------
    lower, upper
        float32, amplitudes in square roots of counts; `upper` may be infinite.
    counts
        float32, measured counts; 0 where not measured.
    weight
        uint8: 1 measured and used, 2 measured but left free for cross-validation, 0 not measured, or no more
        than the noise of reading out.
    prior
        Held to by refinement (`sayre.retrieval.measurement`) alone; None for none.
    """

    lower: NDArray[np.float32]
    upper: NDArray[np.float32]
    counts: NDArray[np.float32]
    weight: NDArray[np.uint8]
    prior: Prior | None = None


def amplitude_bounds(pattern: AnyPattern, settings: Settings | None = None) -> Bounds:
    """Compute the bounds of the amplitude of every voxel.

    Parameters
    ----------
    pattern
        Centred counts, with gaps or filled.
    settings
        `gaps`: "bounded" keeps `log(1 + I)` of a filled voxel within `sigmas` standard errors of the filling
        (at its value where no error is stated; a gap that was not filled is free), "free" leaves gaps without
        bounds, "zero" enforces zero counts, as programs without a mask do. `confidence` is the half-width of
        the interval of measured counts in units of √(I + 1); 0.675 contains half of the Poisson counts
        (Favre-Nicolin, Leake and Chushkin, Sci. Rep. 10, 2664, 2020). `free` is the fraction of measured
        voxels left free for the free log-likelihood (same article); they are the same for the same `seed`.
        Where the counts have a `readout`, those below three times as much bound the amplitude by one standard
        deviation above them, and have no part in the likelihood.
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
    noise, weight = pattern.measured.readout, (~mask).astype(np.uint8)
    dark = ~mask & (counts < ABOVE_NOISE * noise)
    lower[dark], upper[dark], weight[dark] = 0, np.sqrt(counts[dark] + np.float32(noise)), 0
    selected = free_voxels(counts, mask | dark, settings.free, np.random.default_rng(settings.seed))
    lower[selected], upper[selected], weight[selected] = 0, np.inf, 2
    return Bounds(lower=lower, upper=upper, counts=counts, weight=weight)


def free_voxels(
    counts: NDArray[np.float32], mask: NDArray[np.bool_], fraction: float, generator: np.random.Generator
) -> NDArray[np.bool_]:
    """Select voxels to leave free for cross-validation, in small cubes away from the peak.

    Parameters
    ----------
    counts
        float32, measured counts.
    mask
        bool, true where not measured; masked voxels are never selected.
    fraction
        Approximate fraction of the measured voxels to select.
    generator
        Random numbers.
    """
    cube = (2 * FREE_RADIUS + 1) ** counts.ndim
    seeds = generator.random(counts.shape) < -np.log1p(-fraction) / cube
    bright = counts > FREE_CLEARANCE * counts.max()
    neighbours = np.ones((2 * FREE_RADIUS + 1,) * counts.ndim, bool)
    grown = np.asarray(binary_dilation(seeds, neighbours))
    return np.asarray(grown & ~mask & ~binary_dilation(bright, iterations=2))
