"""Relaxation of a particle by LAMMPS: energy minimisation in an embedded-atom potential."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sayre.data import Particle
from sayre.errors import InputError
from sayre.simulation.particles import displacements, lattice
from sayre.simulation.particles.lattice import Miller
from sayre.simulation.particles.minimise import Progress, RelaxationError, minimise, pair_commands
from sayre.simulation.particles.shapes import unit
from sayre.simulation.processes import isolated, one_thread_each

__all__ = ["RelaxationError", "aligned", "relax", "relax_many"]

FURTHEST = 2.0
"""An atom that moves further than this many lattice constants has left: the relaxation diverged."""


def relax(
    particle: Particle,
    *,
    substrate: Miller | None = None,
    misfit: float = 0.0,
    steps: int = 400,
    force: float = 1e-3,
    potential: str | Path | None = None,
    progress: Progress | None = None,
) -> Particle:
    """Move the atoms to a minimum of their energy, on one thread.

    Parameters
    ----------
    particle
        Any crystal of one element.
    substrate
        Normal of the interface: the lowest layer of atoms along it is held, stretched in its plane by
        `misfit`. None relaxes a free particle.
    steps
        Most iterations of conjugate gradients.
    force
        Stop where the norm of all forces is below this, eV/Å.
    potential
        File of LAMMPS (`.eam`, `.eam.alloy`, `.eam.fs`) instead of the one of the element.
    progress
        Called with the share of `steps` that is done.

    Returns
    -------
    Particle
        Atoms in the same order, centred; of a free particle the rigid rotation is removed (Kabsch, Acta
        Cryst. A32, 922, 1976). `made["relaxed"]` has `steps`, `force` (eV/Å) and `energy` (eV an atom).

    Raises
    ------
    InputError
        LAMMPS or the potential is missing, or settings that cannot be.
    RelaxationError
        LAMMPS failed, an atom left the particle, or it has no facet on the substrate.
    """
    if not -0.2 < misfit < 0.2:
        raise InputError(f"misfit: {misfit} is not a strain a crystal bears; between -0.2 and 0.2")
    if misfit and substrate is None:
        raise InputError("misfit: there is no substrate to impose it; name the plane of the interface")
    if steps < 1 or not force > 0:
        raise InputError(f"relaxation: steps and force must be positive, found {steps} and {force}")
    start, held = particle.positions, np.zeros(len(particle), bool)
    if substrate is not None:
        start, held = _held(particle, substrate, misfit)
    pair = pair_commands(particle.species, potential)
    found, report = minimise(start, held, pair, steps, force, progress)
    if not np.isfinite(found).all() or report["energy"] >= 0:
        raise RelaxationError(
            f"relaxation: diverged, energy {report['energy']:.3g} eV an atom; skip the particle"
        )
    moved = found - found.mean(0) if substrate is not None else aligned(found, start)
    furthest = float(np.abs(moved - (start - start.mean(0))).max())
    if furthest > FURTHEST * particle.lattice_constant:
        raise RelaxationError(
            f"relaxation: an atom moved by {furthest:.3g} Å, the particle fell apart; skip it"
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
    progress: Progress | None = None,
    **settings: Any,
) -> list[Particle | RelaxationError]:
    """Relax several particles, each in a process of its own with one thread; results in order.

    A particle that fails leaves its error in its place, and the others go on even where LAMMPS ends its
    process. `workers` are processes at a time, all cores if None; `settings` are those of `relax`; `progress`
    is called with the share of particles done.

    Raises
    ------
    InputError
        As `relax`, from what is wrong with all particles: LAMMPS missing, settings that cannot be, a process
        that does not start.
    """
    results: list[Particle | RelaxationError] = [RelaxationError("relaxation: not run")] * len(particles)
    count = max(1, min(workers or os.cpu_count() or 1, len(particles)))
    with one_thread_each(), ThreadPoolExecutor(count) as pool:
        apart = partial(isolated, relax, **settings)
        places = {pool.submit(apart, particle): place for place, particle in enumerate(particles)}
        for done, future in enumerate(as_completed(places), 1):
            place = places[future]
            try:
                results[place] = future.result()
            except RelaxationError as error:
                results[place] = error
            except BrokenProcessPool:
                results[place] = RelaxationError("relaxation: LAMMPS ended its process; skip the particle")
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
            if progress:
                progress(done / len(particles))
    return results


def aligned(positions: NDArray[np.float64], reference: NDArray[np.float64]) -> NDArray[np.float64]:
    """`positions` centred and turned to fit the centred `reference` best (Kabsch), `(atoms, 3)`."""
    centred, target = positions - positions.mean(0), reference - reference.mean(0)
    left, _, right = np.linalg.svd(centred.T @ target)
    handed = np.diag([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    return np.asarray(centred @ left @ handed @ right)


def _held(
    particle: Particle, substrate: Miller, misfit: float
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Starting positions with the lowest layer stretched by the misfit, and which atoms it holds."""
    normal = unit(substrate, "substrate")
    heights = particle.positions @ normal
    held = heights < heights.min() + 0.3 * particle.lattice_constant
    if held.sum() < 4:
        raise RelaxationError(
            f"relaxation: substrate {substrate} touches {held.sum()} atoms, the particle has no facet there; "
            "a Winterbottom shape has"
        )
    centre = particle.positions[held].mean(0)
    poisson = lattice.element(particle.species).poisson
    start = particle.positions + displacements.misfit(particle.positions, normal, misfit, poisson=poisson)
    layer = particle.positions[held] - centre
    start[held] = centre + layer * (1 + misfit) - misfit * (layer @ normal)[:, None] * normal
    return start, held
