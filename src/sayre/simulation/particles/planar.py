"""Planar defects: twins and stacking faults."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from sayre.data import Particle
from sayre.errors import InputError
from sayre.simulation.particles import lattice
from sayre.simulation.particles.lattice import Miller
from sayre.simulation.particles.shapes import centred, family, unit

TWIN_PLANES: dict[lattice.Structure, Miller] = {"fcc": (1, 1, 1), "bcc": (1, 1, 2)}


def twin(particle: Particle, plane: Miller = (1, 1, 1), at: float = 0.0) -> Particle:
    """Mirror the lattice, not the outline, beyond a plane of atoms.

    Parameters
    ----------
    particle
        Atoms on a perfect lattice. The outline is kept if it is convex.
    plane
        One of {111} in FCC, of {112} in BCC. The atoms beyond it along its normal become those of the
        mirrored lattice.
    at
        Distance of the plane from the centre in Å; the nearest plane of atoms is taken.

    Raises
    ------
    InputError
        The plane is no twin plane of the lattice, or the atoms are displaced from their lattice.
    """
    metal, a = lattice.element(particle.species), particle.lattice_constant
    normal = _of_form(plane, TWIN_PLANES[metal.structure], "twin")
    origin = particle.positions[0]
    steps = (particle.positions - origin) * (2 / a)
    if np.abs(steps - np.rint(steps)).max() > 1e-4:
        raise InputError(
            "twin: the atoms are displaced from their lattice; put the twin in before any other defect, "
            "strain or relaxation"
        )
    heights = particle.positions @ normal
    at = float(heights[np.argmin(np.abs(heights - at))])
    below = particle.positions[heights < at + 1e-3]
    facets = np.unique(ConvexHull(particle.positions).equations.round(9), axis=0)
    outward, reach = facets[:, :3], -facets[:, 3]
    # The mirrored outline is cut from the lattice below the plane, and mirrored back.
    tilt = outward @ normal
    mirrored = outward - 2 * tilt[:, None] * normal
    normals = np.vstack([mirrored, normal])
    distances = np.append(reach - 2 * at * tilt, at - 1e-3) - normals @ origin
    cut = origin + lattice.sites(metal.structure, normals, distances / a + 1e-6) * (a / 2)
    above = cut - 2 * (cut @ normal - at)[:, None] * normal
    made = centred(np.vstack([below, above]), particle.species)
    return replace(made, lattice_constant=a, made=particle.made)


def stacking_fault(
    particle: Particle, plane: Miller = (1, 1, 1), at: float = 0.0, *, partial: int = 0
) -> Particle:
    """Make an intrinsic stacking fault of FCC: the atoms beyond a {111} plane slide by a/6⟨112⟩.

    Parameters
    ----------
    particle
        The crystal.
    plane
        One of {111}.
    at
        Distance of the fault from the centre in Å; it lies half-way between the two nearest planes.
    partial
        Which of the three Shockley partials: 0, 1 or 2.

    Raises
    ------
    InputError
        The lattice is BCC, or the plane is no {111}.
    """
    if lattice.element(particle.species).structure != "fcc":
        raise InputError(
            f"stacking-fault: {particle.species} is BCC, where none is stable; an FCC metal would do"
        )
    normal, a = _of_form(plane, (1, 1, 1), "stacking-fault"), particle.lattice_constant
    signs = np.sign(normal)
    slide = a / 6 * signs * np.roll([1, 1, -2], partial)
    heights = particle.positions @ normal
    at = float(heights[np.argmin(np.abs(heights - at))]) + a / np.sqrt(12)
    positions = particle.positions + (heights > at)[:, None] * slide
    return replace(particle, positions=positions - positions.mean(0))


def _of_form(plane: Miller, form: Miller, what: str) -> NDArray[np.float64]:
    """Return the unit normal of a plane, which must be one of the form; `what` opens the message."""
    normal = unit(plane, what)
    if np.abs(family(form) - normal).sum(1).min() > 1e-9:
        names = "{" + "".join(map(str, form)) + "}"
        raise InputError(f"{what}: this lattice has it on planes of the form {names}, not on {plane}")
    return normal
