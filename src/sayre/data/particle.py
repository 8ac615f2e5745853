"""A particle as a list of atoms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sayre.data.arrays import ArrayClass
from sayre.data.shown import Lines, sizes


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Particle(ArrayClass):
    """Atoms of one crystal.

    Attributes
    ----------
    positions
        float64 `(atoms, 3)` in Å, Cartesian x, y, z along the cubic axes, centred on the mean.
    species
        Element symbol.
    lattice_constant
        Cubic lattice constant in Å.
    made
        How it was made, as plain numbers and text: `shape`, `defects`, `relaxed`, …
    """

    positions: NDArray[np.float64]
    species: str
    lattice_constant: float
    made: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.positions.ndim != 2 or self.positions.shape[1] != 3 or len(self.positions) == 0:
            raise ValueError(f"positions: must be (atoms, 3), found {self.positions.shape}")

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def title(self) -> str:
        """The first line that it prints."""
        return f"Particle: {len(self)} atoms of {self.species}"

    def _lines(self) -> Lines:
        extent = np.ptp(np.asarray(self.numpy().positions), axis=0) / 10
        made = ", ".join(f"{name} {value}" for name, value in self.made.items())
        lines = [
            ("extent", f"{sizes(extent.tolist())} nm"),
            ("lattice constant", f"{self.lattice_constant:g} Å"),
        ]
        return [*lines, ("made", made)] if made else lines
