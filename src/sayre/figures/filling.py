"""Pictures of a filled pattern."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sayre.data import FilledPattern
from sayre.errors import InputError
from sayre.figures.counts import Place, count_colours, numbering, plane_of
from sayre.figures.drawn import drawn, logarithm
from sayre.figures.profile import in_the_gap
from sayre.figures.sheet import Colours, Plane, Sheet
from sayre.figures.style import SIGMA
from sayre.files.atomic import check_place, replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ENDINGS = (".png", ".pdf", ".svg")
HALF = 40
"""Voxels shown on either side of the middle."""


def filling_figure(
    filled: FilledPattern, *, truth: NDArray[np.floating] | None = None, title: str = "", half: int = HALF
) -> Figure:
    """Planes through a gap: as measured, filled, the truth where it is known, and the stated error.

    Parameters
    ----------
    filled
        2D or 3D.
    truth
        Expected or measured counts without the gap, same shape.
    title
        Written above.
    half
        Voxels shown on either side of the brightest filled one.
    """
    return drawn(filling_sheet(filled, truth=truth, half=half), title=title)


def filling_sheet(
    filled: FilledPattern,
    *,
    truth: NDArray[np.floating] | None = None,
    half: int = HALF,
    place: Place | None = None,
) -> Sheet:
    """Planes through the brightest voxel that was filled, with the gap outlined, a row for each axis.

    Parameters
    ----------
    filled
        2D or 3D.
    truth
        Expected or measured counts without the gap, same shape.
    half
        Voxels shown on either side of the middle.
    place
        Index of the middle; by default the brightest filled voxel.
    """
    filled = filled.numpy()
    place = in_the_gap(filled) if place is None else place
    numbers = numbering(filled.meta, len(filled.shape))
    measured = np.where(filled.mask, np.nan, filled.pattern.intensity)
    counts: list[tuple[str, NDArray[Any]]] = [("measured", measured), ("filled", filled.intensity)]
    if truth is not None:
        counts.append(("truth", np.asarray(truth)))
    colours = count_colours(*(values for _, values in counts))
    shown = [(name, logarithm(values), colours) for name, values in counts]
    if np.isfinite(filled.sigma).all():
        errors = np.where(filled.mask, filled.sigma, np.nan)
        high = float(np.nanpercentile(errors, 99.5)) or 1.0
        label = "σ of log(1 + counts)"
        shown.append(("stated error", errors, Colours(label=label, cmap=SIGMA, low=0.0, high=high)))

    def row(across: int) -> list[Plane]:
        return [
            plane_of(values, place, across, numbers, scale, name, region=filled.mask, half=half)
            for name, values, scale in shown
        ]

    return Sheet(rows=[row(axis) for axis in (range(3) if len(filled.shape) == 3 else (0,))])


def figure_path_check(path: Path, *, force: bool) -> Path:
    """Check, before any work, that `save_figure` will be able to write at `path`.

    Parameters
    ----------
    path
        Where the picture is to be written.
    force
        Whether a file that is there may be replaced.

    Raises
    ------
    InputError
        Unknown ending, a missing or read-only folder, an existing file without `force`.
    """
    if path.suffix.lower() not in ENDINGS:
        raise InputError(f"{path}: no ending of a picture; {', '.join(ENDINGS)} would do")
    check_place(path, force=force)
    return path


def save_figure(figure: Figure, path: Path) -> None:
    """Write a picture, whole or not at all; the ending says how.

    Parameters
    ----------
    figure
        A matplotlib figure.
    path
        Its ending chooses the format.

    Raises
    ------
    InputError
        The folder is missing or read-only, or the disk is full.
    """
    with replacing(path, force=True) as file:
        figure.savefig(file, dpi=130, format=path.suffix.lstrip(".").lower())
