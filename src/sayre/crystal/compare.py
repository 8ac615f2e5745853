"""The geometry of a scan against what the file of its counts states."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sayre.crystal.geometry import Geometry
from sayre.data import Grid, Meta
from sayre.detectors import Detector, detector
from sayre.errors import InputError, warn

TOLERANCES = {"energy": 0.01, "distance": 0.02, "pixel size": 0.01, "step": 0.05}
"""Relative differences that rounding or a calibration explains."""


def compare(geometry: Geometry, meta: Meta, grid: Grid | None = None) -> None:
    """Warn of a geometry that contradicts the file: one of the two is wrong, and the geometry is used.

    Parameters
    ----------
    geometry
        As the user gave it.
    meta
        What the file states; what it does not state is not compared. Where it has no pixel size, that of the
        detector that it names is taken.
    grid
        Of the counts: steps in 1/Å are compared too, those in pixels are not.

    Warns
    -----
    SayreWarning
        With both numbers of everything that differs by more than `TOLERANCES`.
    """
    found = [*_lengths(geometry, meta), *_pixels(geometry, meta), *_steps(geometry, grid)]
    if found:
        warn(
            f"geometry: {meta.source or 'the pattern'} states otherwise: {'; '.join(found)}; "
            "the geometry is used, check which is right"
        )


def _lengths(geometry: Geometry, meta: Meta) -> Iterator[str]:
    for name, unit in (("energy", "eV"), ("distance", "m")):
        ours, stated = getattr(geometry, name), getattr(meta, name)
        if stated is not None and _differ(name, ours, stated):
            yield f"{name} {stated:.6g} {unit}, not {ours:.6g} {unit}"


def _pixels(geometry: Geometry, meta: Meta) -> Iterator[str]:
    """The file may state the size before or after binning; counts of a known detector may be binned."""
    known = None if meta.pixel_size is not None else _known(meta.detector)
    stated = meta.pixel_size if known is None else known.pixel_size
    if stated is None:
        return
    whose = "" if known is None else f" of {known.name}"
    for axis, ours, binning, size in zip(
        ("row", "column"), geometry.pixel_size, geometry.binning[1:], stated, strict=True
    ):
        sizes = (size, size / binning) if known is None else (size * max(round(ours / size), 1),)
        if all(_differ("pixel size", ours, other) for other in sizes):
            yield f"pixel size{whose} along the {axis}s {1e6 * size:.4g} µm, not {1e6 * ours:.4g} µm"


def _known(name: str | None) -> Detector | None:
    try:
        return None if name is None else detector(name)
    except InputError:
        return None


def _steps(geometry: Geometry, grid: Grid | None) -> Iterator[str]:
    if grid is None or grid.unit != "1/angstrom" or len(grid.step) != 3:
        return
    lengths = np.linalg.norm(geometry.steps(), axis=1)
    for axis, ours, stated in zip(("frame", "row", "column"), lengths, grid.step, strict=True):
        if _differ("step", float(ours), stated):
            yield f"a step of {stated:.4g} 1/Å from {axis} to {axis}, not {ours:.4g} 1/Å"


def _differ(name: str, ours: float, stated: float) -> bool:
    return abs(ours / stated - 1) > TOLERANCES[name]
