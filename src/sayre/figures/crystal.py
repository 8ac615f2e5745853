"""Pictures of a crystal: slices of amplitude, displacement and strain, and its surface."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sayre.data import Crystal
from sayre.errors import InputError
from sayre.figures.drawn import PIXELS, place_sheet
from sayre.figures.quantities import Quantity, axis_names, in_laboratory, quantities, unit_of
from sayre.figures.sheet import RIGHT, UNDER, Box, Plane, Sheet, arranged
from sayre.figures.style import EMPTY, INK
from sayre.figures.surface import body
from sayre.figures.views import draw_surface, extent_of, surface_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARGIN = 4
HEAD = 34.0
"""Pixels of a title."""
VIEWS = (0.0, 120.0, 240.0)
"""Degrees that the viewer of the surface goes around it."""


def crystal_figure(
    crystal: Crystal, *, title: str = "", azimuth: float = 35, elevation: float = 25
) -> Figure:
    """Three central slices of amplitude, displacement (or phase) and strain, and the surface.

    The surface is coloured by the strain, or where that is unknown by the displacement, or by the phase. All
    of it has one scale. Of a 2D crystal the plane itself is drawn.

    Parameters
    ----------
    crystal
        2D or 3D. Oblique axes are drawn as if they were at right angles.
    title
        Written above.
    azimuth, elevation
        Of the viewer of the surface, degrees.

    Raises
    ------
    InputError
        An empty support.
    """
    crystal = cut(require_support(crystal).numpy())
    rows = quantities(crystal)
    sheet = crystal_sheet(crystal, rows)
    found, top = arranged(sheet), HEAD if title else 8.0
    if crystal.object.ndim == 2:
        figure = empty_figure(found.width, found.height, title)
        place_sheet(figure, sheet, Box(0, top, found.width, found.height))
        return figure
    views = [surface_of(crystal, rows[-1], azimuth + turn, elevation) for turn in VIEWS[: len(rows)]]
    side = max(extent_of(view) for view in views)
    wide = side * found.scale
    heights: list[float] = []
    for _, box in found.planes[::3]:  # beside its slices, but below the one before and its arrows
        heights.append(max(box.y, heights[-1] + wide + UNDER) if heights else box.y)
    figure = empty_figure(found.width + wide + RIGHT, max(found.height, heights[-1] + wide + UNDER), title)
    place_sheet(figure, sheet, Box(0, top, found.width, found.height))
    for i, (view, height) in enumerate(zip(views, heights, strict=True)):
        panel = draw_surface(
            figure,
            view,
            rows[-1],
            Box(found.width, top + height, wide, wide),
            side,
            axis_names(crystal),
            barred=False,  # the last row of slices has the same colours
        )
        if i == 0:
            oblique = "" if crystal.orthogonal else " (oblique axes, drawn at right angles)"
            text = f"surface: {rows[-1].label}{oblique}"
            panel.set_title(text, fontsize=9, color=INK, loc="left")
    return figure


def empty_figure(width: float, height: float, title: str) -> Figure:
    """An empty figure with a title.

    Parameters
    ----------
    width, height
        Pixels; `HEAD` of them are added for the title.
    title
        Written above; empty for none.
    """
    from matplotlib.figure import Figure

    height += HEAD if title else 8.0
    figure = Figure(figsize=(width / PIXELS, height / PIXELS), facecolor="white")
    if title:
        figure.text(10 / width, 1 - 8 / height, title, fontsize=11, color=INK, va="top")
    return figure


def require_support(crystal: Crystal) -> Crystal:
    """The crystal.

    Raises
    ------
    InputError
        An empty support.
    """
    if not crystal.support.any():
        raise InputError("crystal: the picture needs a support that is not empty")
    return crystal


def crystal_sheet(
    crystal: Crystal, rows: Sequence[Quantity] | None = None, centre: Sequence[int] | None = None
) -> Sheet:
    """Central slices, a row for each quantity; coordinates are from the middle of the array.

    Parameters
    ----------
    crystal
        2D or 3D.
    rows
        From `quantities`, which is the default.
    centre
        Index of the slice across each axis; by default the middle of the support.
    """
    rows = quantities(crystal) if rows is None else rows
    if crystal.object.ndim == 2:
        planes = [_slice(crystal, quantity, None, 0) for quantity in rows]
        return Sheet(rows=[planes], bar=unit_of(crystal), ground=EMPTY)
    middle = middle_of(crystal) if centre is None else centre
    shown = [[_slice(crystal, quantity, axis, middle[axis]) for axis in range(3)] for quantity in rows]
    return Sheet(rows=shown, bar=unit_of(crystal), ground=EMPTY)


def middle_of(crystal: Crystal) -> list[int]:
    """Index of the middle of the support."""
    return [round(c) for c in ndimage.center_of_mass(crystal.support)]


def _slice(crystal: Crystal, quantity: Quantity, axis: int | None, index: int) -> Plane:
    """One plane in the colours of a quantity, with the outlines of the support and of the surface."""
    size = crystal.voxel_size or (1.0,) * crystal.object.ndim
    names, unit = axis_names(crystal), unit_of(crystal)
    down, across = (i for i in range(crystal.object.ndim) if i != axis)
    whole = body(crystal.amplitude, crystal.support)
    values, inside, within = (
        v if axis is None else np.take(v, index, axis) for v in (quantity.values, crystal.support, whole)
    )
    first = [-(n // 2) * s for n, s in zip(crystal.shape, size, strict=True)]
    what = quantity.label.partition(" (")[0]
    place = "" if axis is None else f", {names[axis]} = {first[axis] + index * size[axis]:.3g} {unit}"
    return Plane(
        values=values,
        colours=quantity.colours,
        title=what + place,
        down=f"{names[down]} ({unit})",
        across=f"{names[across]} ({unit})",
        start=(first[down], first[across]),
        step=(size[down], size[across]),
        top=not in_laboratory(crystal),
        outline=inside,
        inner=within if axis is not None else None,
    )


def cut(crystal: Crystal, around: NDArray[np.bool_] | None = None) -> Crystal:
    """The crystal in the box of its support, with a margin of nothing.

    Parameters
    ----------
    crystal
        2D or 3D.
    around
        bool, same shape: voxels whose box is taken instead.
    """
    inside = crystal.support if around is None else around
    box = ndimage.find_objects(inside.astype(np.int8))[0]
    empty = {"object": 0, "support": False, "displacement": np.nan, "strain": np.nan}
    arrays: dict[str, Any] = {
        name: np.pad(array[box], MARGIN, constant_values=value)
        for name, value in empty.items()
        if (array := getattr(crystal, name)) is not None
    }
    return replace(crystal, **arrays, counts_shape=None)
