"""Planar defects: twin and stacking fault."""

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
    """Mirror the lattice, not the outline, above a plane of atoms.

    Parameters
    ----------
    particle
        On a perfect lattice; a convex outline is kept (the convex hull of the atoms).
    plane
        Of {111} in FCC, {112} in BCC. The atoms beyond it along its normal are those of the mirrored lattice.
    at
        Distance of the plane from the centre in Å; the nearest plane of atoms is taken.

    Raises
    ------
    InputError
        Not a twin plane of the structure, or atoms off their lattice.
    """
    metal, a = lattice.element(particle.species), particle.lattice_constant
    normal = _of_form(plane, TWIN_PLANES[metal.structure], "twin")
    origin = particle.positions[0]
    steps = (particle.positions - origin) * (2 / a)
    if np.abs(steps - np.rint(steps)).max() > 1e-4:
        raise InputError("twin: the atoms are displaced from their lattice; twin before any other defect")
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
    found = origin + lattice.sites(metal.structure, normals, distances / a + 1e-6) * (a / 2)
    above = found - 2 * (found @ normal - at)[:, None] * normal
    made = centred(np.vstack([below, above]), particle.species)
    return replace(made, lattice_constant=a, made=particle.made)


def stacking_fault(
    particle: Particle, plane: Miller = (1, 1, 1), at: float = 0.0, *, partial: int = 0
) -> Particle:
    """Intrinsic stacking fault of FCC: the atoms above a {111} plane slide by a/6⟨112⟩.

    Parameters
    ----------
    at
        Distance of the fault from the centre in Å; it lies half-way between the two nearest planes.
    partial
        0, 1 or 2: which of the three Shockley partials.

    Raises
    ------
    InputError
        A BCC particle, or another plane.
    """
    if lattice.element(particle.species).structure != "fcc":
        raise InputError(f"stacking-fault: {particle.species} is BCC, which has no stable one; an FCC metal")
    normal, a = _of_form(plane, (1, 1, 1), "stacking-fault"), particle.lattice_constant
    signs = np.sign(normal)
    slide = a / 6 * signs * np.roll([1, 1, -2], partial)
    heights = particle.positions @ normal
    at = float(heights[np.argmin(np.abs(heights - at))]) + a / np.sqrt(12)
    positions = particle.positions + (heights > at)[:, None] * slide
    return replace(particle, positions=positions - positions.mean(0))


def _of_form(plane: Miller, form: Miller, what: str) -> NDArray[np.float64]:
    normal = unit(plane, what)
    if np.abs(family(form) - normal).sum(1).min() > 1e-9:
        names = "{" + "".join(map(str, form)) + "}"
        raise InputError(f"{what}: plane {plane} is not of the form {names}, the one this lattice has it on")
    return normal
