"""How far the crystal is trusted in a gap: as far as it was right in the copy of the gap beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from sayre.filling.crystal.copies import Copy
from sayre.filling.stacking.evidence import RELATIVE, errors, levels_of
from sayre.filling.stacking.scale import CLASSES
from sayre.filling.wiener.calibration import PRIOR_COUNT
from sayre.numerics.poisson import error_of_log, mean_of_log, mean_of_root, slope_of_expectation
from sayre.numerics.smoothing import smoothed

Counts = NDArray[np.float32]
Log = NDArray[np.float32]
Mask = NDArray[np.bool_]

WIDTH = 3.0
"""Standard deviation in voxels of the neighbourhood whose errors count."""
CLASS_PRIOR, NEAR_PRIOR = 30.0, 300.0
"""Voxels that all of the copies count for beside those as bright, and these beside a neighbourhood."""
ALONE, MOST_APART = 3.0, 4.0
"""Times the crystal's squared error in the copy that is expected in the gap: of a start with which none
agreed, and at most where starts differ more in the gap."""
TAIL = 2.0
"""Mean squared error of a voxel beyond which it counts less."""
LEAST_VARIANCE, LEAST_SHARE = 1e-5, 0.003
"""Least variance of `log(1 + expected counts)` that is scaled, and least factor on a variance."""
NARROW_PRIOR = 300.0
"""Voxels of the copies, of a class of brightness, that speak against narrower errors."""
FEW, STRAY = 5.0, 100.0
"""Expected counts below which errors are found from counts, not from their logarithms; and largest squared
error of a voxel there."""


def weights(
    counts: Counts, starts: Log, statistical: Log, gap: Log, hidden: Mask, copies: Sequence[Copy]
) -> Counts:
    """Compute how much of the crystal, rather than of the statistical filling, each gap voxel takes.

    It is what makes the squared error of a mixture least, with errors as in the copies: those of voxels as
    bright in a neighbourhood of the voxel's copy, where they are few those of all voxels as bright, and where
    these are few those of all. Errors are of roots of counts, relative ones where these are many. Those of
    the crystal are expected to be larger in the gap than in the copy by as much as the variance between the
    starts is, or by a factor of three where there is one start alone, because no two agreed.

    Parameters
    ----------
    counts
        Measured counts.
    starts
        `log(1 + counts)` that each start expects, `(starts, ...)`.
    statistical, gap
        The same of the statistical filling of the copies, and of the gaps.
    hidden
        bool, the copies of the gaps: counts that neither of the two saw.
    copies
        Which copy belongs to which gap.

    Returns
    -------
    float32, from 0 to 1, in gaps and copies.
    """
    crystal = starts.mean(0)
    means = np.maximum(np.expm1(np.stack([statistical[hidden], crystal[hidden]])), 0)
    light = means.mean(0)
    found = errors(counts[hidden], means).astype(np.float64)
    noise = (light - mean_of_root(light) ** 2) / (0.25 + RELATIVE**2 / 4 * light)
    heard = 1 / (1 + (found**2).mean(0) / TAIL)
    products = heard * np.stack([found[0] ** 2 - noise, found[0] * found[1] - noise, found[1] ** 2 - noise])
    everywhere = products.sum(1) / max(float(heard.sum()), 1.0)
    masked = np.logical_or.reduce([copy.gap for copy in copies], initial=False)
    harder = _harder(starts, masked, hidden)
    local = np.zeros(hidden.shape, np.float32)
    parts = [np.zeros(int(copy.gap.sum()), np.float32) for copy in copies]
    bright = levels_of(np.log1p(_mean(crystal, np.where(masked, gap, statistical))))
    for of_copy, mine in zip(levels_of(np.log1p(light).astype(np.float32)), bright, strict=True):
        number = float((of_copy * heard).sum())
        alike = ((of_copy * products).sum(1) + CLASS_PRIOR * everywhere) / (number + CLASS_PRIOR)
        voxels = _near(of_copy * heard, hidden) + NEAR_PRIOR
        own, both, other = (
            (_near(of_copy * product, hidden) + NEAR_PRIOR * mean) / voxels
            for product, mean in zip(products, alike, strict=True)
        )
        own, other = np.maximum(own, 0), harder * np.maximum(other, 0)
        share = np.clip((own - both) / np.maximum(own - 2 * both + other, 1e-9), 0, 1)
        local += mine * share
        for part, copy in zip(parts, copies, strict=True):
            part += (mine * copy.of_gap(share))[copy.gap]
    for part, copy in zip(parts, copies, strict=True):
        local[copy.gap] = part
    return local


def _harder(starts: Log, gap: Mask, hidden: Mask) -> float:
    """Return how many times larger the crystal's squared error is taken in the gap than in its copy."""
    if len(starts) < 2:
        return ALONE
    apart = starts.var(0)
    return float(np.clip(apart[gap].mean() / max(float(apart[hidden].mean()), 1e-9), 1, MOST_APART))


