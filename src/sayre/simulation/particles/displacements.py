"""Displacement fields of isotropic elasticity, in Å at each atom."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sayre.simulation.particles.shapes import unit

Vector = NDArray[np.float64]


def dislocation(positions: Vector, line: Vector, burgers: Vector, *, poisson: float) -> Vector:
    """Volterra field of a straight dislocation through the origin, `(atoms, 3)` like `positions`.

    Right-handed about `line` the displacement grows by `burgers` (Å): the part along the line is the screw,
    the rest the edge. The cut on which it jumps back is the half of the glide plane from which the edge part
    came; where `burgers` is a lattice vector the crystal closes over it. No image of the free surface:
    relaxation puts that right.

    Source: Hirth and Lothe, Theory of Dislocations, 2nd ed. (1982), equations 3-2 and 3-45.
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
    """In-plane `strain` at the lowest atoms along the `substrate` normal, fading above them.

    The strain falls as exp(−h/λ), λ a quarter of the lateral extent, and contracts the normal by Poisson's
    ratio: the first guess of what relaxation on a substrate finds.
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
    """Radial field `strain·R³/r²` around a pressurised bubble at the origin whose radius grew by `strain`."""
    distance = np.linalg.norm(positions, axis=1, keepdims=True)
    return np.asarray(strain * positions * (radius / np.maximum(distance, radius)) ** 3)
