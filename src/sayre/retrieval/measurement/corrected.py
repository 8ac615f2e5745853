"""Bounds of amplitudes from which the effects of a measurement are removed, for further iterations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from sayre.retrieval.engine.bounds import Bounds
from sayre.retrieval.engine.coherence import REACH
from sayre.retrieval.measurement.nuisances import Nuisances
from sayre.retrieval.measurement.spread import PointSpread


def corrected(bounds: Bounds, nuisances: Nuisances, moved: NDArray[np.float32] | None = None) -> Bounds:
    """Return bounds for counts divided by response and flux, less background and errors of the angle.

    Parameters
    ----------
    bounds
        Bounds of the counts as they were measured.
    nuisances
        Effects of the measurement, on arrays of the same shape; the point spread is not removed.
    moved
        What errors of the rocking angle add to the intensity.
    """
    divisor: NDArray[np.float32] = np.ones(bounds.counts.shape, np.float32)
    if nuisances.gains is not None:
        divisor = divisor * nuisances.gains
    along = (-1, *(1,) * (bounds.counts.ndim - 1))
    dark = divisor * np.float32(nuisances.background or 0.0)
    if nuisances.background_frames is not None:
        dark = dark * nuisances.background_frames.reshape(along)
    if nuisances.background_waves is not None:
        dark = dark * nuisances.background_waves
    if nuisances.frames is not None:
        divisor = divisor * nuisances.frames.reshape(along)
    if moved is not None:
        dark = dark + divisor * moved

    def brought(counts: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.maximum((counts - dark) / divisor, 0).astype(np.float32)

    used = bounds.weight == 1
    return replace(
        bounds,
        lower=np.where(used, np.sqrt(brought(bounds.lower**2)), bounds.lower),
        upper=np.where(used, np.sqrt(brought(bounds.upper**2)), bounds.upper),
        counts=np.where(bounds.weight > 0, brought(bounds.counts), 0).astype(np.float32),
    )


def point_spread(nuisances: Nuisances) -> NDArray[np.float32] | None:
    """Compute the point-spread function on whole voxels, of sum 1, lag 0 in the middle; None without one.

    Parameters
    ----------
    nuisances
        Effects of the measurement.
    """
    if nuisances.spread is None:
        return None
    axes = len(nuisances.spread)
    if nuisances.tails:
        return _with_tails(nuisances.spread, nuisances.tails)
    lags = np.stack(np.meshgrid(*[np.arange(-REACH, REACH + 1)] * axes, indexing="ij"))
    inverse = np.linalg.inv(nuisances.spread + 1e-3 * np.eye(axes))
    kernel = np.exp(-np.einsum("i...,ij,j...->...", lags, inverse, lags) / 2)
    return np.asarray(kernel / kernel.sum(), np.float32)


def _with_tails(covariance: NDArray[np.float64], share: float) -> NDArray[np.float32]:
    """Compute a pseudo-Voigt kernel from its Fourier transform, without what lies beyond `REACH`."""
    axes, size = len(covariance), 4 * REACH + 1
    spread = PointSpread((size,) * axes, torch.float64, torch.device("cpu"))
    factor = torch.from_numpy(np.linalg.cholesky(covariance + 1e-6 * np.eye(axes)))
    angle = torch.tensor(np.arcsin(np.sqrt(share)), dtype=torch.float64)
    whole = torch.fft.irfftn(spread.transfer(factor, angle).whole.to(torch.complex128), s=(size,) * axes)
    near = np.fft.fftshift(whole.numpy())[(slice(REACH, -REACH),) * axes].clip(0)
    return np.asarray(near / near.sum(), np.float32)
