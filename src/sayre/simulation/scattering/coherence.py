"""Partial coherence and the width of the rocking curve, which blur the intensity in q."""

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
    """Point spread in q, the same in all voxels of the pattern.

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
            raise InputError(
                f"coherence: widths must be 0 or more voxels, not {self.fwhm}, and {self.rocking} along the "
                "rocking curve"
            )
        if not 0 <= self.lorentzian <= 1:
            raise InputError(f"coherence: the Lorentzian weight must be 0 to 1, not {self.lorentzian}")

    @property
    def margin(self) -> tuple[int, int, int]:
        """Voxels beyond each border whose intensity reaches inside.

        They hold 99.99 % of a Gaussian of this width, or 95 % of a Lorentzian.
        """
        margins = [w * (6.5 if self.lorentzian else 1.7) for w in self.fwhm]
        margins[0] = float(np.hypot(margins[0], 1.7 * self.rocking))
        first, second, third = (int(np.ceil(m)) for m in margins)
        return first, second, third


def blur(intensity: NDArray[np.float32], spread: PointSpread) -> NDArray[np.float32]:
    """Convolve an intensity with a point spread.

    The weights are the integrals of the point spread over each voxel, so that a narrow one tends to no blur.
    Near a border they are normalised to the part that lies inside, so that a constant intensity is
    unchanged. Where the intensity beyond the border can be computed, blur an array that is larger by
    `spread.margin` and crop it.

    Parameters
    ----------
    intensity
        In any unit, float32 `(n0, n1, n2)`.
    spread
        The point spread.

    Returns
    -------
    float32, same shape.
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
    """Multiply an array along each axis with its matrix; None leaves an axis as it is."""
    for axis, matrix in enumerate(weights):
        if matrix is not None:
            intensity = np.moveaxis(np.tensordot(matrix, intensity, axes=(1, axis)), 0, axis)
    return np.ascontiguousarray(intensity)


def _gaussian(n: int, fwhm: float) -> Matrix | None:
    """Return the matrix of the convolution with a Gaussian; None where its width is 0."""
    if fwhm < _NONE:
        return None
    edges = (np.arange(n + 1) - 0.5) * (2 * np.sqrt(np.log(2)) / fwhm)
    return _matrix(np.diff(erf(edges)))


def _lorentzian(n: int, fwhm: float) -> Matrix | None:
    """Return the matrix of the convolution with a Lorentzian; None where its width is 0."""
    if fwhm < _NONE:
        return None
    return _matrix(np.diff(np.arctan((np.arange(n + 1) - 0.5) * (2 / fwhm))))


def _matrix(weights: NDArray[np.float64]) -> Matrix:
    """Return the matrix of a convolution, whose rows sum to 1, of symmetric weights from the centre on."""
    matrix = weights[np.abs(np.subtract.outer(np.arange(len(weights)), np.arange(len(weights))))]
    return np.asarray(matrix / matrix.sum(1, keepdims=True), np.float32)
