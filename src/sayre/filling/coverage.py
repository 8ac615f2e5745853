"""How often the stated error of a filling holds, in classes of expected counts, near the peak and away."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

CLASSES = (0.0, 0.5, 2.0, 5.0, 20.0, 100.0, float("inf"))
"""Bounds of the classes of filled counts."""
NEAR = 12.0
"""Voxels from the brightest voxel that are near the peak."""


@dataclass(frozen=True, kw_only=True)
class Covered:
    """One class of voxels: how many there are, and the fraction within 1 and 2 stated standard errors.

    `low` and `high` bound the counts that the filling expects; `near` is whether the voxels are at most
    `NEAR` voxels from the brightest one.
    """

    low: float
    high: float
    near: bool
    voxels: int
    covered_1: float
    covered_2: float


def covered_by_class(
    z: NDArray[np.floating], filled: NDArray[np.floating], distance: NDArray[np.floating]
) -> tuple[Covered, ...]:
    """Return the classes that have a voxel.

    Classes are of the counts that the filling expects, not of those that were found: a rare high count would
    choose its class and miss the expectation there.

    Parameters
    ----------
    z
        Standard scores, 1D.
    filled
        Expected counts, 1D.
    distance
        Voxels from the brightest voxel, 1D.
    """
    which, off = np.digitize(filled, CLASSES[1:-1]), np.abs(z)
    rows = []
    for near in (True, False):
        for index, (low, high) in enumerate(pairwise(CLASSES)):
            mine = off[(which == index) & ((distance <= NEAR) == near)]
            if mine.size:
                inside = float(np.mean(mine <= 1)), float(np.mean(mine <= 2))
                rows.append(
                    Covered(
                        low=low,
                        high=high,
                        near=near,
                        voxels=int(mine.size),
                        covered_1=inside[0],
                        covered_2=inside[1],
                    )
                )
    return tuple(rows)


def pooled(tables: Iterable[tuple[Covered, ...]]) -> tuple[Covered, ...]:
    """Return the classes of several fillings together, every voxel counted once.

    Parameters
    ----------
    tables
        As `covered_by_class` returns them.
    """
    groups: dict[tuple[bool, float, float], list[Covered]] = {}
    for table in tables:
        for row in table:
            groups.setdefault((row.near, row.low, row.high), []).append(row)
    rows = []
    for (near, low, high), group in sorted(groups.items(), key=lambda item: (not item[0][0], item[0][1])):
        voxels = sum(row.voxels for row in group)
        inside = [sum(getattr(row, f"covered_{k}") * row.voxels for row in group) / voxels for k in (1, 2)]
        rows.append(
            Covered(low=low, high=high, near=near, voxels=voxels, covered_1=inside[0], covered_2=inside[1])
        )
    return tuple(rows)
