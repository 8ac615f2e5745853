"""What is told of one scan among many: a row of a table."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from sayre.data import Crystal
from sayre.workflows.outcome import RunOutcome, values_inside

DONE, BEFORE, FAILED = "done", "done before", "failed"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One scan; None is not known.

    Attributes
    ----------
    scan
        Name of its folder.
    source
        Counts, as they were named.
    status
        `done`, `done before` or `failed`.
    error
        Why it failed, in one line.
    warnings
        How many there were; the report of the scan repeats them.
    runs, averaged
        Starts that were made, and that were averaged.
    residual, free_likelihood, agreement, scatter
        As `sayre phase` states them.
    filled_by
        Method that filled the gaps.
    voxels
        Of the support.
    volume_nm3, size_nm
        Of the support; the size is the side of a cube of that volume, or of a square.
    strain_rms
        Root mean square of the strain inside the support.
    g_per_angstrom, spacing_angstrom
        Modulus of the scattering vector, and spacing of the lattice planes, as a geometry gives them.
    peak_frame, peak_row, peak_column
        Centroid of the squared counts, in voxels of the file.
    resolution, resolution_unit
        Of the PRTF.
    seconds
        Time that the run took.
    """

    scan: str
    source: str
    status: str = DONE
    error: str = ""
    warnings: int | None = None
    runs: int | None = None
    averaged: int | None = None
    residual: float | None = None
    free_likelihood: float | None = None
    agreement: float | None = None
    scatter: float | None = None
    filled_by: str | None = None
    voxels: int | None = None
    volume_nm3: float | None = None
    size_nm: float | None = None
    strain_rms: float | None = None
    g_per_angstrom: float | None = None
    spacing_angstrom: float | None = None
    peak_frame: float | None = None
    peak_row: float | None = None
    peak_column: float | None = None
    resolution: float | None = None
    resolution_unit: str | None = None
    seconds: float | None = None

    @property
    def failed(self) -> bool:
        return self.status == FAILED


COLUMNS = tuple(item.name for item in fields(Row))


def row_of(scan: str, source: str, outcome: RunOutcome) -> Row:
    """Return the row of a scan that is done.

    Parameters
    ----------
    scan
        Name of its folder.
    source
        Counts, as they were named.
    outcome
        Of its run.
    """
    numbers, crystal = outcome.numbers, outcome.result.crystal
    volume = _volume(crystal)
    strain = values_inside(crystal, "strain")
    measured = (
        None if outcome.result.scan.geometry is None else crystal.g
    )  # else that of the lattice constant
    known = {name: numbers[name] for name in ("runs", "residual", "free_likelihood", "agreement", "scatter")}
    return Row(
        scan=scan,
        source=source,
        warnings=len(outcome.warnings),
        averaged=len(numbers["selected"]),
        filled_by=numbers["filled_by"],
        voxels=int(crystal.support.sum()),
        volume_nm3=volume if crystal.object.ndim == 3 else None,
        size_nm=None if volume is None else volume ** (1 / crystal.object.ndim),
        strain_rms=None if strain is None else float(np.sqrt(np.mean(strain**2))),
        g_per_angstrom=measured,
        spacing_angstrom=None if measured is None else 2 * np.pi / measured,
        resolution=numbers["resolution"].get("PRTF"),
        resolution_unit=numbers["resolution_unit"],
        seconds=numbers["seconds"],
        **_peak(outcome),
        **known,
    )


def _volume(crystal: Crystal) -> float | None:
    """Volume, or area, of the support in powers of nm."""
    if crystal.voxel_size is None:
        return None
    size = np.array(crystal.voxel_size)
    frame = np.eye(len(size)) if crystal.axes is None else np.asarray(crystal.axes)
    cell = abs(float(np.linalg.det(frame))) if frame.shape == (len(size),) * 2 else 1.0
    return cell * float(size.prod()) * int(crystal.support.sum())


def _peak(outcome: RunOutcome) -> dict[str, Any]:
    """Where the peak is, in voxels of the file."""
    pattern = outcome.result.phased.pattern  # filled, so that a gap does not draw the centroid away
    weight = pattern.intensity.astype(np.float64) ** 2
    total = float(weight.sum())
    ndim = weight.ndim
    binning = pattern.meta.binning or (1,) * ndim
    origin = pattern.meta.origin or (0,) * ndim
    names = ("peak_frame", "peak_row", "peak_column")[-ndim:]
    places: dict[str, Any] = {}
    for axis, name in enumerate(names):
        others = tuple(other for other in range(ndim) if other != axis)
        along = weight.sum(axis=others)
        place = float(along @ np.arange(len(along))) / total
        places[name] = origin[axis] + (place + 0.5) * binning[axis] - 0.5
    return places


def plain_row(value: dict[str, Any]) -> Row:
    """Return the row that JSON holds; names of other versions are left out."""
    return Row(**{name: value[name] for name in COLUMNS if name in value})
