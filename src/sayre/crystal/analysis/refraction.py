"""Refraction and absorption in the crystal: what they do to the phase and the amplitude, undone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sayre.crystal.geometry import Geometry, direction

Vector = NDArray[np.float64]
Support = NDArray[np.bool_]

FINENESS = 0.5
"""Side of the cubes in which paths are added up, of the shortest voxel."""


def path_lengths(support: Support, basis: Vector, towards: Vector) -> NDArray[np.float32]:
    """Length of the way through the crystal from every voxel to where the ray leaves it, nm.

    Parameters
    ----------
    support
        bool, 3D.
    basis
        nm; row k is the step from voxel to voxel along array axis k.
    towards
        Unit vector of the ray, in the frame of the basis.
    """
    size = FINENESS * float(np.linalg.norm(basis, axis=1).min())
    axes = _frame_along(towards)
    turn = size * axes @ np.linalg.inv(basis)
    middle = np.array(support.shape) // 2
    inside = np.argwhere(support) - middle
    corners = inside @ np.linalg.inv(turn)
    low, high = np.floor(corners.min(0)).astype(int) - 2, np.ceil(corners.max(0)).astype(int) + 2
    shape = tuple(int(n) for n in high - low + 1)
    cubes = ndimage.affine_transform(
        support.astype(np.float32), turn.T, middle + low @ turn, output_shape=shape, order=1
    )
    # From the exit of the ray, which runs along axis 0, to the middle of every cube.
    ahead = size * (np.cumsum(cubes[::-1], axis=0)[::-1] - 0.5 * cubes)
    lengths = np.zeros(support.shape, np.float32)
    lengths[support] = ndimage.map_coordinates(ahead, (corners - low).T, order=1)
    return lengths


def corrected(
    obj: NDArray[np.complex64],
    support: Support,
    basis: Vector,
    geometry: Geometry,
    *,
    delta: float,
    beta: float,
) -> NDArray[np.complex64]:
    """Return the object without what refraction and absorption in the crystal did to it.

    On its way L to a voxel and from there to the detector the wave gains the factor
    `exp(−i k δ L − k β L)` beyond that in vacuum, in the convention `exp(+i k·r)`, in which the scattered
    amplitude is `Σ f exp(−i q·r)`. The object is multiplied by the inverse. A crystal that is not corrected
    seems to have planes that are closer by δ/sin²θ.

    Parameters
    ----------
    obj, support
        complex64 and bool, 3D, of one shape.
    basis
        nm; row k is the step from voxel to voxel along array axis k, in the laboratory.
    geometry
        Gives the directions of the beam and of the peak, and the wavelength.
    delta, beta
        Of the refractive index 1 − δ + iβ of the crystal.

    Notes
    -----
    A. G. Shabalin et al., arXiv:1703.04100 (2017); for δ/sin²θ, B. E. Warren, X-ray Diffraction (1969).
    """
    wave = 2 * np.pi / (geometry.wavelength / 10)
    beam = direction("z+")
    peak = geometry.g() / (wave / 10) + beam
    length = path_lengths(support, basis, -beam) + path_lengths(support, basis, peak / np.linalg.norm(peak))
    return np.asarray(obj * np.exp(wave * length * (beta + 1j * delta)), np.complex64)


def _frame_along(towards: Vector) -> Vector:
    """Orthonormal rows, the first along a direction."""
    first = towards / np.linalg.norm(towards)
    second = np.cross(first, np.eye(3)[np.abs(first).argmin()])
    second /= np.linalg.norm(second)
    return np.stack([first, second, np.cross(first, second)])
