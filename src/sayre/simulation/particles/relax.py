"""Relaxation of a particle by LAMMPS: energy minimisation in an embedded-atom potential."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sayre.data import Particle
from sayre.errors import InputError
from sayre.numerics.progress import Advance
from sayre.simulation.particles import displacements, lattice
from sayre.simulation.particles.lattice import Miller
from sayre.simulation.particles.minimise import RelaxationError, minimise, pair_commands
from sayre.simulation.particles.shapes import unit
from sayre.simulation.processes import Leash, isolated, one_thread_each

__all__ = ["RelaxationError", "aligned", "relax", "relax_many"]

FURTHEST = 2.0
"""Lattice constants that an atom may move; one that moves further has left the particle."""


def relax(
    particle: Particle,
    *,
    substrate: Miller | None = None,
    misfit: float = 0.0,
    steps: int = 400,
    force: float = 1e-3,
    potential: str | Path | None = None,
    progress: Advance | None = None,
) -> Particle:
    """Move the atoms of a particle to a minimum of their energy, on one thread.

    Parameters
    ----------
    particle
        A crystal of one element.
    substrate
        Miller indices of the interface. The lowest layer of atoms along its normal is held. None relaxes a
        free particle.
    misfit
        Strain of the held layer in its plane.
    steps
        Largest number of iterations of conjugate gradients.
    force
        The relaxation stops where the norm of all forces is below this, eV/Å.
    potential
        File of LAMMPS (`.eam`, `.eam.alloy`, `.eam.fs`) instead of the one that belongs to the element.
    progress
        Called with the fraction of `steps` that is done.

    Returns
    -------
    Particle
        Atoms in the same order, centred. The rigid rotation of a free particle is removed (Kabsch, Acta
        Cryst. A32, 922, 1976). `made["relaxed"]` has `steps`, `force` (eV/Å) and `energy` (eV an atom).

    Raises
    ------
    InputError
        LAMMPS or the potential is not installed, or a setting is impossible.
    RelaxationError
        LAMMPS failed, an atom left the particle, or the particle has no facet on the substrate.
    """
    if not -0.2 < misfit < 0.2:
        raise InputError(f"misfit: no crystal bears a strain of {misfit}; one between -0.2 and 0.2 would do")
    if misfit and substrate is None:
        raise InputError(
            "misfit: there is no substrate to impose it; give the plane of the interface as well"
        )
    if steps < 1 or not force > 0:
        raise InputError(f"relaxation: steps and force must be positive, not {steps} and {force}")
    start, held = particle.positions, np.zeros(len(particle), bool)
    if substrate is not None:
        start, held = _held(particle, substrate, misfit)
    pair = pair_commands(particle.species, potential)
    relaxed, report = minimise(start, held, pair, steps, force, progress)
    if not np.isfinite(relaxed).all() or report["energy"] >= 0:
        raise RelaxationError(
            f"relaxation: it diverged to an energy of {report['energy']:.3g} eV an atom; another particle "
            "would do"
        )
    moved = relaxed - relaxed.mean(0) if substrate is not None else aligned(relaxed, start)
    furthest = float(np.abs(moved - (start - start.mean(0))).max())
    if furthest > FURTHEST * particle.lattice_constant:
        raise RelaxationError(
            f"relaxation: an atom moved by {furthest:.3g} Å, so the particle fell apart; another would do"
        )
    if substrate is not None:
        report |= {"substrate": list(substrate), "misfit": misfit}
    if progress:
        progress(1.0)
    return replace(particle, positions=moved, made={**particle.made, "relaxed": report})


def relax_many(
    particles: Sequence[Particle],
    *,
    workers: int | None = None,
    progress: Advance | None = None,
    **settings: Any,
) -> list[Particle | RelaxationError]:
    """Relax several particles, each in a process of its own with one thread.

    Parameters
    ----------
    particles
        Crystals of one element each.
    workers
        Processes at a time; None takes as many as there are cores.
    progress
        Called with the fraction of the particles that is done.
    settings
        As `relax` takes them.

    Returns
    -------
    The relaxed particles in order, with the error in the place of one that failed, even where LAMMPS ended
    its process.

    Raises
    ------
    InputError
        LAMMPS or the potential is not installed, a setting is impossible, or a process does not start.
    """
    results: list[Particle | RelaxationError] = [RelaxationError("relaxation: not run")] * len(particles)
    count = max(1, min(workers or os.cpu_count() or 1, len(particles)))
    leash = Leash()
    with one_thread_each(), ThreadPoolExecutor(count) as pool:
        apart = partial(isolated, relax, leash=leash, **settings)
        places = {pool.submit(apart, particle): place for place, particle in enumerate(particles)}
        try:
            for done, future in enumerate(as_completed(places), 1):
                results[places[future]] = _result(future)
                if progress:
                    progress(done / len(particles))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            leash.end()
            raise
    return results


def _result(future: Future[Particle]) -> Particle | RelaxationError:
    """The particle, or why its relaxation failed."""
    try:
        return future.result()
    except RelaxationError as error:
        return error
    except BrokenProcessPool:
        return RelaxationError("relaxation: LAMMPS ended its process; another particle would do")


def aligned(positions: NDArray[np.float64], reference: NDArray[np.float64]) -> NDArray[np.float64]:
    """Centre positions and turn them to the best fit of a reference (Kabsch, Acta Cryst. A32, 922, 1976).

    Parameters
    ----------
    positions
        Atoms, float64 `(atoms, 3)`, Å.
    reference
        The same atoms, float64 `(atoms, 3)`, Å; its centre does not matter.

    Returns
    -------
    float64 `(atoms, 3)`, Å, centred.
    """
    centred, target = positions - positions.mean(0), reference - reference.mean(0)
    left, _, right = np.linalg.svd(centred.T @ target)
    handed = np.diag([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    return np.asarray(centred @ left @ handed @ right)


def _held(
    particle: Particle, substrate: Miller, misfit: float
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return start positions whose lowest layer is strained by the misfit, and the atoms of that layer."""
    normal = unit(substrate, "substrate")
    heights = particle.positions @ normal
    held = heights < heights.min() + 0.3 * particle.lattice_constant
    if held.sum() < 4:
        raise RelaxationError(
            f"relaxation: the particle has no facet on the substrate {substrate}, which touches {held.sum()} "
            "atoms; a Winterbottom shape would do"
        )
    centre = particle.positions[held].mean(0)
    poisson = lattice.element(particle.species).poisson
    start = particle.positions + displacements.misfit(particle.positions, normal, misfit, poisson=poisson)
    layer = particle.positions[held] - centre
    start[held] = centre + layer * (1 + misfit) - misfit * (layer @ normal)[:, None] * normal
    return start, held
