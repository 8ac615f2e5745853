"""Scale of the stated error at which as many hidden counts lie within it as should, by counts and place."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from functools import cache
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from sayre.numerics.metrics import predictive_z

Log = NDArray[np.float32]
Mask = NDArray[np.bool_]

CLASSES = np.log1p(np.array([0.5, 2.0, 5.0, 20.0, 100.0]))
SCALES = np.geomspace(0.4, 4.0, 11)
MOST = 2000
"""Voxels of a class that are looked at."""
PRIOR = 60
"""Voxels that speak for the stated error as it is, and near the peak for the factor of all places."""
WITHIN = ((1.0, 0.6827), (2.0, 0.9545))
NODES = 9


def error_scale(
    counts: Log, log: Log, sigma: Log, near: Mask, generator: np.random.Generator
) -> Callable[[Log, Mask], NDArray[np.float32]]:
    """Return the factor on a stated error, as a function of `log(1 + expected counts)` and place.

    Parameters
    ----------
    counts
        Measured counts of hidden voxels, float32, 1D.
    log, sigma
        What was expected there, `log(1 + counts)`, and its standard error.
    near
        Whether they are near the peak.
    generator
        Chooses voxels and splits counts that are tied.
    """
    factors = np.zeros((2, len(CLASSES) + 1))
    which = np.searchsorted(CLASSES, log)
    for level in range(len(CLASSES) + 1):
        prior = 0.0
        for place, here in enumerate((np.ones_like(near), near)):
            at = np.flatnonzero((which == level) & here)
            if at.size > MOST:
                at = generator.choice(at, MOST, replace=False)
            if at.size:
                own = _factor(counts[at], log[at], sigma[at], generator)
                prior += (own - prior) * at.size / (at.size + PRIOR)
            factors[place, level] = prior

    def scale(found: Log, near: Mask) -> NDArray[np.float32]:
        return np.asarray(np.exp(factors[near.astype(int), np.searchsorted(CLASSES, found)]), np.float32)

    return scale


def _factor(counts: Log, log: Log, sigma: Log, generator: np.random.Generator) -> float:
    """Logarithm of the scale whose shares within one and two errors are nearest to those of a normal law."""
    mean = np.expm1(log)

    @cache
    def miss(index: int) -> float:
        z = np.abs(predictive_z(mean, SCALES[index] * sigma, counts, generator, nodes=NODES))
        found = [float(np.mean(z <= k)) for k, _ in WITHIN]
        return sum((a - share) / sqrt(share - share**2) for a, (_, share) in zip(found, WITHIN, strict=True))

    above = bisect_left(range(len(SCALES) - 1), 0.0, lo=1, key=miss)
    ends = [above - 1, above]
    return float(np.interp(0.0, [miss(index) for index in ends], np.log(SCALES[ends])))
