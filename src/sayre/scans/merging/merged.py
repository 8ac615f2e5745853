"""What merging found: the counts, the error of each voxel, and how each scan was used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sayre.data import Pattern


@dataclass(frozen=True, kw_only=True)
class MergedScan:
    """How a scan was used.

    Attributes
    ----------
    name
        Of its file.
    used
        Whether it was merged.
    shift, shift_error
        By how many voxels the peak lies further than in the reference, and the standard errors; NaN where no
        place was found.
    moved
        By how many voxels its counts were moved.
    scale, scale_error
        Its counts over those of the reference, and the standard error.
    correlation, correlation_error
        With the reference, photon noise taken out, and the standard error that the noise leaves.
    misfit
        Chi square of a bright voxel: 1 where only noise differs.
    beyond
        Root mean square difference beyond noise, relative to the counts.
    """

    name: str
    used: bool
    shift: tuple[float, ...]
    shift_error: tuple[float, ...]
    moved: tuple[float, ...]
    scale: float
    scale_error: float
    correlation: float
    correlation_error: float
    misfit: float
    beyond: float

    @property
    def resampled(self) -> bool:
        """Whether its counts were moved by fractions of a voxel."""
        return any(m != round(m) for m in self.moved if np.isfinite(m))

    @property
    def in_words(self) -> str:
        """Name, scale, and how counts were moved."""
        if not any(self.shift):
            return self.name
        way = ", ".join(f"{m:.3f}".rstrip("0").rstrip(".") for m in self.moved)
        how = "resampled at" if self.resampled else "moved by"
        return f"{self.name} {how} {way} voxels, scale {self.scale:.4g}"

    @property
    def numbers(self) -> dict[str, Any]:
        """All of it by name, as JSON can hold it."""
        return {
            name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class Merged:
    """Several scans in one.

    Attributes
    ----------
    pattern
        Counts on the grid of the reference, brought to the exposure of all merged scans together: where all
        measured, the sum of their counts. Masked where none measured.
    sigma
        float32, standard error of the counts of each voxel; 0 where nothing was measured.
    exposure
        float32, part of the whole exposure that each voxel was measured for.
    scans
        How each scan was used, in their order.
    correlations
        Of every scan with every other, photon noise taken out; NaN where they have too little in common.
    reference
        Number of the scan on whose grid the counts are.
    """

    pattern: Pattern
    sigma: NDArray[np.float32]
    exposure: NDArray[np.float32]
    scans: tuple[MergedScan, ...]
    correlations: NDArray[np.float64]
    reference: int

    @property
    def table(self) -> str:
        """The correlations of every two scans, as lines of text."""
        wide = max(len(scan.name) for scan in self.scans)
        lines = [f"{'':{wide}}  " + " ".join(f"{n:>6}" for n in range(1, len(self.scans) + 1))]
        for scan, row in zip(self.scans, self.correlations, strict=True):
            lines.append(f"{scan.name:{wide}}  " + " ".join(f"{value:6.3f}" for value in row))
        return "\n".join(lines)
