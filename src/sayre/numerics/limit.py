"""What the counts around a gap tell of it at most, where nothing is known but the band of the fringes.

An intensity whose oversampling ratio is σ is band-limited: its autocorrelation ends at 1/σ of the array. Of
a field that fills this band evenly, a ball or a disc, the share of the variance in a gap of w planes that
Poisson counts around it leave open follows from the eigenvalues λ of the operator that limits band and gap
(Slepian and Pollak, Bell Syst. Tech. J. 40, 43, 1961): `Σ λ/(1 + μ V (1 − λ)) / Σ λ`, μ the mean counts and V
the voxels of a mode. A Fourier transform along the gap makes lines of it, one for each lag along the gap.

This bounds what the band alone tells. Fringes of compact crystals are smoother than those of an even band,
the pattern of an unstrained crystal is symmetric, and networks have seen other patterns: a method may
pass this limit.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter

Values = NDArray[np.float64]
LAGS = 100
"""Lags along the gap that are summed."""
TABLE = np.geomspace(1e-4, 1e8, 97)
"""Mean counts for which the share is tabulated."""


def share_left_open(width: int, band: float, counts: ArrayLike) -> Values:
    """Return the share of the variance in a gap that counts around it leave open, along one line.

    Parameters
    ----------
    width
        Voxels of the gap.
    band
        Highest frequency, in periods a voxel.
    counts
        Mean counts of a mode, any shape, which is that of the result.
    """
    apart = np.subtract.outer(np.arange(width), np.arange(width))
    modes = np.clip(np.linalg.eigvalsh(2 * band * np.sinc(2 * band * apart)), 0, 1)
    mean = np.asarray(counts, np.float64)[..., None]
    return np.asarray((modes / (1 + mean * (1 - modes))).sum(axis=-1) / modes.sum())


def left_open(width: int, ratio: float, means: ArrayLike, *, dimensions: int = 3) -> Values:
    """Return the same of a gap of parallel planes in 3D, or of lines in 2D: the mean over the lags along it.

    Parameters
    ----------
    width
        Voxels across the gap.
    ratio
        Oversampling ratio.
    means
        Mean counts of a voxel around the gap, any shape, which is that of the result.
    dimensions
        2 or 3.
    """
    table = _tabulated(width, float(ratio), dimensions)
    at = np.clip(np.asarray(means, np.float64), TABLE[0], TABLE[-1])
    return np.asarray(np.interp(np.log(at), np.log(TABLE), table), np.float64)


@lru_cache(maxsize=4096)
def _tabulated(width: int, ratio: float, dimensions: int) -> Values:
    lags = (np.arange(LAGS) + 0.5) / LAGS
    bands = np.sqrt(1 - lags**2) / ratio
    voxels = 3 * ratio**3 / (4 * np.pi) if dimensions == 3 else ratio**2 / np.pi
    shares = [share_left_open(width, band, TABLE * voxels) for band in bands]
    weights = bands * lags if dimensions == 3 else bands
    return np.asarray(np.average(shares, axis=0, weights=weights))


class BandLimit:
    """Scores of a filling that makes the best of the band of a pattern, and knows no more.

    The share left open at the local mean counts is taken of the squared fringes of `log(1 + I)`, those that
    are lost where it is smoothed by a Gaussian with a standard deviation of `ratio` voxels.

    Parameters
    ----------
    expected
        Noise-free counts, 2D or 3D.
    ratio
        Oversampling ratio.
    """

    def __init__(self, expected: NDArray[np.floating], ratio: float) -> None:
        counts = expected.astype(np.float64)
        self.ratio = float(ratio)
        self.log = np.log1p(counts)
        self.fringes = (self.log - gaussian_filter(self.log, self.ratio)) ** 2
        self.means = gaussian_filter(counts, self.ratio)

    def log_error(self, where: Any, width: int) -> float:
        """Return the mean squared error of `log(1 + I)` in a part of a gap.

        Parameters
        ----------
        where
            The part, as it indexes an array: a mask or slices.
        width
            Voxels across the gap.
        """
        share = left_open(width, self.ratio, self.means[where], dimensions=self.means.ndim)
        return float(np.mean(share * self.fringes[where]))

    def pearson(self, where: Any, width: int) -> float:
        """Return the correlation of `log(1 + I)` with the noise-free counts; NaN where they are constant.

        Times that of noise-free counts and counts, it is the correlation with the counts.

        Parameters
        ----------
        where, width
            As for `log_error`.
        """
        variance = float(np.var(self.log[where]))
        if variance < 1e-12:
            return float("nan")
        return float(np.sqrt(max(1 - self.log_error(where, width) / variance, 0)))
