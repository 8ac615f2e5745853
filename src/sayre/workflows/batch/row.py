"""What is told of one scan among many: a row of a table."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from sayre.figures.surface import body
from sayre.workflows.outcome import RunOutcome
from sayre.workflows.report.facts import across, strain_rms, volume
from sayre.workflows.report.verdict import WORDS, checks, verdict

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
    verdict
        Of the report of the scan, in its words.
    warnings
        How many there were; the report of the scan repeats them.
    runs, averaged
        Starts that were made, and that were averaged.
    residual, free_likelihood, agreement, scatter
        As `sayre phase` states them.
    filled_by
        Method that filled the gaps.
    voxels
        Within the surface, as all that follows of the crystal and as its report tells it.
    volume_nm3, size_nm
        The size is the diameter of a sphere of that volume, or of a disc of that area.
    strain_rms
        Root mean square of the strain.
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
    verdict: str | None = None
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

    @property
    def doubted(self) -> bool:
        """Whether its report says not to trust it."""
        return self.verdict == WORDS["bad"]


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
    measured = (
        None if outcome.result.scan.geometry is None else crystal.g
    )  # else that of the lattice constant
    known = {name: numbers[name] for name in ("runs", "residual", "free_likelihood", "agreement", "scatter")}
    return Row(
        scan=scan,
        source=source,
        verdict=verdict(checks(outcome)).name,
        warnings=len(outcome.warnings),
        averaged=len(numbers["selected"]),
        filled_by=numbers["filled_by"],
        voxels=int(body(crystal.amplitude, crystal.support).sum()),
        volume_nm3=None if crystal.voxel_size is None or crystal.object.ndim != 3 else volume(crystal),
        size_nm=across(crystal),
        strain_rms=strain_rms(crystal),
        g_per_angstrom=measured,
        spacing_angstrom=None if measured is None else 2 * np.pi / measured,
        resolution=numbers["resolution"].get("PRTF"),
        resolution_unit=numbers["resolution_unit"],
        seconds=numbers["seconds"],
        **_peak(outcome),
        **known,
    )


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
    """Return the row that JSON holds; names of other versions are left out.

    A row without a verdict is of a version that took size and strain of the whole support, another
    definition: they are left out too.
    """
    others = () if "verdict" in value else ("voxels", "volume_nm3", "size_nm", "strain_rms")
    return Row(**{name: value[name] for name in COLUMNS if name in value and name not in others})
