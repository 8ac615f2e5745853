"""Displacement fields of isotropic elasticity, in Å at every atom."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sayre.simulation.particles.shapes import unit

Vector = NDArray[np.float64]


def dislocation(positions: Vector, line: Vector, burgers: Vector, *, poisson: float) -> Vector:
    """Compute the Volterra field of a straight dislocation through the origin.

    On a right-handed turn about the line the displacement grows by the Burgers vector: its component along
    the line is the screw, the rest the edge. The displacement jumps back on the half of the glide plane from
    which the edge component came; where the Burgers vector is one of the lattice, the crystal is continuous
    there. The image of the free surface is left out; relaxation adds it.

    Parameters
    ----------
    positions
        Atoms, float64 `(atoms, 3)`, Å.
    line
        Direction of the line, `(3,)`.
    burgers
        Burgers vector, `(3,)`, Å.
    poisson
        Poisson's ratio.

    Returns
    -------
    float64 `(atoms, 3)`, Å.

    Notes
    -----
    J. P. Hirth and J. Lothe, Theory of Dislocations, 2nd ed. (1982), equations 3-2 and 3-45.
    """
    along = unit(tuple(line), "line")
    screw = float(burgers @ along)
    rest = burgers - screw * along
    edge = float(np.linalg.norm(rest))
    if edge < 1e-9 * np.linalg.norm(burgers):
        edge, rest = 0.0, np.cross(along, np.eye(3)[np.argmin(np.abs(along))])
    across = rest / np.linalg.norm(rest)
    up = np.cross(along, across)
    x, y = positions @ across, positions @ up
    core = 0.1 * float(np.linalg.norm(burgers))
    squared = np.maximum(x**2 + y**2, core**2)
    turn = np.arctan2(y, x)
    slide = turn + x * y / (2 * (1 - poisson) * squared)
    climb = -((1 - 2 * poisson) * np.log(squared / core**2) + (x**2 - y**2) / squared) / (4 * (1 - poisson))
    field = screw * turn[:, None] * along
    field += edge * (slide[:, None] * across + climb[:, None] * up)
    return np.asarray(field / (2 * np.pi))


def misfit(positions: Vector, substrate: Vector, strain: float, *, poisson: float) -> Vector:
    """Compute the displacement of a crystal whose lowest atoms are strained in the plane of a substrate.

    The strain falls with the height h as exp(−h/λ), where λ is a quarter of the lateral extent, and contracts
    the crystal along the normal by Poisson's ratio. Relaxation on a substrate starts from it.

    Parameters
    ----------
    positions
        Atoms, float64 `(atoms, 3)`, Å.
    substrate
        Normal of the interface, `(3,)`; the atoms that are lowest along it are strained.
    strain
        Strain in the plane of the interface.
    poisson
        Poisson's ratio.

    Returns
    -------
    float64 `(atoms, 3)`, Å.
    """
    up = unit(tuple(substrate), "substrate")
    height = positions @ up
    height = height - height.min()
    lateral = positions - (positions @ up)[:, None] * up
    lateral = lateral - lateral[height < 1e-3 + 0.02 * np.ptp(height)].mean(0)
    reach = 0.5 * float(np.sqrt((lateral**2).sum(1).max()))
    fading = np.exp(-height / reach)
    normal = -2 * poisson / (1 - poisson) * reach * (1 - fading)
    return np.asarray(strain * (fading[:, None] * lateral + normal[:, None] * up))


def swelling(positions: Vector, radius: float, strain: float) -> Vector:
    """Compute the radial displacement `strain·R³/r²` around a bubble under pressure at the origin.

    Parameters
    ----------
    positions
        Atoms outside the bubble, float64 `(atoms, 3)`, Å.
    radius
        Radius R of the bubble, Å.
    strain
        Relative growth of the radius.

    Returns
    -------
    float64 `(atoms, 3)`, Å.
    """
    distance = np.linalg.norm(positions, axis=1, keepdims=True)
    return np.asarray(strain * positions * (radius / np.maximum(distance, radius)) ** 3)
