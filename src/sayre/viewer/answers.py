"""What the page is answered: functions from what it sends to what it shows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from sayre.errors import InputError
from sayre.figures.crystal import cut, require_support
from sayre.figures.interactive.chart import Chart
from sayre.figures.interactive.crystal import surface_chart
from sayre.figures.quantities import quantities
from sayre.numerics.gaps import describe_gaps
from sayre.viewer import charts
from sayre.viewer.regions.region import Region, option_of, region_of
from sayre.viewer.regions.shapes import shape_of
from sayre.viewer.regions.strokes import Stroke, mask_of, plane_of, stroke
from sayre.viewer.session import Session
from sayre.viewer.slices.opened import Shown
from sayre.viewer.slices.plane import QUANTITIES, agreement

Drawn = Sequence[Mapping[str, Any]]


class Picture(NamedTuple):
    """The chart of slices, what is to be said of it, and of the comparison."""

    chart: Chart
    remark: str
    compared: str


def picture(
    session: Session,
    *,
    axis: int,
    index: int,
    quantity: str,
    logarithmic: bool,
    strokes: list[Stroke],
    region: Region | None,
    shapes: Drawn,
    other: str | None,
) -> Picture:
    """Return the chart of a slice, beside that of another file where one is named.

    Parameters
    ----------
    session
        What the page works on.
    axis, index, quantity
        Which slice, and what of it.
    logarithmic
        Whether counts are shown by their logarithm.
    strokes, region, shapes
        What was drawn, chosen, and is being drawn.
    other
        File to compare with.
    """
    size, names = session.shown.size, session.shown.axes
    index = min(index, size[axis] - 1)
    plane = session.plane(quantity, axis, index)
    shown = [(f"{session.shown.name}, {names[axis]} {index}", plane)]
    compared, remark = "", plane.remark
    if other:
        try:
            second, place = session.beside(other, quantity, axis, index)
            shown.append((f"{other}, {names[axis]} {place}", second))
            compared = _compared(shown)
        except InputError as error:
            if type(error) is not InputError:
                raise
            compared = str(error)
    chart = charts.slices(
        shown,
        axis=axis,
        names=names,
        logarithmic=logarithmic,
        drawn=plane_of(strokes, size, axis, index) if strokes else None,
        region=region,
        shapes=shapes,
        view=f"{axis} {other}",
    )
    return Picture(chart, remark, compared)


def _compared(shown: Sequence[tuple[str, Any]]) -> str:
    first, second = (plane.values for _, plane in shown)
    if first.shape != second.shape:
        return f"slices of {first.shape} and {second.shape} pixels: no correlation"
    counts = QUANTITIES[shown[0][1].quantity].counts
    if counts:
        first, second = np.log1p(np.maximum(first, 0)), np.log1p(np.maximum(second, 0))
    correlation = agreement(first, second)
    of = "log(1 + counts)" if counts else QUANTITIES[shown[0][1].quantity].label
    return f"correlation of {of} in this slice: {correlation:.4f}"


def masked(
    session: Session, strokes: list[Stroke], shapes: Drawn, axis: int, index: int | None
) -> list[Stroke]:
    """Return the drawn mask with the shapes added.

    Parameters
    ----------
    session
        What the page works on.
    strokes
        The mask before.
    shapes
        As plotly describes them.
    axis, index
        Slice that they are drawn on; an index of None is every slice.
    """
    if not shapes:
        raise InputError("mask: draw a rectangle or an outline on the slice first")
    added = stroke(axis, index, [shape_of(shape) for shape in shapes], session.shown.size)
    return [*strokes, added]


def with_detector(
    session: Session, strokes: list[Stroke], name: str | None, corner: str | None
) -> list[Stroke]:
    """Return the drawn mask with the module gaps of a detector added.

    Parameters
    ----------
    session
        What the page works on.
    strokes
        The mask before.
    name
        Of the detector.
    corner
        First row and column of the frames on it, as `100,200`; empty where the frames are whole.
    """
    if not name:
        raise InputError("detector: choose one first")
    place: list[int] | None = None
    if corner and corner.strip():
        numbers = re.fullmatch(r"\s*(\d+)\s*[, ]\s*(\d+)\s*", corner)
        if numbers is None:
            raise InputError(f"corner: must be a row and a column as 100,200, found {corner}")
        place = [int(numbers[1]), int(numbers[2])]
    after = [*strokes, {"detector": name, "corner": place}]
    plane_of(after, session.shown.size, 0, 0)
    return after


def said_of(session: Session, strokes: list[Stroke]) -> str:
    """Return what the drawn mask holds, in words.

    Parameters
    ----------
    session
        What the page works on.
    strokes
        The mask.
    """
    if not strokes:
        return "nothing is drawn"
    mask = mask_of(strokes, session.shown.size)
    whose = "pixels of every frame" if mask.ndim == 2 else "voxels"
    return f"drawn: {int(mask.sum())} {whose}"


def chosen(session: Session, shapes: Drawn, axis: int, span: tuple[Any, Any]) -> Region:
    """Return the region that the last shape bounds.

    Parameters
    ----------
    session
        What the page works on.
    shapes
        As plotly describes them.
    axis
        Across the slice.
    span
        First and last slice.
    """
    if not all(isinstance(end, int) for end in span):
        raise InputError("region: give the first and the last slice")
    return region_of(shapes, axis, (span[0], span[1]), session.shown.size)


def option(session: Session, region: Region | None) -> str:
    """Return the option that selects a region; nothing where it is all.

    Parameters
    ----------
    session
        What the page works on.
    region
        The region.
    """
    return "" if region is None else option_of(region, session.shown.size, planar=session.shown.planar)


def filled(session: Session, region: Region | None, method: str, strokes: list[Stroke]) -> str:
    """Fill the region, and return what was done and what is to be said of it.

    Parameters
    ----------
    session
        What the page works on.
    region, method, strokes
        As `Session.fill` takes them.
    """
    done = session.fill(region, method, strokes)
    pattern = done.filled.pattern
    gaps = describe_gaps(pattern.gaps)
    first = f"{int(pattern.mask.sum())} voxels ({gaps}) filled by {done.filled.method}"
    return "\n".join([first, *done.told])


def surface(session: Session, quantity: str) -> Chart:
    """Return the surface of the object that is shown, to be turned.

    Parameters
    ----------
    session
        What the page works on.
    quantity
        What colours it.

    Raises
    ------
    InputError
        No object, an empty support, or an amplitude without a surface.
    """
    if not isinstance(session.shown, Shown) or session.shown.planar:
        raise InputError(f"{session.shown.name}: only objects of three dimensions have a surface")
    with session.lock:
        part = cut(require_support(session.shown.crystal).numpy())
        if quantity == "phase":
            part = replace(part, displacement=None, strain=None)
        elif quantity == "displacement":
            part = replace(part, strain=None)
        chart = surface_chart(part, quantities(part)[-1])
    if chart is None:
        raise InputError(f"{session.shown.name}: the amplitude has no surface")
    layout = {name: value for name, value in chart["layout"].items() if name not in ("width", "height")}
    return {"data": chart["data"], "layout": {**layout, "autosize": True, "uirevision": "surface"}}
