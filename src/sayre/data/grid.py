"""How a pattern is sampled, and where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from sayre.data.plausible import require_plausible
from sayre.errors import InputError

Unit = Literal["1/angstrom", "pixel"]


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Sampling step of each axis, in 1/Å (with 2π) or, where the geometry is unknown, in pixels."""

    step: tuple[float, ...]
    unit: Unit = "pixel"

    def __post_init__(self) -> None:
        if not all(np.isfinite(s) and s > 0 for s in self.step):
            raise InputError(f"grid: steps must be positive numbers, found {self.step}")
        if self.unit not in get_args(Unit):
            raise InputError(f"grid: unit {self.unit!r} is not known; one of {', '.join(get_args(Unit))}")


@dataclass(frozen=True, kw_only=True)
class ScanRecord:
    """Which scan counts are from.

    Attributes
    ----------
    scan
        Its number, as `file::number` names it.
    dataset
        Where the frames are: path inside a file, or a folder.
    layout
        Name of the reader.
    files
        SHA-256 of every file that was read, by name.
    """

    scan: str
    dataset: str
    layout: str
    files: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Meta:
    """Where a pattern comes from; `None` is unknown.

    Energy in eV, distance and pixel size (row, column) in m, `hkl` the reflection. `origin` is the first
    voxel of the array in that of the file, in voxels of the file, where a part of it was taken, and `binning`
    the voxels of the file that were summed to one along each axis. `corrections` tells what was done to the
    counts of the file, and `divided_by` names the white field that they were divided by: they are no longer
    integers. `geometry` is the TOML text of what the file states of the geometry, and `scan` tells which scan
    the counts are from. `left` names, joined by commas, what `sayre.detectors.hygiene` found and left
    as it is; None: nobody looked.

    Raises
    ------
    InputError
        A value that is not plausible in its unit, a pixel size or a reflection of another length.
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
    corrections: str | None = None
    divided_by: str | None = None
    geometry: str | None = None
    scan: ScanRecord | None = None
    left: str | None = None

    def __post_init__(self) -> None:
        what = self.source or "meta"
        for name in ("energy", "distance"):
            if getattr(self, name) is not None:
                require_plausible(what, name, getattr(self, name))
        for name, length in (("pixel_size", 2), ("hkl", 3)):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, tuple) and len(value) == length):
                raise InputError(f"{what}: {name} must be a tuple of {length} numbers, not {value!r}")
        for size in self.pixel_size or ():
            require_plausible(what, "pixel size", size)
