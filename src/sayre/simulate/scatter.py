"""Kinematic scattering by a non-uniform FFT."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sayre.data import Particle


def reflection(particle: Particle, hkl: tuple[int, int, int]) -> NDArray[np.float64]:
    """Scattering vector G of a cubic reflection in 1/Å, `(3,)`."""
    return 2 * np.pi / particle.lattice_constant * np.array(hkl, float)


def q_steps(
    particle: Particle, oversampling: tuple[float, float, float], axes: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Steps in q, in 1/Å, `(3, 3)`: row k is the vector from one voxel to the next along array axis k.

    `axes` holds the unit vectors of the array axes as rows. The oversampling ratio of axis k is
    2π / (step · extent of the particle along it).
    """
    extents = np.array([np.ptp(particle.positions @ axis) for axis in axes])
    return np.asarray(axes * (2 * np.pi / (np.array(oversampling) * extents))[:, None])


def scatter(
    particle: Particle,
    g: NDArray[np.float64],
    steps: NDArray[np.float64],
    shape: tuple[int, int, int],
    *,
    phase: NDArray[np.float64] | None = None,
    threads: int = 0,
    tolerance: float = 1e-6,
) -> NDArray[np.complex128]:
    """Scattered amplitude `A(q) = Σ exp(−i q·(r + u))` around the reflection `g`.

    Parameters
    ----------
    particle
        Atoms; every atom scatters with weight 1.
    g
        Scattering vector of the reflection, 1/Å, `(3,)`; the voxel `n // 2` is at `g`.
    steps
        `(3, 3)`, rows are the q steps of the array axes, 1/Å.
    shape
        Voxels of each axis.
    phase
        `g·u` of each atom in rad, where a displacement is not already in the positions; the
        variation of `(q − g)·u` is neglected.
    threads
        0 takes all cores.

    Returns
    -------
    complex128 of `shape`.

    Notes
    -----
    Type-1 NUFFT (Barnett, Magland and af Klinteberg, SIAM J. Sci. Comput. 41, C479, 2019), always in
    double precision: single precision is wrong in the weak outer voxels.
    """
    import finufft

    coordinates = particle.positions @ steps.T
    argument = particle.positions @ g
    if phase is not None:
        argument = argument + phase
    x, y, z = (np.mod(c + np.pi, 2 * np.pi) - np.pi for c in coordinates.T)
    return np.asarray(
        finufft.nufft3d1(x, y, z, np.exp(-1j * argument), shape, isign=-1, eps=tolerance, nthreads=threads)
    )
