"""Bounds of amplitudes from which the effects of a measurement are removed, for further iterations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sayre.retrieval.engine.bounds import Bounds
from sayre.retrieval.engine.coherence import REACH
from sayre.retrieval.measurement.nuisances import Nuisances


def corrected(bounds: Bounds, nuisances: Nuisances) -> Bounds:
    """Return bounds for counts divided by response and flux, less the background.

    Parameters
    ----------
    bounds
        Bounds of the counts as they were measured.
    nuisances
        Effects of the measurement, on arrays of the same shape; the point spread is not removed.
    """
    divisor: NDArray[np.float32] = np.ones(bounds.counts.shape, np.float32)
    if nuisances.gains is not None:
        divisor = divisor * nuisances.gains
    dark = divisor * np.float32(nuisances.background or 0.0)
    if nuisances.frames is not None:
        divisor = divisor * nuisances.frames.reshape(-1, *(1,) * (bounds.counts.ndim - 1))

    def brought(counts: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.maximum((counts - dark) / divisor, 0).astype(np.float32)

    used = bounds.weight == 1
    return replace(
        bounds,
        lower=np.where(used, np.sqrt(brought(bounds.lower**2)), bounds.lower),
        upper=np.where(used, np.sqrt(brought(bounds.upper**2)), bounds.upper),
        counts=np.where(bounds.weight > 0, brought(bounds.counts), 0).astype(np.float32),
    )


def point_spread(covariance: NDArray[np.float64] | None) -> NDArray[np.float32] | None:
    """Compute a Gaussian point-spread function on whole voxels, of sum 1, lag 0 in the middle.

    Parameters
    ----------
    covariance
        `(axes, axes)`, voxels²; None gives None.
    """
    if covariance is None:
        return None
    axes = len(covariance)
    lags = np.stack(np.meshgrid(*[np.arange(-REACH, REACH + 1)] * axes, indexing="ij"))
    inverse = np.linalg.inv(covariance + 1e-3 * np.eye(axes))
    kernel = np.exp(-np.einsum("i...,ij,j...->...", lags, inverse, lags) / 2)
    return np.asarray(kernel / kernel.sum(), np.float32)
