"""Kinematic scattering by a non-uniform FFT."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sayre.data import Particle
from sayre.errors import InputError, warn
from sayre.simulation.particles.lattice import ELEMENTS, reflects
from sayre.simulation.scattering import memory
from sayre.simulation.scattering.formfactors import form_factor

UPSAMPLING = 1.5
"""Fine grid of the NUFFT over the result: 2 takes 2.4 times the memory, 1.25 reaches 5e-9 at best."""

_RULES = {"fcc": ("h, k and l are of mixed parity", "1 1 1"), "bcc": ("h + k + l is odd", "1 1 0")}


def reflection(
    particle: Particle, hkl: tuple[int, int, int], *, forbidden: bool = False
) -> NDArray[np.float64]:
    """Scattering vector G of a cubic reflection in 1/Å, `(3,)`.

    Raises
    ------
    InputError
        A reflection that the lattice forbids or the direct beam, unless `forbidden` ones are wanted.
    """
    if not any(hkl) and not forbidden:
        raise InputError("hkl: 0 0 0 is the direct beam, no reflection; 1 1 1 (FCC) or 1 1 0 (BCC) would do")
    known = ELEMENTS.get(particle.species)
    if known and not forbidden and not reflects(known.structure, hkl):
        rule, other = _RULES[known.structure]
        raise InputError(
            f"hkl: {' '.join(map(str, hkl))} is forbidden in {known.structure.upper()} {particle.species}, "
            f"{rule}; {other} is allowed, --forbidden scatters there all the same"
        )
    return 2 * np.pi / particle.lattice_constant * np.array(hkl, float)


def q_steps(
    particle: Particle, oversampling: Sequence[float], axes: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Steps in q, in 1/Å, `(3, 3)`: row k is the vector from one voxel to the next along array axis k.

    `axes` holds the unit vectors of the array axes as rows. The oversampling ratio of axis k is
    2π / (step · extent of the particle along it).

    Raises
    ------
    InputError
        Ratios that are no positive numbers.

    Warns
    -----
    SayreWarning
        An oversampling ratio below 2.
    """
    if not all(0 < ratio < math.inf for ratio in oversampling):
        raise InputError(f"oversampling: must be positive numbers, found {tuple(oversampling)}")
    if min(oversampling) < 2 - 1e-9:
        warn(f"oversampling: {min(oversampling):.3g} is below 2, the intensity is undersampled")
    extents = np.array([np.ptp(particle.positions @ axis) for axis in axes])
    return np.asarray(axes * (2 * np.pi / (np.array(oversampling) * extents))[:, None])


def least_oversampling(
    particle: Particle, axes: NDArray[np.float64], shape: Sequence[int], *, share: float = 0.4
) -> NDArray[np.float64]:
    """Oversampling ratios from which on an array of `shape` ends before the neighbouring Bragg peaks, `(3,)`.

    It then reaches along each of its `axes` (unit vectors, rows) to at most `share` of the distance of the
    nearest ones: √3 (FCC) or √2 (BCC) times 2π/a.
    """
    known = ELEMENTS.get(particle.species)
    lengths = np.array([np.ptp(particle.positions @ axis) for axis in axes]) / particle.lattice_constant
    least = least_for_lengths(known.structure if known else "fcc", lengths, np.array(shape), share)
    return np.asarray(least)


def least_for_lengths(structure: str, lengths: Any, voxels: Any, share: float = 0.4) -> Any:
    """`least_oversampling` of crystals of `lengths` in lattice constants on so many `voxels`."""
    return voxels / (2 * share * math.sqrt(2 if structure == "bcc" else 3) * lengths)


def memory_needed(atoms: int, shape: tuple[int, int, int]) -> int:
    """Bytes that `scatter` takes at its peak: fine grid and result, and the atoms' coordinates and order."""
    fine = math.prod(_fine(n) for n in shape)
    return 16 * (fine + math.prod(shape)) + 72 * atoms + 2**22


