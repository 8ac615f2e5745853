"""From the oblique voxels of a rocking scan to cubes in the laboratory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sayre.errors import InputError

LABORATORY: NDArray[np.float64] = np.eye(3)[::-1].copy()
"""Axes of an orthogonal array: z (along the beam), y (up), x."""

MARGIN = 4
"""Voxels left around the crystal."""
LARGEST = 1024**3


def voxel_basis(steps: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Voxels of the object that a pattern is the Fourier transform of.

    Parameters
    ----------
    steps
        Rows are the q steps of the array axes, 1/Å, as `Geometry.steps` gives them.
    shape
        Voxels of the pattern.

    Returns
    -------
    nm; row k is the step along array axis k, `a_k` with `a_k · s_j = δ_kj 2π/N_k`, s the steps.

    Raises
    ------
    InputError
        Steps that span no volume.
    """
    lengths = np.linalg.norm(steps, axis=1)
    if not np.isfinite(steps).all() or abs(np.linalg.det(steps)) <= 1e-6 * lengths.prod():
        raise InputError(
            "geometry: the q steps of the three axes lie in a plane; check rocking axis and angles"
        )
    return np.asarray(2 * np.pi / 10 * np.linalg.inv(steps).T / np.array(shape)[:, None])


@dataclass(frozen=True, kw_only=True)
class Cubes:
    """Cubic voxels around a crystal whose old voxels are oblique.

    Attributes
    ----------
    shape
        Of the new array: a box that just holds the crystal. Index `n // 2` stays where it is.
    size
        Side of a cube, nm.
    axes
        Rows are the orthonormal axes of the new array in the laboratory.
    turn
        `(3, 3)`: old fractional index = new index @ turn, both counted from their centres.
    """

    shape: tuple[int, int, int]
    size: float
    axes: NDArray[np.float64]
    turn: NDArray[np.float64]

    @classmethod
    def around(
        cls,
        support: NDArray[np.bool_],
        basis: NDArray[np.float64],
        size: float | None = None,
        *,
        axes: NDArray[np.float64] = LABORATORY,
    ) -> Cubes:
        """Choose the box.

        Parameters
        ----------
        support
            bool, 3D, centred.
        basis
            nm, `(3, 3)`, from `voxel_basis`.
        size
            nm; by default the shortest side of the oblique voxels.
        axes
            By default `(z, y, x)` of the laboratory.

        Raises
        ------
        InputError
            A size that is no positive number or makes too large an array; an empty support.
        """
        side = float(np.linalg.norm(basis, axis=1).min()) if size is None else float(size)
        if not (np.isfinite(side) and side > 0):
            raise InputError(f"voxel size: must be a positive number of nm, found {size}")
        if not support.any():
            raise InputError(
                "crystal: the support is empty, nothing to interpolate; the reconstruction failed"
            )
        turn = side * axes @ np.linalg.inv(basis)
        corners = (np.argwhere(support) - np.array(support.shape) // 2) @ np.linalg.inv(turn)
        first, second, third = (2 * (int(np.ceil(n)) + MARGIN) for n in np.abs(corners).max(axis=0))
        if float(first) * second * third > LARGEST:
            raise InputError(
                f"voxel size: {side:.3g} nm makes an array of {first}×{second}×{third}; take larger voxels"
            )
        return cls(shape=(first, second, third), size=side, axes=axes, turn=turn)

    def object(self, obj: NDArray[np.complex64]) -> NDArray[np.complex64]:
        """A complex object, without a phase ramp, by cubic splines.

        Linear interpolation takes amplitude where the phase is steep; the exact Fourier sum carries the
        step of the support's surface inwards as ripples.
        """
        return self._resampled(obj, order=3)

    def support(self, support: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Where the linear interpolation of a support is at least 1/2."""
        return np.asarray(self._resampled(support.astype(np.float32), order=1) >= 0.5)

    def field(self, values: NDArray[np.float32], support: NDArray[np.bool_]) -> NDArray[np.float32]:
        """A real field by linear interpolation of its finite voxels; NaN outside `support`, the new one.

        Parameters
        ----------
        values
            float, of the shape of the old voxels; NaN where unknown.
        support
            bool, of the shape of the cubes.
        """
        known = np.isfinite(values)
        total = self._resampled(np.where(known, values, 0), order=1)
        weight = self._resampled(known.astype(np.float32), order=1)
        inside = support & (weight > 0)
        return np.where(inside, total / np.where(inside, weight, 1), np.nan).astype(np.float32)

    def _resampled(self, array: NDArray[Any], order: int) -> NDArray[Any]:
        offset = np.array(array.shape) // 2 - np.array(self.shape) // 2 @ self.turn
        return np.asarray(
            ndimage.affine_transform(array, self.turn.T, offset, output_shape=self.shape, order=order)
        )
