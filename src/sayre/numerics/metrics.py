"""Scores of a filled gap.

All take 1D or nD arrays of equal shape that hold the gap voxels only: expected counts `filled`
and the `truth`, either noise-free counts or measured ones. Log scale is `log(1 + I)`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammainccinv, gammaincinv, ndtr, ndtri, pdtr

from sayre.numerics.poisson import error_of_log, error_of_root, probability

Counts = NDArray[np.floating]


def pearson(filled: Counts, truth: Counts, *, log: bool = True) -> float:
    """Return the Pearson correlation, by default of `log(1 + I)`; NaN where either is constant.

    Parameters
    ----------
    filled, truth
        Counts, any shape, both alike.
    log
        Whether `log(1 + I)` is correlated, or the counts themselves.

    Notes
    -----
    M. Masto, Deep Learning for Bragg Coherent Diffraction Imaging, PhD thesis, Université Grenoble Alpes,
    eq. 4.1.
    """
    x, y = (
        np.log1p(a.astype(np.float64).ravel()) if log else a.astype(np.float64).ravel()
        for a in (filled, truth)
    )
    x, y = x - x.mean(), y - y.mean()
    norms = np.sqrt((x @ x) * (y @ y))
    return float(x @ y / norms) if norms > 0 else float("nan")


def log_error(filled: Counts, truth: Counts) -> float:
    """Mean squared error of `log(1 + I)`.

    Parameters
    ----------
    filled, truth
        Counts, any shape, both alike.
    """
    difference = np.log1p(filled.astype(np.float64)) - np.log1p(truth.astype(np.float64))
    return float(np.mean(difference**2))


def log_error_ratio(filled: Counts, truth: Counts, linear: Counts) -> float:
    """`log_error` over that of linear interpolation of the same gap: 0 perfect, 1 no better than linear.

    NaN where linear interpolation makes no error.

    Parameters
    ----------
    filled, truth
        Counts, any shape, both alike.
    linear
        Counts that linear interpolation gives, same shape.
    """
    reference = log_error(linear, truth)
    return log_error(filled, truth) / reference if reference > 0 else float("nan")


def noise_floor(expectation: Counts) -> float:
    """Log error that even the true expectation makes against Poisson counts, exactly."""
    return float(np.mean(error_of_log(np.log1p(expectation.astype(np.float64)))))


def root_error(filled: Counts, truth: Counts) -> float:
    """Mean squared error of `sqrt(I)`, in which photon noise is alike for bright and dim voxels.

    Parameters
    ----------
    filled, truth
        Counts, any shape, both alike.
    """
    return float(np.mean((np.sqrt(filled.astype(np.float64)) - np.sqrt(truth.astype(np.float64))) ** 2))


def root_floor(expectation: Counts) -> float:
    """`root_error` that even the true expectation makes against Poisson counts, exactly."""
    return float(np.mean(error_of_root(expectation)))


def pearson_ceiling(counts: Counts) -> float:
    """Linear Pearson correlation of Poisson counts with their true expectation; NaN for constant counts.

    The variance of the counts is that of their expectation and the mean of the counts.
    """
    variance, mean = float(np.var(counts, dtype=np.float64)), float(np.mean(counts, dtype=np.float64))
    return float(np.sqrt(max(variance - mean, 0) / variance)) if variance > 0 else float("nan")


def coverage(filled: Counts, sigma: Counts, truth: Counts, *, width: float = 1.0) -> float:
    """Fraction of noise-free voxels within `width` standard errors of the filling, in log scale.

    Parameters
    ----------
    filled, sigma
        Counts and the stated standard errors of `log(1 + I)`, any shape.
    truth
        Noise-free counts, same shape.
    width
        Standard errors on either side.
    """
    difference = np.abs(np.log1p(filled.astype(np.float64)) - np.log1p(truth.astype(np.float64)))
    return float(np.mean(difference <= width * sigma))


def predictive_z(
    filled: Counts, sigma: Counts, counts: Counts, generator: np.random.Generator, *, nodes: int = 33
) -> NDArray[np.float64]:
    """Standard scores of measured counts under the filling's predictive distribution.

    The expectation is taken as `log(1 + λ)` normal with the stated `sigma`, cut at λ = 0; the count as
    Poisson(λ). Its randomised probability integral transform (Smith, J. Forecasting 4, 283, 1985) is
    uniform where both hold, so the scores returned are standard normal: 68.3 % within 1, 95.4 % within
    2, for bright and for empty voxels alike.

    The integral over λ is a Gauss-Hermite sum over the narrower of the two distributions, the error of
    the filling or the photon noise, so that the other is smooth between its `nodes`: in the second case
    by P(N < n | λ) = P(λ < G), G a gamma variate of shape n.

    Parameters
    ----------
    filled, sigma
        Expected counts and the stated standard errors of `log(1 + I)`, any shape.
    counts
        Measured counts, same shape.
    generator
        Source of the random numbers that spread tied counts.
    nodes
        Nodes of the quadrature over the stated error.
    """
    z, weights = np.polynomial.hermite_e.hermegauss(nodes)
    weights /= weights.sum()
    mean, spread = filled.astype(np.float64).ravel(), sigma.astype(np.float64).ravel()
    centre, n = np.log1p(mean), np.rint(counts.astype(np.float64).ravel())
    below, at = np.zeros_like(centre), np.zeros_like(centre)
    wide = spread * (1 + mean) > np.sqrt(1 + mean)
    for node, weight in zip(z, weights, strict=True):
        rate = np.maximum(np.expm1(centre[~wide] + node * spread[~wide]), 1e-12)
        below[~wide] += weight * np.where(n[~wide] > 0, pdtr(n[~wide] - 1, rate), 0)
        at[~wide] += weight * probability(n[~wide], rate)
        under, upto = (
            ndtr((np.log1p(_gamma_quantile(node, shape)) - centre[wide]) / spread[wide])
            for shape in (n[wide], n[wide] + 1)
        )
        under = np.where(n[wide] > 0, under, 0)
        below[wide] += weight * under
        at[wide] += weight * (upto - under)
    u = below + generator.random(centre.shape) * at
    return np.asarray(ndtri(np.clip(u, 1e-12, 1 - 1e-12)))


def _gamma_quantile(z: float, shape: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gamma variate of `shape` at the probability of a standard normal `z`; 0 for shape 0.

    Wilson and Hilferty (PNAS 17, 684, 1931) for shapes from 100, exact below.
    """
    a = np.maximum(shape, 1)
    quantile = a * (1 - 1 / (9 * a) + z / (3 * np.sqrt(a))) ** 3
    few = shape < 100
    invert, tail = (gammaincinv, ndtr(z)) if z < 0 else (gammainccinv, ndtr(-z))
    quantile[few] = np.where(shape[few] > 0, invert(a[few], tail), 0)
    return np.asarray(quantile)
