"""Kinematic scattering by a non-uniform FFT (NUFFT)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sayre.data import Particle
from sayre.errors import InputError, warn
from sayre.numerics import memory
from sayre.simulation.particles.lattice import ELEMENTS, reflects
from sayre.simulation.scattering.formfactors import form_factor

UPSAMPLING = 1.5
"""Points of the fine grid of the NUFFT for every point of the result, along each axis.

With 2 it takes 2.4 times the memory; with 1.25 the error is at least 5e-9.
"""

_RULES = {"fcc": ("h, k and l are of mixed parity", "1 1 1"), "bcc": ("h + k + l is odd", "1 1 0")}


def reflection(
    particle: Particle, hkl: tuple[int, int, int], *, forbidden: bool = False
) -> NDArray[np.float64]:
    """Compute the scattering vector G of a reflection of a cubic crystal.

    Parameters
    ----------
    particle
        The crystal, whose element and lattice constant are used.
    hkl
        Miller indices of the reflection.
    forbidden
        Whether a reflection that the lattice forbids, or the direct beam, is accepted.

    Returns
    -------
    float64 `(3,)`, 1/Å.

    Raises
    ------
    InputError
        The lattice forbids the reflection, or it is the direct beam.
    """
    if not any(hkl) and not forbidden:
        raise InputError(
            "hkl: 0 0 0 is the direct beam and no reflection; 1 1 1 (FCC) or 1 1 0 (BCC) would do"
        )
    known = ELEMENTS.get(particle.species)
    if known and not forbidden and not reflects(known.structure, hkl):
        rule, other = _RULES[known.structure]
        raise InputError(
            f"hkl: {' '.join(map(str, hkl))} is forbidden in {known.structure.upper()} {particle.species}, "
            f"as {rule}; {other} would do, or `forbidden=True`, which simulates it all the same"
        )
    return 2 * np.pi / particle.lattice_constant * np.array(hkl, float)


def q_steps(
    particle: Particle, oversampling: Sequence[float], axes: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Compute the q steps of the array axes from the oversampling ratios.

    The oversampling ratio of axis k is 2π / (step · extent of the particle along the axis).

    Parameters
    ----------
    particle
        The crystal, whose extents are used.
    oversampling
        Oversampling ratio of each axis.
    axes
        Unit vectors of the array axes as rows, float64 `(3, 3)`.

    Returns
    -------
    float64 `(3, 3)`, 1/Å; row k is the vector from one voxel to the next along array axis k.

    Raises
    ------
    InputError
        A ratio is not a positive number.

    Warns
    -----
    SayreWarning
        An oversampling ratio is below 2.
    """
    if not all(0 < ratio < math.inf for ratio in oversampling):
        raise InputError(f"oversampling: ratios must be positive numbers, not {tuple(oversampling)}")
    if min(oversampling) < 2 - 1e-9:
        warn(
            f"oversampling: a ratio of {min(oversampling):.3g} is below 2, so the intensity is undersampled; "
            "2 or more would do"
        )
    extents = np.array([np.ptp(particle.positions @ axis) for axis in axes])
    return np.asarray(axes * (2 * np.pi / (np.array(oversampling) * extents))[:, None])


def least_oversampling(
    particle: Particle, axes: NDArray[np.float64], shape: Sequence[int], *, share: float = 0.4
) -> NDArray[np.float64]:
    """Compute the smallest oversampling ratios at which an array ends before the neighbouring Bragg peaks.

    The nearest peaks are at a distance of √3 (FCC) or √2 (BCC) times 2π/a.

    Parameters
    ----------
    particle
        The crystal, whose element and extents are used.
    axes
        Unit vectors of the array axes as rows, float64 `(3, 3)`.
    shape
        Voxels along each axis.
    share
        Share of the distance to the nearest peaks to which the array may reach.

    Returns
    -------
    float64 `(3,)`.
    """
    known = ELEMENTS.get(particle.species)
    lengths = np.array([np.ptp(particle.positions @ axis) for axis in axes]) / particle.lattice_constant
    least = least_for_lengths(known.structure if known else "fcc", lengths, np.array(shape), share)
    return np.asarray(least)


