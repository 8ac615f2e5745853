"""Faceted particles: the atoms of a lattice inside a polyhedron."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations, product
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from sayre.data import Particle
from sayre.data.hints import did_you_mean
from sayre.errors import InputError
from sayre.numerics import memory
from sayre.simulation.particles import lattice
from sayre.simulation.particles.lattice import Miller, volume

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
    """Return the unit normals of all planes of a cubic form `{hkl}`, `(planes, 3)`."""
    planes = {
        tuple(s * h for s, h in zip(signs, order, strict=True))
        for order in permutations(hkl)
        for signs in product((1, -1), repeat=3)
    }
    return np.array([unit(plane, "plane") for plane in sorted(planes)])


def unit(direction: tuple[float, ...], what: str) -> NDArray[np.float64]:
    """Return a direction as a unit vector.

    Parameters
    ----------
    direction
        Three components of any length.
    what
        Opening words of the message.

    Raises
    ------
    InputError
        There are not three finite components, or all are 0.
    """
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
    """Return the facets of a shape up to its scale.

    Parameters
    ----------
    shape
        One of `SHAPES`.
    generator
        Source of the 8 to 24 planes of the shape "random".
    energies
        Surface energies of the Wulff construction by Miller indices; only their ratios matter.
    substrate
        Miller indices of the interface of "winterbottom" (Winterbottom, Acta Metall. 15, 303, 1967).
    interface_energy
        Its energy, on the scale of `energies`.
    truncation
        Share of each edge that the truncated shapes lose at either end: 1/3 makes the truncated octahedron
        and tetrahedron Archimedean, 0.293 the cube, and 1/2 leaves nothing of the edges.

    Returns
    -------
    normals
        Outward unit vectors, float64 `(planes, 3)`.
    distances
        Distances from the centre, float64 `(planes,)`, without a unit.

    Raises
    ------
    InputError
        The shape is not known, a plane is (0, 0, 0), the truncation is not in (0, 1/2], or an energy is not
        finite.
    """
    if shape in ("wulff", "winterbottom"):
        return _wulff(energies, substrate if shape == "winterbottom" else None, interface_energy)
    if shape == "random":
        return _random_facets(generator)
    solid, cut = shape.removeprefix("truncated-"), shape.startswith("truncated-")
    if solid not in ("cube", "octahedron", "tetrahedron"):
        hint = did_you_mean(shape, SHAPES)
        raise InputError(f"shape: {shape!r} is not known; it must be one of {', '.join(SHAPES)}{hint}")
    if not 0 < truncation <= 0.5:
        raise InputError(
            f"truncation: an edge cannot lose a share of {truncation} at either end; a share above 0 and at "
            "most 0.5 would do"
        )
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


def _wulff(
    energies: Mapping[Miller, float], substrate: Miller | None, interface_energy: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the facets of the Wulff construction, on a substrate where one is given."""
    values = [*energies.values(), interface_energy]
    if not np.isfinite(values).all():
        raise InputError(f"energies: must be finite numbers, not {', '.join(map(str, values))}")
    forms = [(family(hkl), energy) for hkl, energy in energies.items()]
    normals = np.concatenate([n for n, _ in forms])
    distances = np.concatenate([np.full(len(n), e) for n, e in forms])
    if substrate is not None:
        normals = np.vstack([normals, -unit(substrate, "substrate")])
        distances = np.append(distances, interface_energy)
    return normals, distances


def _random_facets(generator: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw facets of random directions and distances, inside a cube."""
    count = int(generator.integers(8, 25))
    normals = generator.normal(size=(count, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    box = np.vstack([np.eye(3), -np.eye(3)])
    distances = generator.uniform(0.5, 1.0, count)
    return np.vstack([normals, box]), np.append(distances, np.full(6, 1.2))


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
    """Cut a particle of a shape from the lattice of an element.

    Parameters
    ----------
    shape, generator, energies, substrate, interface_energy, truncation
        As `half_spaces` takes them.
    atoms
        Approximate number of atoms, 13 to 10⁸: the polyhedron is scaled to their volume, and the number of
        atoms inside differs by a surface term.
    diameter
        Diameter of the sphere of equal volume in nm, instead of `atoms`.
    element
        One of `sayre.data.elements.ELEMENTS`.

    Raises
    ------
    InputError
        The shape or element is not known, `atoms` and `diameter` are both or neither given, the number of
        atoms is out of range or too large for the free memory, or the planes enclose no volume.
    """
    metal = lattice.element(element)
    a, per_cell = metal.lattice_constant, lattice.ATOMS_PER_CELL[metal.structure]
    if (atoms is None) == (diameter is None):
        given = "both are" if atoms is not None else "neither is"
        raise InputError(f"atoms, diameter: {given} given; give one of them, which sets the size")
    if diameter is not None:
        if not (np.isfinite(diameter) and diameter > 0):
            raise InputError(f"diameter: must be a positive number of nm, not {diameter}")
        atoms = round(per_cell * np.pi / 6 * (10 * diameter / a) ** 3)
    assert atoms is not None
    if not FEWEST <= atoms <= MOST:
        many = "too few for a faceted particle" if atoms < FEWEST else "too many for the memory"
        size = f" (a diameter of {diameter} nm)" if diameter is not None else ""
        raise InputError(f"atoms: {atoms}{size} are {many}; {FEWEST} to {MOST} would do")
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
        raise InputError(
            f"shape: no lattice site lies inside a {shape} of {atoms} atoms; more atoms would do"
        )
    return centred(positions, element, shape=shape)


def centred(positions: NDArray[np.floating], element: str, **made: object) -> Particle:
    """Make a particle of atoms, moved so that their mean position is 0.

    Parameters
    ----------
    positions
        Atoms, float `(atoms, 3)`, Å.
    element
        Symbol of the element.
    made
        What the particle records of how it was made.
    """
    moved = np.asarray(positions - positions.mean(0), np.float64)
    return Particle(
        positions=moved,
        species=element,
        lattice_constant=lattice.element(element).lattice_constant,
        made=made,
    )
