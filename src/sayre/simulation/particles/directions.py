"""Directions in cubic lattices: those of a form, lattice translations, and what suits a dislocation."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
from numpy.typing import NDArray

from sayre.simulation.particles.lattice import Miller, Structure


def of_form(form: Miller) -> NDArray[np.float64]:
    """Return all directions of a form with integer components, `(directions, 3)`."""
    turned = {
        tuple(s * h for s, h in zip(signs, order, strict=True))
        for order in permutations(form)
        for signs in product((1, -1), repeat=3)
    }
    return np.array(sorted(turned), float)


def suits(kind: str, burgers: NDArray[np.float64], line: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which Burgers vectors make a dislocation of a kind along a line.

    Parameters
    ----------
    kind
        "screw", "edge" or "mixed".
    burgers
        Burgers vectors, float64 `(n, 3)`, of any length.
    line
        Direction of the line, float64 `(3,)`.

    Returns
    -------
    bool `(n,)`.
    """
    cosine = np.abs(burgers @ line) / (np.linalg.norm(burgers, axis=1) * np.linalg.norm(line))
    screw, edge = cosine > 1 - 1e-9, cosine < 1e-9
    return np.asarray({"screw": screw, "edge": edge, "mixed": ~screw & ~edge}[kind])


def is_translation(structure: Structure, vector: NDArray[np.float64]) -> bool:
    """Return whether a vector joins two sites of a lattice.

    Parameters
    ----------
    structure
        "fcc" or "bcc".
    vector
        Float64 `(3,)`, in lattice constants.
    """
    half = np.rint(2 * vector)
    if not np.allclose(2 * vector, half, atol=1e-9) or not half.any():
        return False
    return bool(half.sum() % 2 == 0) if structure == "fcc" else len(set(half % 2)) == 1


def across(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a vector at right angles to another."""
    return np.asarray(np.cross(vector, np.eye(3)[np.argmin(np.abs(vector))]))
