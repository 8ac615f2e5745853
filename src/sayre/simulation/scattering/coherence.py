"""Partial coherence and rocking-curve width: the intensity blurred in q."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from sayre.errors import InputError

FWHM = float(np.sqrt(8 * np.log(2)))
"""Full width at half maximum of a Gaussian of standard deviation 1."""

_NONE = 1e-6


@dataclass(frozen=True, kw_only=True)
class PointSpread:
    """Point spread in q, the same all over the pattern.

    Partial coherence multiplies the autocorrelation of the crystal by the coherence factor of the beam, and
    so convolves the intensity with its Fourier transform (Vartanyants and Robinson, J. Phys. Condens. Matter
    13, 10593, 2001): a Gaussian, or a pseudo-Voigt for a factor that falls off exponentially.

    Attributes
    ----------
    fwhm
        Full width at half maximum along each axis, in voxels.
    lorentzian
        Weight η of the Lorentzian, 0 (a Gaussian) to 1: `(1 − η) Π G + η Π L`, products over the axes.
    rocking
        Width of the rocking curve: full width at half maximum of one more Gaussian along axis 0, in voxels.
    """

    fwhm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    lorentzian: float = 0.0
    rocking: float = 0.0

    def __post_init__(self) -> None:
        if not all(np.isfinite(w) and w >= 0 for w in (*self.fwhm, self.rocking)):
            raise InputError(f"coherence: widths must be 0 or more voxels, found {self.fwhm}, {self.rocking}")
        if not 0 <= self.lorentzian <= 1:
            raise InputError(f"coherence: the Lorentzian weight must be 0 to 1, found {self.lorentzian}")

    @property
    def margin(self) -> tuple[int, int, int]:
        """Voxels beyond the border whose intensity reaches inside: 99.99 % of a Gaussian, 95 % of a
        Lorentzian of this width."""
        margins = [w * (6.5 if self.lorentzian else 1.7) for w in self.fwhm]
        margins[0] = float(np.hypot(margins[0], 1.7 * self.rocking))
        first, second, third = (int(np.ceil(m)) for m in margins)
        return first, second, third


def blur(intensity: NDArray[np.float32], spread: PointSpread) -> NDArray[np.float32]:
    """Intensity convolved with a point spread, float32 of the same shape.

    The weights are the integral of the spread over each voxel, so that a narrow one tends to no blur, and
    run over the whole array. Near a border they are normalised to the part that lies inside: a constant
    stays that constant. Where the intensity beyond the border can be had, blur an array that is larger by
    `spread.margin` and crop it.
    """
    narrow = [_gaussian(n, w) for n, w in zip(intensity.shape, spread.fwhm, strict=True)]
    gaussian = _along_axes(intensity, narrow)
    if spread.lorentzian:
        weights = [_lorentzian(n, w) for n, w in zip(intensity.shape, spread.fwhm, strict=True)]
        tails = _along_axes(intensity, weights)
        gaussian = (1 - spread.lorentzian) * gaussian + np.float32(spread.lorentzian) * tails
    return _along_axes(gaussian, [_gaussian(intensity.shape[0], spread.rocking)])


Matrix = NDArray[np.float32]


def _along_axes(intensity: Matrix, weights: list[Matrix | None]) -> Matrix:
    for axis, matrix in enumerate(weights):
        if matrix is not None:
            intensity = np.moveaxis(np.tensordot(matrix, intensity, axes=(1, axis)), 0, axis)
    return np.ascontiguousarray(intensity)


def _gaussian(n: int, fwhm: float) -> Matrix | None:
    if fwhm < _NONE:
        return None
    edges = (np.arange(n + 1) - 0.5) * (2 * np.sqrt(np.log(2)) / fwhm)
    return _matrix(np.diff(erf(edges)))


def _lorentzian(n: int, fwhm: float) -> Matrix | None:
    if fwhm < _NONE:
        return None
    return _matrix(np.diff(np.arctan((np.arange(n + 1) - 0.5) * (2 / fwhm))))


def _matrix(weights: NDArray[np.float64]) -> Matrix:
    """Matrix of the convolution with symmetric weights, given from the centre on; rows sum to 1."""
    matrix = weights[np.abs(np.subtract.outer(np.arange(len(weights)), np.arange(len(weights))))]
    return np.asarray(matrix / matrix.sum(1, keepdims=True), np.float32)
