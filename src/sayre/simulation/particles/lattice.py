"""Cubic lattices: the sites inside a polyhedron and the neighbours of an atom."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sayre.data import Particle
from sayre.data.elements import ELEMENTS, Element, Structure, element
from sayre.errors import InputError

__all__ = [
    "ATOMS_PER_CELL",
    "ELEMENTS",
    "Element",
    "Miller",
    "Structure",
    "element",
    "neighbours",
    "reflects",
    "sites",
    "volume",
]

Miller = tuple[int, int, int]

ATOMS_PER_CELL: dict[Structure, int] = {"fcc": 4, "bcc": 2}
_EDGE = 1e-9


def reflects(structure: Structure, hkl: Miller) -> bool:
    """Return whether a lattice has a reflection.

    Parameters
    ----------
    structure
        "fcc", where h, k and l must be all even or all odd, or "bcc", where their sum must be even.
    hkl
        Miller indices.
    """
    if structure == "fcc":
        return len({index % 2 for index in hkl}) == 1
    return sum(hkl) % 2 == 0


def sites(
    structure: Structure, normals: NDArray[np.float64], distances: NDArray[np.float64]
) -> NDArray[np.int32]:
    """List the lattice sites inside a polyhedron, those with `normals·r ≤ distances`.

    Sites lie in rows along z, and each half-space cuts a row at one end: the cost is that of rows times
    planes plus sites.

    Parameters
    ----------
    structure
        "fcc" or "bcc".
    normals
        Unit vectors, float64 `(planes, 3)`; there must be planes below and above.
    distances
        Distances from the origin, float64 `(planes,)`, in lattice constants, of any sign.

    Returns
    -------
    int32 `(sites, 3)`, in half lattice constants.

    Raises
    ------
    InputError
        The planes enclose no volume.
    """
    _, vertices = volume(normals, distances)
    low, high = np.floor(2 * vertices.min(0)).astype(int), np.ceil(2 * vertices.max(0)).astype(int)
    columns = (np.arange(b, e + 1) for b, e in zip(low[:2], high[:2], strict=True))
    row = np.stack(np.meshgrid(*columns, indexing="ij"), -1).reshape(-1, 2)
    if structure == "bcc":
        row = row[(row.sum(1) % 2) == 0]
    parity = row.sum(1) % 2 if structure == "fcc" else row[:, 0] % 2
    start, end = np.full(len(row), float(low[2])), np.full(len(row), float(high[2]))
    for normal, distance in zip(normals, distances, strict=True):
        room = 2 * (distance + _EDGE) - row @ normal[:2]
        if abs(normal[2]) < 1e-12:
            end[room < 0] = -np.inf
        elif normal[2] > 0:
            np.minimum(end, room / normal[2], out=end)
        else:
            np.maximum(start, room / normal[2], out=start)
    filled = end >= start
    row, parity, start, end = row[filled], parity[filled], start[filled], end[filled]
    first = np.ceil((start - parity) / 2).astype(int) * 2 + parity
    last = np.floor((end - parity) / 2).astype(int) * 2 + parity
    counts = np.maximum((last - first) // 2 + 1, 0)
    inside = np.empty((int(counts.sum()), 3), np.int32)
    inside[:, :2] = np.repeat(row, counts, axis=0)
    inside[:, 2] = np.arange(len(inside)) - np.repeat(np.cumsum(counts) - counts, counts)
    inside[:, 2] = 2 * inside[:, 2] + np.repeat(first, counts)
    return inside


def volume(normals: NDArray[np.float64], distances: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """Compute the volume and the vertices of the polyhedron `{r: normals·r ≤ distances}`.

    Parameters
    ----------
    normals
        Float64 `(planes, 3)`.
    distances
        Distances from the origin, float64 `(planes,)`, in any unit of length.

    Returns
    -------
    volume
        In that unit cubed.
    vertices
        Float64 `(vertices, 3)`, in that unit.

    Raises
    ------
    InputError
        The planes enclose no volume.
    """
    from scipy.optimize import linprog
    from scipy.spatial import ConvexHull, HalfspaceIntersection

    # The centre of the largest inscribed sphere lies inside.
    objective = np.array([0, 0, 0, -1.0])
    lengths = np.linalg.norm(normals, axis=1)
    centre = linprog(objective, np.column_stack([normals, lengths]), distances, bounds=(None, None))
    if centre.status != 0 or centre.x[3] <= 0:
        raise InputError(
            "shape: the planes enclose no volume; a higher interface energy or other surface energies would "
            "do"
        )
    vertices = HalfspaceIntersection(np.column_stack([normals, -distances]), centre.x[:3]).intersections
    return float(ConvexHull(vertices).volume), vertices


def neighbours(particle: Particle) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Compute the coordination of every atom and the mean strain of its nearest-neighbour bonds.

    Neighbours are the atoms of the first shell, which ends half-way to the second.

    Returns
    -------
    coordination
        Number of neighbours, int64 `(atoms,)`.
    strain
        Mean bond length over that of the lattice, less 1; float64 `(atoms,)`, NaN without neighbours.
    """
    from scipy.spatial import cKDTree

    fcc = element(particle.species).structure == "fcc"
    first, second = (np.sqrt(0.5), 1.0) if fcc else (np.sqrt(0.75), 1.0)
    a = particle.lattice_constant
    pairs = cKDTree(particle.positions).query_pairs((first + second) / 2 * a, output_type="ndarray")
    lengths = np.linalg.norm(particle.positions[pairs[:, 0]] - particle.positions[pairs[:, 1]], axis=1)
    ends = pairs.ravel(order="F")
    coordination = np.bincount(ends, minlength=len(particle))
    total = np.bincount(ends, np.tile(lengths, 2), minlength=len(particle))
    with np.errstate(invalid="ignore"):
        return coordination, total / coordination / (first * a) - 1
