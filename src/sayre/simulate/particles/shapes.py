"""Faceted FCC particles: a lattice cut by half-spaces."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations, product
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.spatial import ConvexHull, HalfspaceIntersection

from sayre.data import Particle
from sayre.errors import InputError

Shape = Literal["wulff", "winterbottom", "cube", "octahedron", "tetrahedron", "random"]
Miller = tuple[int, int, int]
SHAPES: tuple[str, ...] = get_args(Shape)

LATTICE_CONSTANTS: dict[str, float] = {
    "Ag": 4.09,
    "Al": 4.05,
    "Au": 4.08,
    "Cu": 3.615,
    "Ni": 3.52,
    "Pd": 3.89,
    "Pt": 3.92,
}
"""FCC lattice constants in Å (EAM potentials of the u3 family)."""

_ENERGIES: dict[Miller, float] = {(1, 1, 1): 1.0, (1, 0, 0): 1.15}
_FCC = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])


def family(hkl: Miller) -> NDArray[np.float64]:
    """All distinct planes of a cubic form `{hkl}`, as unit normals `(planes, 3)`."""
    planes = {
        tuple(s * h for s, h in zip(signs, order, strict=True))
        for order in permutations(hkl)
        for signs in product((1, -1), repeat=3)
    }
    normals = np.array(sorted(planes), float)
    return np.asarray(normals / np.linalg.norm(normals, axis=1, keepdims=True))


def half_spaces(
    shape: Shape,
    generator: np.random.Generator,
    *,
    energies: Mapping[Miller, float] = _ENERGIES,
    substrate: Miller = (1, 1, 1),
    interface_energy: float = 0.4,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Facets of a shape up to its scale: unit normals `(planes, 3)`, distances `(planes,)` from the centre.

    `energies` are the relative surface energies of the Wulff construction; `winterbottom` cuts it at
    `interface_energy` along minus the substrate normal (Winterbottom, Acta Metall. 15, 303, 1967).
    `random` takes 8 to 24 planes of random direction and distance from `generator`.
    """
    if shape in ("wulff", "winterbottom"):
        forms = [(family(hkl), energy) for hkl, energy in energies.items()]
        normals = np.concatenate([n for n, _ in forms])
        distances = np.concatenate([np.full(len(n), e) for n, e in forms])
        if shape == "winterbottom":
            down = -np.array(substrate, float) / np.linalg.norm(substrate)
            normals, distances = np.vstack([normals, down]), np.append(distances, interface_energy)
        return normals, distances
    if shape == "random":
        count = int(generator.integers(8, 25))
        normals = generator.normal(size=(count, 3))
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        box = np.vstack([np.eye(3), -np.eye(3)])
        distances = generator.uniform(0.5, 1.0, count)
        return np.vstack([normals, box]), np.append(distances, np.full(6, 1.2))
    if shape == "tetrahedron":
        normals = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3)
    elif shape == "cube":
        normals = family((1, 0, 0))
    elif shape == "octahedron":
        normals = family((1, 1, 1))
    else:
        raise InputError(f"shape: {shape!r} is not known; one of {', '.join(SHAPES)}")
    return normals, np.ones(len(normals))


def volume(normals: NDArray[np.float64], distances: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """Volume of `{r: normals·r ≤ distances}` and its vertices `(vertices, 3)`.

    Raises
    ------
    InputError
        The half-spaces leave nothing, or do not close.
    """
    # The centre of the largest inscribed sphere lies inside.
    objective = np.array([0, 0, 0, -1.0])
    lengths = np.linalg.norm(normals, axis=1)
    centre = linprog(objective, np.column_stack([normals, lengths]), distances, bounds=(None, None))
    if centre.status != 0 or centre.x[3] <= 0:
        raise InputError("shape: its planes enclose no volume; energies and interface energy must leave some")
    vertices = HalfspaceIntersection(np.column_stack([normals, -distances]), centre.x[:3]).intersections
    return float(ConvexHull(vertices).volume), vertices


def build(
    shape: Shape,
    atoms: int,
    *,
    element: str = "Au",
    generator: np.random.Generator,
    energies: Mapping[Miller, float] = _ENERGIES,
    substrate: Miller = (1, 1, 1),
    interface_energy: float = 0.4,
) -> Particle:
    """Cut an FCC particle of about `atoms` atoms.

    The polyhedron is scaled to the volume of `atoms` atoms, so the count differs by a surface term.

    Raises
    ------
    InputError
        Unknown shape or element, too few atoms, or half-spaces that close no volume.
    """
    if element not in LATTICE_CONSTANTS:
        raise InputError(f"element: {element!r} is not known; one of {', '.join(LATTICE_CONSTANTS)}")
    if atoms < 13:
        raise InputError(f"atoms: {atoms} are too few for a faceted particle; 13 or more")
    a = LATTICE_CONSTANTS[element]
    normals, distances = half_spaces(
        shape, generator, energies=energies, substrate=substrate, interface_energy=interface_energy
    )
    unit_volume, vertices = volume(normals, distances)
    scale = (atoms / 4 / unit_volume) ** (1 / 3)
    low, high = np.floor(vertices.min(0) * scale) - 1, np.ceil(vertices.max(0) * scale) + 1
    cells = np.stack(
        np.meshgrid(*(np.arange(b, e) for b, e in zip(low, high, strict=True)), indexing="ij"), -1
    )
    lattice = (cells.reshape(-1, 1, 3) + _FCC).reshape(-1, 3)
    inside = np.ones(len(lattice), bool)
    for normal, distance in zip(normals, distances, strict=True):
        inside[inside] = lattice[inside] @ normal <= distance * scale + 1e-9
    positions = lattice[inside] * a
    return Particle(positions=positions - positions.mean(0), species=element, lattice_constant=a)
