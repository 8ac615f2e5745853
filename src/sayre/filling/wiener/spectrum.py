"""The statistical model of one pattern behind the wiener filling, estimated from its measured voxels.

The pattern `y = log(1 + N)` is taken as `y = envelope + contrast · g + noise`: a smooth envelope, the
fringes `g` as a stationary Gaussian field of unknown covariance, and noise of known variance that differs
from voxel to voxel. Counts of a few photons show less of a relative change of the intensity than bright
ones, hence the contrast `λ/(1 + λ)`. The crystal's pattern is nearly centrosymmetric where its strain is
small (Friedel's law), so `g` and its point inversion about the Bragg peak are correlated by `symmetry`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from sayre.numerics.poisson import expectation_of_log, variance_of_log
from sayre.numerics.slabs import sweeps
from sayre.numerics.smoothing import smoothed

Log = NDArray[np.float32]
Mask = NDArray[np.bool_]

ENVELOPE_WIDTH = 5.0
NOISE_WIDTH = 1.5
DARK_CONTRAST = 0.05
MISFIT = 0.15
"""Variance added to the noise for what the model leaves out. Chosen, as the other constants here, by the
error in gaps of simulated patterns and one measured pattern; flat from 0.1 to 0.25."""
SYMMETRY_MISFIT = 0.08
"""Variance by which the correlation of the field with its inversion is shrunk, lest noise makes it one."""
CHANCE_PEAK = 4.0
"""Highest value, in standard deviations of all centres tried, that chance gives the self-convolution."""
MAX_LAG = 40
VOXELS_PER_LAG = 32
"""Voxels that must share in the estimate of each lag: small arrays get a shorter, smoother covariance."""
MARGIN = 16


@dataclass(frozen=True, kw_only=True)
class Local:
    """Voxelwise part of the model: arrays of the pattern's shape."""

    envelope: Log
    contrast: Log
    noise: Log
    measured: Log
    residual: Log
    """Measured minus envelope; 0 where masked."""


