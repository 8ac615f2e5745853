"""How a pattern is sampled, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from sayre.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Sampling step of each axis, in 1/Å (with 2π) or, where the geometry is unknown, in pixels."""

    step: tuple[float, ...]
    unit: Literal["1/angstrom", "pixel"] = "pixel"

    def __post_init__(self) -> None:
        if not all(np.isfinite(s) and s > 0 for s in self.step):
            raise InputError(f"grid: steps must be positive numbers, found {self.step}")


@dataclass(frozen=True, kw_only=True)
class Meta:
    """Where a pattern comes from; `None` is unknown.

    Energy in eV, distance and pixel size (row, column) in m, `hkl` the reflection. `origin` is the first
    voxel of the array in that of the file, in voxels of the file, where a part of it was taken, and `binning`
    the voxels of the file that were summed to one along each axis.
    """

    energy: float | None = None
    distance: float | None = None
    pixel_size: tuple[float, float] | None = None
    hkl: tuple[int, int, int] | None = None
    detector: str | None = None
    source: str | None = None
    sha256: str | None = None
    origin: tuple[int, ...] | None = None
    binning: tuple[int, ...] | None = None