def least_for_lengths(structure: str, lengths: Any, voxels: Any, share: float = 0.4) -> Any:
    """Compute `least_oversampling` from the lengths of crystals.

    Parameters
    ----------
    structure
        "fcc" or "bcc".
    lengths
        Extents of the crystals in lattice constants; a number or an array.
    voxels
        Voxels along the axis; a number or an array.
    share
        As `least_oversampling` takes it.
    """
    return voxels / (2 * share * math.sqrt(2 if structure == "bcc" else 3) * lengths)


def memory_needed(atoms: int, shape: tuple[int, int, int]) -> int:
    """Return the bytes that `scatter` needs for its fine grid, its result, and the atoms.

    Parameters
    ----------
    atoms
        Number of atoms.
    shape
        Voxels along each axis.
    """
    fine = math.prod(_fine(n) for n in shape)
    return 16 * (fine + math.prod(shape)) + 72 * atoms + 2**22


def require_memory(atoms: int, shape: tuple[int, int, int]) -> None:
    """Refuse a pattern for which `scatter` needs more memory than is free.

    Parameters
    ----------
    atoms
        Number of atoms; 0 where the particle is not made yet, and only the voxels are counted.
    shape
        Voxels along each axis.

    Raises
    ------
    InputError
        More memory is needed than is free.
    """
    size = "×".join(map(str, shape)) + " voxels"
    what = f"scattering of {atoms} atoms on {size}" if atoms else f"scattering on {size}"
    memory.require(memory_needed(atoms, shape), what)


def _fine(n: int) -> int:
    """Return the length of the fine grid: the next even number without prime factors above 5."""
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
    """Compute the scattered amplitude `A(q) = Σ f exp(−i q·(r + u))` around a reflection.

    Parameters
    ----------
    particle
        Atoms of one element, whose strain is in their positions.
    g
        Scattering vector of the reflection, float64 `(3,)`, 1/Å; the voxel `n // 2` of each axis is there.
    steps
        The q steps of the array axes as rows, float64 `(3, 3)`, 1/Å; they may have any direction and length.
    shape
        Voxels along each axis.
    phase
        `g·u` of each atom, float64 `(atoms,)`, rad, of a displacement that is not in the positions; the
        variation of `(q − g)·u` is neglected.
    form_factors
        Whether f is the form factor `f0(|q|)` of the element in electrons; otherwise it is 1.
    threads
        Threads of the NUFFT. With one the bytes of the result are always the same. With more, or with 0 for
        all cores, the order of the sum changes from run to run, and with it the last bits of the amplitude.
    tolerance
        Relative tolerance of the NUFFT; with the default the error of log10 of the intensity is at most 1e-4
        in the weakest voxels.

    Returns
    -------
    complex128 of `shape`.

    Raises
    ------
    InputError
        The memory is too small, the element has no form factor, or positions, steps or phases are not finite.

    Notes
    -----
    The sum is a type-1 NUFFT (Barnett, Magland and af Klinteberg, SIAM J. Sci. Comput. 41, C479, 2019) in
    double precision: in single precision the weak outer voxels are wrong.
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
        raise InputError(
            "scattering: positions, steps or phases are not finite; check the strain and the sizes"
        )
    amplitude = finufft.nufft3d1(
        x, y, z, strengths, shape, isign=-1, eps=tolerance, nthreads=threads, upsampfac=UPSAMPLING
    )
    if form_factors:
        weigh(amplitude, particle.species, g, steps)
    return np.asarray(amplitude)


def weigh(
    amplitude: NDArray[np.complexfloating], species: str, g: NDArray[np.float64], steps: NDArray[np.float64]
) -> None:
    """Multiply an amplitude by the form factor `f0(|q|)`, in place.

    Parameters
    ----------
    amplitude
        Complex `(n0, n1, n2)`; it is changed.
    species
        Symbol of the element.
    g
        Scattering vector of the reflection, float64 `(3,)`, 1/Å.
    steps
        The q steps of the array axes as rows, float64 `(3, 3)`, 1/Å.

    Raises
    ------
    InputError
        The element has no form factor.
    """
    x, y, z = (np.arange(n) - n // 2 for n in amplitude.shape)
    q = g + y[:, None, None] * steps[1] + z[:, None] * steps[2]
    for plane, index in zip(amplitude, x, strict=True):
        plane *= form_factor(species, np.linalg.norm(q + index * steps[0], axis=-1))
