"""Whether two scans on one grid agree: correlation without photon noise, scale, and misfit over noise."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sayre.scans.merging.kernels import Field, smoothed
from sayre.scans.merging.moving import Moved

BRIGHT = 5.0
"""Mean counts from which on a voxel is compared: the noise of fewer is not normal."""


class Agreement(NamedTuple):
    """How counts of a scan agree with those of the reference.

    Attributes
    ----------
    scale
        Counts of the scan over those of the reference.
    misfit
        Chi square of a voxel that is bright enough: 1 where only noise differs; NaN where there are none.
    beyond
        Root mean square difference beyond noise, relative to the counts.
    """

    scale: float
    misfit: float
    beyond: float


class Correlation(NamedTuple):
    """A correlation and its standard error, NaN where it is unknown."""

    value: float
    error: float


def correlation(first: Moved, second: Moved) -> Correlation:
    """Return the correlation of the counts that both measured, as it would be without noise.

    Voxels weigh by one over their expected counts, one photon in the weaker scan added: a plain correlation
    is that of the few brightest voxels, and hardly tells one crystal from another. The covariance of counts
    is that of their expectations; their variances are larger by those of the noise.

    Parameters
    ----------
    first, second
        Counts on one grid.
    """
    both = first.measured & second.measured
    x, y = first.counts[both], second.counts[both]
    if len(x) < 3 or min(x.sum(), y.sum()) <= 0:
        return Correlation(float("nan"), float("nan"))
    scale = float(y.sum() / x.sum())
    mean = np.zeros(both.shape)
    mean[both] = np.maximum(x + y, 0) / (1 + scale)
    weight = 1 / (
        (smoothed(mean) / np.maximum(smoothed(both.astype(np.float64)), 0.05))[both] + 1 / min(1.0, scale)
    )
    weight /= weight.sum()
    x, y = x - weight @ x, y - weight @ y
    noises = [first.variance[both], second.variance[both]]
    powers = [counts**2 - noise for counts, noise in zip((x, y), noises, strict=True)]
    spreads = [float(weight @ power) for power in powers]
    together = float(weight @ (x * y))
    if min(spreads) <= 0 or together <= 0:
        return Correlation(float("nan"), float("nan"))
    signals = [np.maximum(power, 0) for power in powers]
    crossed = signals[0] * noises[1] + signals[1] * noises[0] + noises[0] * noises[1]
    relative = float(weight**2 @ crossed) / together**2
    for signal, noise, spread in zip(signals, noises, spreads, strict=True):
        relative += float(weight**2 @ (4 * signal * noise + 2 * noise**2)) / (4 * spread**2)
    value = together / float(np.sqrt(spreads[0] * spreads[1]))
    return Correlation(min(value, 1.0), value * float(np.sqrt(relative)))


def agreement(reference: Moved, scan: Moved) -> Agreement:
    """Return scale and misfit of a scan on the grid of the reference.

    The scale is the ratio of the sums, which is the most probable one of Poisson counts.

    Parameters
    ----------
    reference, scan
        Counts on one grid.
    """
    both = reference.measured & scan.measured
    ours, theirs = reference.counts[both], scan.counts[both]
    scale = float(theirs.sum() / ours.sum())
    mean = (ours + theirs) / (1 + scale)
    noise = _noise(reference.variance[both], ours, mean, scale**2) + _noise(
        scan.variance[both], theirs, mean * scale, 1.0
    )
    seen = mean * min(1.0, scale) >= BRIGHT
    if not seen.any():
        return Agreement(scale, float("nan"), float("nan"))
    squares = (theirs - scale * ours)[seen] ** 2
    misfit = float(np.mean(squares / noise[seen]))
    excess = float(((squares - noise[seen]) / (scale**2 * mean[seen])).sum() / mean[seen].sum())
    return Agreement(scale, misfit, float(np.sqrt(max(excess, 0.0))))


def _noise(variance: Field, counts: Field, mean: Field, factor: float) -> Field:
    """Return the variance of counts as their common mean, rather than they themselves, would have it."""
    return factor * variance * np.where(counts > 0, mean / np.maximum(counts, 1e-9), 1.0)
