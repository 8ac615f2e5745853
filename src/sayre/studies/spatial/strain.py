"""Figures 4.18 to 4.22: the strain that a gap feigns, left empty and filled."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sayre.data import Grid, Pattern
from sayre.figures.studies.strain_3d import Map, maps_figure, strain_figure
from sayre.filling.fill import inpaint
from sayre.numerics.metrics import log_error
from sayre.numerics.progress import Advance
from sayre.studies.spatial.reference import Reference, cross_of, measured, simulated
from sayre.studies.study import StudyResult, StudySettings, Table

COLUMNS = (
    "object",
    "gap_width",
    "method",
    "phase_gradient_rmse",
    "strain_rmse",
    "empty_over",
    "log_error",
)
WIDTHS, METHODS, SIDE = (3, 6, 9, 12), ("linear", "wiener", "unet", "stack", "crystal"), 48
QUICK_WIDTHS, QUICK_METHODS, QUICK_SIDE = (3, 6), ("linear", "wiener"), 40


def make(settings: StudySettings, advance: Advance) -> StudyResult:
    """Hide a cross beside the peak of an object without strain, fill it, and see what strain it then has.

    Parameters
    ----------
    settings
        The quick form has fewer voxels, widths and methods.
    advance
        Called with the fraction done.
    """
    side = QUICK_SIDE if settings.quick else SIDE
    widths = QUICK_WIDTHS if settings.quick else WIDTHS
    methods = QUICK_METHODS if settings.quick else METHODS
    generator = np.random.default_rng(settings.seed)
    objects = [simulated(side, generator)]
    if settings.object is not None:
        objects.append(measured(settings.object, side, generator))
    rows: list[tuple[Any, ...]] = []
    maps: list[Map] = []
    runs, done = len(objects) * len(widths) * len(methods), 0
    for reference in objects:
        rows.append(_row(reference, 0, "no gap", reference.counts, None, None))
        for width in widths:
            mask = cross_of(side, width)
            empty = np.where(mask, np.float32(0), reference.counts)
            filled = {"empty": empty}
            pattern = Pattern(intensity=empty, mask=mask, grid=Grid(step=(1.0,) * 3))
            for method in methods:

                def part(fraction: float, note: str = "", before: int = done) -> None:
                    advance((before + fraction) / runs, note)

                found = inpaint(pattern, method=method, gain=1.0, device=settings.device, progress=part)
                filled[method] = found.intensity
                done += 1
            rows += [_row(reference, width, name, counts, mask, empty) for name, counts in filled.items()]
            if width == widths[len(widths) // 2]:
                shown = {"no gap": reference.counts, **filled}
                names = ("no gap", "empty", methods[0], methods[-1])
                maps.append(_map(reference, width, {name: shown[name] for name in names}))
    advance(1.0)
    table = Table(COLUMNS, rows)
    return StudyResult(
        tables={"": table},
        figures={"": strain_figure(table.records), "maps": maps_figure(maps)},
        summary=_summary(table, methods),
    )


def _rms(reference: Reference, counts: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.nanmean(reference.gradient(reference.object_of(counts)) ** 2)))


def _row(
    reference: Reference,
    width: int,
    name: str,
    counts: NDArray[np.float32],
    mask: NDArray[np.bool_] | None,
    empty: NDArray[np.float32] | None,
) -> tuple[Any, ...]:
    found = _rms(reference, counts)
    gain = None if empty is None else _rms(reference, empty) / found
    error = None if mask is None else log_error(counts[mask], reference.expected[mask])
    return reference.name, width, name, found, reference.strain_of(found), gain, error


def _map(reference: Reference, width: int, shown: dict[str, NDArray[np.float32]]) -> Map:
    """Counts, modulus and derivative of the phase of the middle planes."""
    middle = len(reference.support) // 2
    columns = {}
    for name, counts in shown.items():
        obj = reference.object_of(counts)
        columns[name] = (np.log10(1 + counts[middle]), np.abs(obj[middle]), reference.gradient(obj)[middle])
    return Map(reference.name, width, columns)


def _summary(table: Table, methods: tuple[str, ...]) -> str:
    """How far below the empty gap each method is at the least."""
    lines = []
    for name in dict.fromkeys(row["object"] for row in table.records):
        parts = []
        for method in methods:
            ratios = [r["empty_over"] for r in table.records if (r["object"], r["method"]) == (name, method)]
            parts.append(f"{method} {min(ratios):.1f} to {max(ratios):.1f}")
        lines.append(f"{name}: strain of the empty gap over that of {', '.join(parts)}")
    return "\n".join(lines)
