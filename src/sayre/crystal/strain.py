"""Displacement and strain along G."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Phase = NDArray[np.floating]
Support = NDArray[np.bool_]


def wrap(phase: Phase) -> NDArray[np.float64]:
    """The phase modulo 2π, in [−π, π)."""
    return np.asarray((np.asarray(phase, np.float64) + np.pi) % (2 * np.pi) - np.pi)


def wrapped_gradient(phase: Phase, support: Support, axis: int) -> NDArray[np.float64]:
    """Derivative of a wrapped phase along an array axis, rad per voxel.

    The mean of the wrapped differences to both neighbours; at the surface of the support that to the one
    inside. Right wherever the phase changes by less than π from voxel to voxel: a 2π jump of the phase, at a
    wrap or at the cut of a dislocation, is no jump here. NaN outside the support and where no neighbour is
    inside.

    Parameters
    ----------
    phase
        rad, any wrapping.
    support
        bool, same shape.
    axis
        Along which the derivative is taken.
    """
    values, inside = np.moveaxis(phase, axis, 0), np.moveaxis(support, axis, 0)
    pair = inside[1:] & inside[:-1]
    step = np.where(pair, wrap(np.diff(np.asarray(values, np.float64), axis=0)), 0)
    total, count = np.zeros(values.shape), np.zeros(values.shape, np.int8)
    total[:-1] += step
    total[1:] += step
    count[:-1] += pair
    count[1:] += pair
    gradient = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return np.moveaxis(gradient, 0, axis)


def strain(
    phase: Phase, support: Support, g: NDArray[np.float64], basis: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Strain `∂u_G/∂x_G` from a phase that may be wrapped.

    Parameters
    ----------
    phase
        rad, `(axis 0, axis 1, …)`, of an object `ρ exp(−i G·u)`.
    support
        bool, same shape.
    g
        Scattering vector, 1/Å.
    basis
        nm: row k is the step from voxel to voxel along array axis k, in the frame of `g`. Oblique axes are
        allowed, so no interpolation is needed for a strain in the frame of the detector. For a derivative
        along array axis k, of voxels of size s: `np.diag(s)`, and `g` its modulus times the unit vector k.

    Returns
    -------
    float32 of the same shape, dimensionless; NaN outside the support, and where the support is one voxel
    thin along an axis that G needs.

    Notes
    -----
    Steps δ along the array axes give the gradient `B⁻¹ δ` in space (B the basis), of which the component
    along G counts: `ε = −(Ĝ·B⁻¹ δ) / |G|`.
    """
    modulus = float(np.linalg.norm(g))
    weights = np.linalg.solve(10 * basis.T, g / modulus)
    total = np.zeros(phase.shape)
    for axis, weight in enumerate(weights):
        if abs(weight) > 1e-9 * np.abs(weights).max():
            total += weight * wrapped_gradient(phase, support, axis)
    return np.where(support, -total / modulus, np.nan).astype(np.float32)


def displacement(phase: Phase, support: Support, g: float) -> NDArray[np.float32]:
    """`u_G = −phase/|G|` in Å of an unwrapped phase, float32; NaN outside the support.

    `g` is |G| in 1/Å.

    Parameters
    ----------
    phase
        rad, unwrapped.
    support
        bool, same shape.
    g
        Modulus of the scattering vector in 1/Å.
    """
    return np.where(support, -np.asarray(phase, np.float64) / g, np.nan).astype(np.float32)