def _mean(first: Log, second: Log) -> Counts:
    """Counts between two logarithms of them."""
    return np.asarray((np.expm1(first) + np.expm1(second)) / 2, np.float32)


def standard_errors(
    counts: Counts, level: Log, spread: Log, hidden: Mask
) -> Callable[[Log, Log, Counts], Log]:
    """Return a function that scales standard errors, by brightness, as those in the copies turned out.

    Errors that were larger in the copies are widened in full. Those that were smaller are narrowed as far as
    the crystal is taken, and as many voxels of the copies tell so: by the power of both shares. The
    statistical filling knows a gap by what lies beside it, and the gap is not its copy; a crystal that
    explains one explains the other.

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

    Returns
    -------
    Function of `level`, `spread` and the weights of the crystal in the voxels that are filled, all of one
    shape, which returns their standard errors, float32.
    """
    own, stated = level[hidden], spread[hidden].astype(np.float64) ** 2 + LEAST_VARIANCE
    made = squared_errors(counts[hidden], own)
    cell = np.searchsorted(CLASSES, own)

    def total(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.bincount(cell, values, len(CLASSES) + 1), np.float64)

    number, claimed, found = total(np.ones_like(stated)), total(stated), total(made)
    pooled = max(float(made.sum() / stated.sum()), LEAST_SHARE)
    prior = PRIOR_COUNT * claimed / np.maximum(number, 1)
    scale = (np.maximum(found, LEAST_SHARE * claimed) + pooled * prior) / np.maximum(claimed + prior, 1e-12)
    seen = number > 0
    scale = np.interp(np.arange(len(scale)), np.flatnonzero(seen), scale[seen])
    told = number / (number + NARROW_PRIOR)

    def scaled(level: Log, spread: Log, share: Counts) -> Log:
        variance = spread.astype(np.float64) ** 2 + LEAST_VARIANCE
        which = np.searchsorted(CLASSES, level)
        mine, narrowed = scale[which], share * told[which]
        return np.sqrt(variance * np.where(mine < 1, mine**narrowed, mine)).astype(np.float32)

    return scaled


def squared_errors(counts: Counts, level: Log) -> NDArray[np.float64]:
    """Estimate squared errors of `log(1 + expected counts)` by counts, without their photon noise.

    Single ones may be negative; their mean is what counts. Below `FEW` expected counts, where the scatter of
    a logarithm hangs on the true expectation, they are found from the counts themselves: `(n − λ)² − n` has
    the mean `(true − λ)²`, whatever is true.

    Parameters
    ----------
    counts
        Photon counts n, 1D.
    level
        `log(1 + λ)` of the counts λ that were expected, same shape.
    """
    log = level.astype(np.float64)
    expected, n = np.expm1(log), counts.astype(np.float64)
    slope = slope_of_expectation(mean_of_log(level)).astype(np.float64)
    many = ((np.log1p(n) - log) ** 2 - error_of_log(level)) * slope**2
    few = np.minimum(((n - expected) ** 2 - n) / (1 + expected) ** 2, STRAY)
    return np.where(expected < FEW, few, many)


def _near(values: NDArray[np.float64], hidden: Mask) -> NDArray[np.float64]:
    """Sum values of the hidden voxels over the neighbourhood of each voxel."""
    field = np.zeros(hidden.shape)
    field[hidden] = values
    size = (2 * np.pi) ** (hidden.ndim / 2) * WIDTH**hidden.ndim
    return np.asarray(smoothed(field, WIDTH, "constant") * size, np.float64)
