"""Pictures of a crystal: slices of amplitude, displacement and strain, and its surface."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sayre.data import Crystal
from sayre.errors import InputError
from sayre.figures.drawn import PIXELS, colour_bar, place_sheet
from sayre.figures.sheet import RIGHT, UNDER, Box, Colours, Plane, Sheet, arranged
from sayre.figures.style import AMPLITUDE, CYCLIC, EMPTY, INK, SHIFTED, SIGNED, reach
from sayre.figures.surface import Surface, body, render

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARGIN = 4
PERCENTILE = 98
"""Of the absolute values that the colours reach to."""
HEAD = 34.0
"""Pixels of a title."""
PIXELS_OF_SURFACE = 380
VIEWS = (0.0, 120.0, 240.0)
"""Degrees that the viewer of the surface goes around it."""


class Quantity(NamedTuple):
    """What a row shows, and in which colours."""

    values: NDArray[Any]
    colours: Colours

    @property
    def label(self) -> str:
        return self.colours.label


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
    figure = empty_figure(found.width + wide + RIGHT, max(found.height, (wide + UNDER) * len(rows)), title)
    place_sheet(figure, sheet, Box(0, top, found.width, found.height))
    for i, (view, (_, box)) in enumerate(zip(views, found.planes[::3], strict=True)):
        panel = draw_surface(
            figure, view, rows[-1], Box(found.width, top + box.y, wide, wide), side, axis_names(crystal)
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


def cut(crystal: Crystal) -> Crystal:
    """The crystal in the box of its support, with a margin of nothing."""
    box = ndimage.find_objects(crystal.support.astype(np.int8))[0]
    empty = {"object": 0, "support": False, "displacement": np.nan, "strain": np.nan}
    arrays: dict[str, Any] = {
        name: np.pad(array[box], MARGIN, constant_values=value)
        for name, value in empty.items()
        if (array := getattr(crystal, name)) is not None
    }
    return replace(crystal, **arrays, counts_shape=None)


def quantities(crystal: Crystal) -> list[Quantity]:
    """Amplitude, displacement or phase, and strain, as far as they are known."""
    amplitude, inside = crystal.amplitude, crystal.support
    inner = body(amplitude, inside)
    top = float(np.percentile(amplitude[inside], 99.5))
    rows = [Quantity(amplitude, Colours(label="amplitude", cmap=AMPLITUDE, low=0.0, high=top or 1.0))]
    if crystal.displacement is None:
        rows.append(_of_phase(np.where(inside, crystal.phase, np.nan), inner))
    else:
        rows.append(_symmetric("displacement (Å)", crystal.displacement, inner, SHIFTED))
    if crystal.strain is not None:
        rows.append(_symmetric("strain (%)", 100 * crystal.strain, inner, SIGNED))
    return rows


def _of_phase(phase: NDArray[np.floating], inner: NDArray[np.bool_]) -> Quantity:
    """Colours from −π to π that meet there, or of the range of a phase that stays far from both."""
    narrow = _symmetric("phase (rad)", phase, inner, SHIFTED)
    if narrow.colours.high < np.pi / 2:
        return narrow
    return Quantity(phase, Colours(label="phase (rad)", cmap=CYCLIC, low=-np.pi, high=np.pi))


def _symmetric(label: str, values: NDArray[np.floating], inner: NDArray[np.bool_], cmap: str) -> Quantity:
    """Colours about zero, to what most voxels within the surface have."""
    high = reach(values[inner], PERCENTILE)
    return Quantity(values, Colours(label=label, cmap=cmap, low=-high, high=high))


def in_laboratory(crystal: Crystal) -> bool:
    """Whether the array axes are those of the laboratory or of the sample, z, y and x, whose y points up."""
    return crystal.object.ndim == 3 and crystal.axes is not None and crystal.orthogonal


def axis_names(crystal: Crystal) -> tuple[str, ...]:
    """Names of the array axes: those of the laboratory or the sample, or of the scan."""
    if in_laboratory(crystal):
        return "z", "y", "x"
    return ("rocking", "row", "column")[-crystal.object.ndim :]


def unit_of(crystal: Crystal) -> str:
    """Unit of lengths."""
    return "nm" if crystal.voxel_size else "voxels"


def surface_of(crystal: Crystal, quantity: Quantity, azimuth: float, elevation: float) -> Surface:
    """Render the surface; the field is read just below it.

    Parameters
    ----------
    crystal
        3D, with a margin around its support.
    quantity
        What colours it.
    azimuth, elevation
        Of the viewer, degrees.
    """
    size = crystal.voxel_size or (1.0, 1.0, 1.0)
    seen = render(
        crystal.amplitude,
        crystal.support,
        quantity.values,
        size,
        azimuth=azimuth,
        elevation=elevation,
        pixels=PIXELS_OF_SURFACE,
    )
    return seen if in_laboratory(crystal) else seen.upside_down()  # rows go down, as in the slices


def extent_of(surface: Surface) -> float:
    """The longer side of what is drawn of a surface, in the unit of the voxels, with a border."""
    drawn = np.isfinite(surface.values)
    sides = [np.ptp(np.flatnonzero(drawn.any(axis))) + 1 if drawn.any() else 1 for axis in (0, 1)]
    return 1.16 * float(max(sides)) * surface.pixel


def draw_surface(
    figure: Any, surface: Surface, quantity: Quantity, where: Box, side: float, names: Sequence[str]
) -> Any:
    """Draw a lit surface with a colour bar and the directions of the axes; return its axes.

    Parameters
    ----------
    figure
        To draw on, of `sayre.figures.drawn.PIXELS` pixels an inch.
    surface
        From `surface_of`.
    quantity
        That colours it.
    where
        Its place, pixels from the upper left corner.
    side
        Of what is seen, in the unit of the voxels.
    names
        Of the array axes.
    """
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    wide, high = (PIXELS * float(length) for length in figure.get_size_inches())
    low = 1 - (where.y + where.height) / high
    panel = figure.add_axes((where.x / wide, low, where.width / wide, where.height / high))
    colours = quantity.colours
    norm, drawn = Normalize(colours.low, colours.high), np.isfinite(surface.values)
    shown = colormaps[colours.cmap](np.clip(norm(np.nan_to_num(surface.values)), 0, 1))
    shown[..., :3] *= np.clip(surface.light, 0, 1)[..., None]
    shown[..., 3] = drawn
    half = surface.values.shape[0] * surface.pixel / 2
    panel.imshow(shown, origin="lower", interpolation="antialiased", extent=(-half, half, -half, half))
    rows, columns = np.nonzero(drawn) if drawn.any() else (np.array([0]), np.array([0]))
    x, y = ((np.min(i) + np.max(i) + 1) / 2 * surface.pixel - half for i in (columns, rows))
    panel.set_xlim(x - side / 2, x + side / 2)
    panel.set_ylim(y - side / 2, y + side / 2)
    panel.axis("off")
    bar = figure.add_axes(((where.x + where.width + 12) / wide, low, 14 / wide, where.height / high))
    colour_bar(figure, bar, ScalarMappable(norm, colours.cmap), colours)
    _triad(figure, surface, names, (where.x + 40) / wide, low - 34 / high)
    return panel


def _triad(figure: Any, surface: Surface, names: Sequence[str], x: float, y: float) -> None:
    """The array axes as arrows, around a place in fractions of the figure."""
    wide, high = (PIXELS * float(length) for length in figure.get_size_inches())
    panel = figure.add_axes((x - 45 / wide, y - 45 / high, 90 / wide, 90 / high))
    panel.set_xlim(-1.6, 1.6)
    panel.set_ylim(-1.6, 1.6)
    panel.axis("off")
    for name, arrow in zip(names, surface.camera[:2].T, strict=True):
        panel.annotate("", arrow, (0, 0), arrowprops={"arrowstyle": "-|>", "color": INK, "lw": 1.1})
        panel.text(*(1.4 * arrow), name, color=INK, fontsize=7, ha="center", va="center")