def require_memory(atoms: int, shape: tuple[int, int, int]) -> None:
    """Refuse what `scatter` has not the memory for.

    Parameters
    ----------
    atoms
        Atoms of the particle; 0 where it does not exist yet, and only the voxels are counted.
    shape
        Voxels of each axis.

    Raises
    ------
    InputError
        More is needed than is free.
    """
    size = "×".join(map(str, shape)) + " voxels"
    what = f"scattering of {atoms} atoms on {size}" if atoms else f"scattering on {size}"
    memory.require(memory_needed(atoms, shape), what)


def _fine(n: int) -> int:
    """Length of the fine grid: the next even one without prime factors above 5."""
    length = 2 * math.ceil(max(UPSAMPLING * n, 2) / 2)
    while True:
        rest = length
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return length
        length += 2


def scatter(
    particle: Particle,
    g: NDArray[np.float64],
    steps: NDArray[np.float64],
    shape: tuple[int, int, int],
    *,
    phase: NDArray[np.float64] | None = None,
    form_factors: bool = False,
    threads: int = 1,
    tolerance: float = 1e-9,
) -> NDArray[np.complex128]:
    """Scattered amplitude `A(q) = Σ f exp(−i q·(r + u))` around the reflection `g`.

    Parameters
    ----------
    particle
        Atoms of one element; strain is in their positions.
    g
        Scattering vector of the reflection, 1/Å, `(3,)`; the voxel `n // 2` is at `g`.
    steps
        `(3, 3)`, rows are the q steps of the array axes, 1/Å: any rotation, shear and step of each axis.
    shape
        Voxels of each axis.
    phase
        `g·u` of each atom in rad, where a displacement is not already in the positions; the
        variation of `(q − g)·u` is neglected.
    form_factors
        f is `f0(|q|)` of the element in electrons; else 1.
    threads
        One gives the same bytes every time. More, or 0 for all cores, add the parts of the sum up in an order
        that changes from run to run, and with it the last bits of the amplitude.
    tolerance
        Of the NUFFT; the default leaves log10 of the intensity right to 1e-4 in the weakest voxels.

    Returns
    -------
    complex128 of `shape`.

    Raises
    ------
    InputError
        Not enough memory, no form factor of the element, or positions or steps that are not finite.

    Notes
    -----
    Type-1 NUFFT (Barnett, Magland and af Klinteberg, SIAM J. Sci. Comput. 41, C479, 2019), always in
    double precision: single precision is wrong in the weak outer voxels.
    """
    import finufft

    require_memory(len(particle), shape)
    argument = particle.positions @ g
    if phase is not None:
        argument += phase
    strengths = np.empty(len(particle), np.complex128)
    np.cos(argument, out=strengths.real)
    np.sin(argument, out=strengths.imag)
    np.conjugate(strengths, out=strengths)
    del argument
    x, y, z = steps @ particle.positions.T
    if not np.isfinite(x.sum() + y.sum() + z.sum() + strengths.sum()):  # the NUFFT would crash
        raise InputError("scattering: positions, steps or phases are not finite; check strain and sizes")
    amplitude = finufft.nufft3d1(
        x, y, z, strengths, shape, isign=-1, eps=tolerance, nthreads=threads, upsampfac=UPSAMPLING
    )
    if form_factors:
        weigh(amplitude, particle.species, g, steps)
    return np.asarray(amplitude)


def weigh(
    amplitude: NDArray[np.complexfloating], species: str, g: NDArray[np.float64], steps: NDArray[np.float64]
) -> None:
    """Multiply an amplitude by `f0(|q|)` of its element, in place, plane by plane."""
    x, y, z = (np.arange(n) - n // 2 for n in amplitude.shape)
    q = g + y[:, None, None] * steps[1] + z[:, None] * steps[2]
    for plane, index in zip(amplitude, x, strict=True):
        plane *= form_factor(species, np.linalg.norm(q + index * steps[0], axis=-1))
