"""Faceted particles: a lattice cut by half-spaces."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations, product
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from sayre.data import Particle
from sayre.errors import InputError
from sayre.simulation.particles import lattice
from sayre.simulation.particles.lattice import Miller, volume
from sayre.simulation.scattering import memory

Shape = Literal[
    "wulff",
    "winterbottom",
    "cube",
    "octahedron",
    "tetrahedron",
    "truncated-cube",
    "truncated-octahedron",
    "truncated-tetrahedron",
    "random",
]
SHAPES: tuple[str, ...] = get_args(Shape)
FEWEST, MOST = 13, 100_000_000

_ENERGIES: dict[Miller, float] = {(1, 1, 1): 1.0, (1, 0, 0): 1.15}
_TETRAHEDRON = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3)


def family(hkl: Miller) -> NDArray[np.float64]:
    """All distinct planes of a cubic form `{hkl}`, as unit normals `(planes, 3)`."""
    planes = {
        tuple(s * h for s, h in zip(signs, order, strict=True))
        for order in permutations(hkl)
        for signs in product((1, -1), repeat=3)
    }
    return np.array([unit(plane, "plane") for plane in sorted(planes)])


def unit(direction: tuple[float, ...], what: str) -> NDArray[np.float64]:
    """A direction as a unit vector; `what` opens the message where it is none."""
    length = float(np.linalg.norm(direction))
    if len(direction) != 3 or not (np.isfinite(length) and length > 0):
        raise InputError(f"{what}: {direction} is no direction; three indices, not all 0, would do")
    return np.asarray(np.array(direction, float) / length)


def half_spaces(
    shape: Shape,
    generator: np.random.Generator,
    *,
    energies: Mapping[Miller, float] = _ENERGIES,
    substrate: Miller = (1, 1, 1),
    interface_energy: float = 0.4,
    truncation: float = 1 / 3,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Facets of a shape up to its scale: unit normals `(planes, 3)`, distances `(planes,)` from the centre.

    `energies` are the relative surface energies of the Wulff construction; `winterbottom` cuts it at
    `interface_energy` along minus the `substrate` normal (Winterbottom, Acta Metall. 15, 303, 1967).
    `truncation` is the share of each edge that the truncated solids lose at either end: 1/3 makes the
    truncated octahedron and tetrahedron Archimedean, 0.293 the cube, 1/2 leaves nothing of the edges.
    `random` takes 8 to 24 planes of random direction and distance from `generator`.

    Raises
    ------
    InputError
        Unknown shape, plane (0 0 0), truncation outside (0, 1/2], energies that are no numbers.
    """
    if shape in ("wulff", "winterbottom"):
        if not np.isfinite([*energies.values(), interface_energy]).all():
            found = [*energies.values(), interface_energy]
            raise InputError(f"energies: must be numbers, found {', '.join(map(str, found))}")
        forms = [(family(hkl), energy) for hkl, energy in energies.items()]
        normals = np.concatenate([n for n, _ in forms])
        distances = np.concatenate([np.full(len(n), e) for n, e in forms])
        if shape == "winterbottom":
            normals = np.vstack([normals, -unit(substrate, "substrate")])
            distances = np.append(distances, interface_energy)
        return normals, distances
    if shape == "random":
        count = int(generator.integers(8, 25))
        normals = generator.normal(size=(count, 3))
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        box = np.vstack([np.eye(3), -np.eye(3)])
        distances = generator.uniform(0.5, 1.0, count)
        return np.vstack([normals, box]), np.append(distances, np.full(6, 1.2))
    solid, cut = shape.removeprefix("truncated-"), shape.startswith("truncated-")
    if solid not in ("cube", "octahedron", "tetrahedron"):
        raise InputError(f"shape: {shape!r} is not known; one of {', '.join(SHAPES)}")
    if not 0 < truncation <= 0.5:
        raise InputError(f"truncation: {truncation} of an edge cannot be cut at either end; above 0, to 0.5")
    # Faces at distance 1; where a corner is cut at a share t of its edges.
    corner: dict[str, tuple[NDArray[np.float64], NDArray[np.float64], float]] = {
        "cube": (family((1, 0, 0)), family((1, 1, 1)), (3 - 2 * truncation) / np.sqrt(3)),
        "octahedron": (family((1, 1, 1)), family((1, 0, 0)), np.sqrt(3) * (1 - truncation)),
        "tetrahedron": (_TETRAHEDRON, -_TETRAHEDRON, 3 - 4 * truncation),
    }
    faces, corners, reach = corner[solid]
    if not cut:
        return faces, np.ones(len(faces))
    return np.vstack([faces, corners]), np.append(np.ones(len(faces)), np.full(len(corners), reach))


def build(
    shape: Shape,
    atoms: int | None = None,
    *,
    diameter: float | None = None,
    element: str = "Au",
    generator: np.random.Generator,
    energies: Mapping[Miller, float] = _ENERGIES,
    substrate: Miller = (1, 1, 1),
    interface_energy: float = 0.4,
    truncation: float = 1 / 3,
) -> Particle:
    """Cut a particle of about `atoms` atoms, or of a `diameter`.

    The polyhedron is scaled to the volume of `atoms` atoms, so the count differs by a surface term.

    Parameters
    ----------
    shape, energies, substrate, interface_energy, truncation
        See `half_spaces`.
    atoms
        13 to 10⁸.
    diameter
        Of the sphere of equal volume, nm; instead of `atoms`.
    element
        One of `sayre.data.elements.ELEMENTS`.

    Raises
    ------
    InputError
        Unknown shape or element, `atoms` and `diameter` both or neither given, too few or too many atoms,
        also for the memory that is free, or half-spaces that close no volume.
    """
    metal = lattice.element(element)
    a, per_cell = metal.lattice_constant, lattice.ATOMS_PER_CELL[metal.structure]
    if (atoms is None) == (diameter is None):
        found = "both" if atoms is not None else "neither"
        raise InputError(f"atoms, diameter: {found} given; one of them sets the size")
    if diameter is not None:
        if not (np.isfinite(diameter) and diameter > 0):
            raise InputError(f"diameter: must be a positive number of nm, found {diameter}")
        atoms = round(per_cell * np.pi / 6 * (10 * diameter / a) ** 3)
    assert atoms is not None
    if not FEWEST <= atoms <= MOST:
        many = "too few for a faceted particle" if atoms < FEWEST else "more than memory is planned for"
        size = f" (a diameter of {diameter} nm)" if diameter is not None else ""
        raise InputError(f"atoms: {atoms}{size} are {many}; {FEWEST} to {MOST}")
    memory.require(72 * atoms, f"a particle of {atoms} atoms")
    normals, distances = half_spaces(
        shape,
        generator,
        energies=energies,
        substrate=substrate,
        interface_energy=interface_energy,
        truncation=truncation,
    )
    scale = (atoms / per_cell / volume(normals, distances)[0]) ** (1 / 3)
    positions = lattice.sites(metal.structure, normals, distances * scale) * (a / 2)
    if len(positions) == 0:
        raise InputError(f"shape: no lattice site lies inside a {shape} of {atoms} atoms; take more atoms")
    return centred(positions, element, shape=shape)


def centred(positions: NDArray[np.floating], element: str, **made: object) -> Particle:
    """A particle of `positions` in Å, moved so that their mean is 0."""
    moved = np.asarray(positions - positions.mean(0), np.float64)
    return Particle(
        positions=moved,
        species=element,
        lattice_constant=lattice.element(element).lattice_constant,
        made=made,
    )