@dataclass(frozen=True, kw_only=True)
class Fringes:
    """Covariance of the fringes `g`: lag zero at the centre; `symmetry` is its correlation with its own
    inversion `x -> twice_centre - x`, zero if there is none."""

    covariance: Log
    symmetry: float
    twice_centre: tuple[int, ...]

    @property
    def variance(self) -> float:
        return float(self.covariance[tuple(n // 2 for n in self.covariance.shape)])

    def spectrum(self, shape: tuple[int, ...]) -> Log:
        """Power spectrum on the half grid of `rfftn` for a periodic array of `shape`; never negative.

        Lags of more than half a period are left out, for they would take the places of shorter ones.
        """
        periodic = np.zeros(shape, np.float32)
        middle = [n // 2 for n in self.covariance.shape]
        most = [min(m, (n - 1) // 2) for m, n in zip(middle, shape, strict=True)]
        near = tuple(slice(m - k, m + k + 1) for m, k in zip(middle, most, strict=True))
        periodic[np.ix_(*(np.arange(-k, k + 1) for k in most))] = self.covariance[near]
        return np.asarray(np.maximum(scipy.fft.rfftn(periodic, workers=-1).real, 0), np.float32)


def local_model(filled: Log, mask: Mask) -> Local:
    """Envelope, contrast and noise from a pattern whose masked voxels are filled by interpolation.

    Parameters
    ----------
    filled
        `log(1 + I)`, float32, gaps filled by interpolation.
    mask
        bool, same shape; True where not measured.
    """
    envelope, noise = (smoothed(filled, width, "nearest") for width in (ENVELOPE_WIDTH, NOISE_WIDTH))
    measured, contrast, residual = (np.empty(filled.shape, np.float32) for _ in range(3))

    def voxelwise(slab: slice) -> float:
        measured[slab] = ~mask[slab]
        contrast[slab] = 1 - np.exp(-np.maximum(envelope[slab], 0)) + DARK_CONTRAST
        noise[slab] = variance_of_log(expectation_of_log(np.maximum(noise[slab], 0)))
        residual[slab] = (filled[slab] - envelope[slab]) * measured[slab]
        return 0.0

    with sweeps(filled.shape) as sweep:
        sweep(voxelwise)
    return Local(envelope=envelope, contrast=contrast, noise=noise, measured=measured, residual=residual)


def padded(shape: tuple[int, ...], margins: tuple[int, ...] | None = None) -> tuple[int, ...]:
    """Periodic shape that keeps opposite borders apart.

    Parameters
    ----------
    shape
        Of the pattern.
    margins
        Voxels to add to each axis at least; `MARGIN` by default.
    """
    margins = margins or (MARGIN,) * len(shape)
    sizes = (max(n + m, 2 * min(MAX_LAG, n - 1) + 1) for n, m in zip(shape, margins, strict=True))
    return tuple(int(scipy.fft.next_fast_len(size, real=True)) for size in sizes)


def fringe_model(local: Local) -> Fringes:
    """Covariance by masked correlation, weighted by signal to noise; symmetry by masked self-convolution."""
    shape = padded(local.envelope.shape)
    g = local.residual / local.contrast
    noise = local.noise / local.contrast**2
    weight = np.asarray(local.measured / np.sqrt(1 + 4 * noise), np.float32)
    field, support = (_rfftn(a, shape) for a in (weight * g, weight))
    covariance = _covariance(field, support, float((weight**2 * noise).sum()), shape, local.envelope.shape)
    symmetry, twice_centre = _symmetry(field, support, shape, g, noise, weight)
    return Fringes(covariance=covariance, symmetry=symmetry, twice_centre=twice_centre)


def _reach(size: tuple[int, ...]) -> float:
    return min(MAX_LAG, max(2.0, float((np.prod(size) / VOXELS_PER_LAG) ** (1 / len(size)))))


def _rfftn(a: Log, shape: tuple[int, ...]) -> NDArray[np.complex64]:
    out: Any = scipy.fft.rfftn(a, shape, workers=-1)
    return out  # type: ignore[no-any-return]


def _irfftn(a: NDArray[np.complex64], shape: tuple[int, ...]) -> Log:
    out: Any = scipy.fft.irfftn(a, shape, workers=-1, overwrite_x=True)
    return out  # type: ignore[no-any-return]


def _covariance(
    field: NDArray[np.complex64],
    support: NDArray[np.complex64],
    noise: float,
    shape: tuple[int, ...],
    size: tuple[int, ...],
) -> Log:
    reach = _reach(size)
    most = [min(int(reach), n - 1) for n in size]
    lags = [np.arange(-m, m + 1) for m in most]
    products = _irfftn(np.abs(field) ** 2, shape)[np.ix_(*lags)]
    pairs = _irfftn(np.abs(support) ** 2, shape)[np.ix_(*lags)]
    centre = tuple(most)
    products[centre] = max(products[centre] - noise, 0)
    distance = np.sqrt(sum(lag.astype(np.float32) ** 2 for lag in np.ix_(*lags)))
    taper = np.where(distance < reach, 0.5 + 0.5 * np.cos(np.pi * distance / reach), 0)
    covariance = products / np.maximum(pairs, max(0.02 * pairs[centre], 1e-6)) * taper
    return covariance.astype(np.float32)


def _symmetry(
    field: NDArray[np.complex64],
    support: NDArray[np.complex64],
    shape: tuple[int, ...],
    g: Log,
    noise: Log,
    weight: Log,
) -> tuple[float, tuple[int, ...]]:
    """Best centre by the peak of the self-convolution, then the correlation over its pairs, noise removed."""
    pairs = _irfftn(support * support, shape)
    products = _irfftn(field * field, shape)
    floor = 0.3 * float(pairs.max()) + 1e-6
    if pairs.max() < floor:
        return 0.0, tuple(n - 1 for n in g.shape)
    score = np.where(pairs >= floor, products / np.maximum(pairs, floor), 0)
    chance = CHANCE_PEAK * float(np.sqrt(np.mean(score[pairs >= floor] ** 2)))
    credible = max(0.0, 1 - (chance / max(float(score.max()), 1e-30)) ** 2)
    best = (int(i) for i in np.unravel_index(int(score.argmax()), shape))
    centre = tuple(_unwrapped(b, p, n) for b, p, n in zip(best, shape, g.shape, strict=True))
    here = tuple(slice(max(0, c - n + 1), min(c, n - 1) + 1) for c, n in zip(centre, g.shape, strict=True))
    there = (slice(None, None, -1),) * g.ndim
    both = weight[here] * weight[here][there]
    power = float((both * (g[here] ** 2 - noise[here])).sum())
    power = max(power, 0) + SYMMETRY_MISFIT * float(both.sum()) + 1e-12
    correlation = float((both * g[here] * g[here][there]).sum()) / power
    return float(np.clip(correlation, 0, 0.95)) * credible, centre


def _unwrapped(index: int, period: int, n: int) -> int:
    """Twice the centre from its index on the periodic grid: of two readings the one nearer the middle."""
    return min((index, index + period), key=lambda c: abs(c - (n - 1)))
