"""Pictures of a crystal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sayre.data import Crystal
from sayre.errors import InputError
from sayre.figures.filling import INK
from sayre.figures.surface import Surface, render

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARGIN = 4
FLAT = "#e9edf2"
PERCENTILE = 98
"""Of the absolute values that the colours reach to."""


class Quantity(NamedTuple):
    """What a row shows, and in which colours."""

    label: str
    values: NDArray[Any]
    cmap: str
    low: float
    high: float


def crystal_figure(
    crystal: Crystal, *, title: str = "", azimuth: float = 35, elevation: float = 25
) -> Figure:
    """Three central slices of amplitude, displacement (or phase) and strain, and the surface.

    The surface is coloured by the strain, or where that is unknown by the displacement, or by the phase. Of a
    2D crystal the plane itself is drawn.

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
    from matplotlib.figure import Figure

    if not crystal.support.any():
        raise InputError("crystal: the picture needs a support that is not empty")
    crystal = cut(crystal.numpy())
    rows = quantities(crystal)
    if crystal.object.ndim == 2:
        return _plane_figure(crystal, rows, title)
    names = axis_names(crystal)
    figure = Figure(figsize=(14.5, 2.75 * len(rows) + 0.5), layout="constrained", facecolor="white")
    left, right = np.ravel(np.asarray(figure.subfigures(1, 2, width_ratios=(1.45, 1))))
    centre = [round(c) for c in ndimage.center_of_mass(crystal.support)]
    draw_slices(left, crystal, rows, centre)
    draw_surface(right, crystal, rows[-1], names, azimuth, elevation)
    if title:
        figure.suptitle(title, fontsize=13, color=INK, x=0.01, ha="left")
    return figure


def draw_slices(
    figure: Any, crystal: Crystal, rows: Sequence[Quantity], centre: Sequence[int]
) -> NDArray[Any]:
    """Draw a slice across each axis for every quantity, all of one scale, and return their axes.

    Parameters
    ----------
    figure
        Figure, or part of one.
    crystal
        3D.
    rows
        The quantities, one a row.
    centre
        Index of the slice across each axis.
    """
    size, names = crystal.voxel_size or (1.0, 1.0, 1.0), axis_names(crystal)
    sides = [
        [n * s for i, (n, s) in enumerate(zip(crystal.shape, size, strict=True)) if i != a] for a in range(3)
    ]
    panels: NDArray[Any] = figure.subplots(
        len(rows), 3, squeeze=False, gridspec_kw={"width_ratios": [across for _, across in sides]}
    )
    tallest = max(down for down, _ in sides)
    for row, quantity in zip(panels, rows, strict=True):
        for axis, panel in enumerate(row):
            shown, inside = (np.take(v, centre[axis], axis) for v in (quantity.values, crystal.support))
            image = draw_slice(panel, quantity, shown, inside, [s for i, s in enumerate(size) if i != axis])
            middle = sides[axis][0] / 2
            panel.set_ylim(middle - tallest / 2, middle + tallest / 2)
        figure.colorbar(image, ax=row.tolist(), label=quantity.label, shrink=0.9, aspect=16, pad=0.02)
    for axis, panel in enumerate(panels[0]):
        panel.set_facecolor("black")
        down, across = (names[i] for i in range(3) if i != axis)
        panel.set_title(f"{down} ↑  {across} →", fontsize=10, color=INK)
    scale_bar(panels[0, 0], size, crystal)
    return panels


def _plane_figure(crystal: Crystal, rows: list[Quantity], title: str) -> Figure:
    """The plane of a 2D crystal, once for each quantity."""
    from matplotlib.figure import Figure

    size = crystal.voxel_size or (1.0, 1.0)
    figure = Figure(figsize=(4.2 * len(rows), 3.9), layout="constrained", facecolor="white")
    panels = figure.subplots(1, len(rows), squeeze=False)[0]
    for panel, quantity in zip(panels, rows, strict=True):
        image = draw_slice(panel, quantity, quantity.values, crystal.support, size)
        panel.set_title("row ↑  column →", fontsize=10, color=INK)
        figure.colorbar(image, ax=panel, label=quantity.label, shrink=0.9, aspect=16, pad=0.02)
    scale_bar(panels[0], size, crystal)
    if title:
        figure.suptitle(title, fontsize=13, color=INK)
    return figure


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
    amplitude, inside = crystal.amplitude, crystal.support
    top = float(np.percentile(amplitude[inside], 99.5))
    rows = [Quantity("amplitude", amplitude, "magma", 0, top)]
    phase = np.where(inside, crystal.phase, np.nan)
    if crystal.displacement is None:
        rows.append(_of_phase(phase))
    else:
        rows.append(_symmetric("displacement (Å)", crystal.displacement, "PuOr_r"))
    if crystal.strain is not None:
        rows.append(_symmetric("strain (%)", 100 * crystal.strain, "coolwarm"))
    return rows


def _of_phase(phase: NDArray[np.floating]) -> Quantity:
    """Colours from −π to π that meet there, or of the range of a phase that stays far from both."""
    narrow = _symmetric("phase (rad)", phase, "PuOr_r")
    if narrow.high < np.pi / 2:
        return narrow
    return Quantity("phase (rad)", phase, "twilight_shifted", -np.pi, np.pi)


def _symmetric(label: str, values: NDArray[np.floating], cmap: str) -> Quantity:
    known = np.abs(values[np.isfinite(values)])
    high = float(np.percentile(known, PERCENTILE)) if len(known) else 1.0
    high = high or 1.0
    return Quantity(label, values, cmap, -high, high)


def axis_names(crystal: Crystal) -> tuple[str, str, str]:
    """Names of the array axes: those of the laboratory or the sample, or of the scan."""
    if crystal.axes is not None and crystal.orthogonal:
        return "z", "y", "x"
    return "rocking", "row", "column"


def draw_slice(
    panel: Any,
    quantity: Quantity,
    plane: NDArray[Any],
    inside: NDArray[np.bool_],
    size: Sequence[float],
) -> Any:
    """Draw one plane in the colours of a quantity, with the outline of the support.

    Parameters
    ----------
    panel
        Axes to draw on.
    quantity
        Gives colours and their range.
    plane, inside
        Values and support, 2D.
    size
        Of its voxels.
    """
    extent = (0, plane.shape[1] * size[1], 0, plane.shape[0] * size[0])
    panel.set_facecolor(FLAT)
    image = panel.imshow(
        plane,
        cmap=quantity.cmap,
        vmin=quantity.low,
        vmax=quantity.high,
        origin="lower",
        extent=extent,
        interpolation="nearest",
    )
    if inside.any() and not inside.all():
        panel.contour(inside, levels=[0.5], colors=INK, linewidths=0.6, origin="lower", extent=extent)
    panel.set_xticks([])
    panel.set_yticks([])
    for spine in panel.spines.values():
        spine.set_visible(False)
    return image


def _round_length(length: float) -> float:
    """The largest of 1, 2, 5 times a power of ten below `length`."""
    power = 10.0 ** np.floor(np.log10(length))
    return float(max(m * power for m in (1, 2, 5) if m * power <= length))


def unit_of(crystal: Crystal) -> str:
    return "nm" if crystal.voxel_size else "voxels"


def scale_bar(panel: Any, size: tuple[float, ...], crystal: Crystal) -> None:
    """Draw a bar of a round length in the lower left corner.

    Parameters
    ----------
    panel
        Axes of a slice.
    size
        Of the voxels.
    crystal
        Tells the unit.
    """
    (left, right), (bottom, top) = panel.get_xlim(), panel.get_ylim()
    width, height = right - left, top - bottom
    length = _round_length(0.35 * width)
    x, y = left + 0.05 * width, bottom + 0.06 * height
    panel.plot([x, x + length], [y, y], color="white", lw=3, solid_capstyle="butt")
    unit = "nm" if crystal.voxel_size else "voxels"
    panel.text(x, y + 0.03 * height, f"{length:g} {unit}", color="white", ha="left", fontsize=9)


def draw_surface(
    figure: Any,
    crystal: Crystal,
    quantity: Quantity,
    names: tuple[str, str, str],
    azimuth: float,
    elevation: float,
) -> tuple[Any, Surface]:
    """Draw the lit surface in the colours of `quantity`; return its axes and what was rendered.

    Parameters
    ----------
    figure
        To draw on.
    crystal
        3D, with a margin around its support.
    quantity
        Read just below the surface.
    names
        Of the array axes.
    azimuth, elevation
        Of the viewer, degrees.
    """
    from matplotlib import colormaps

    size = crystal.voxel_size or (1.0, 1.0, 1.0)
    surface = render(
        crystal.amplitude,
        crystal.support,
        quantity.values,
        size,
        azimuth=azimuth,
        elevation=elevation,
    )
    drawn = np.isfinite(surface.values)
    shown = np.clip((np.nan_to_num(surface.values) - quantity.low) / (quantity.high - quantity.low), 0, 1)
    colours = colormaps[quantity.cmap](shown)
    colours[..., :3] *= np.clip(surface.light, 0, 1)[..., None]
    colours[..., 3] = drawn
    rows, columns = np.flatnonzero(drawn.any(1)), np.flatnonzero(drawn.any(0))
    panel = figure.subplots()
    panel.imshow(colours, origin="lower", interpolation="antialiased")
    if len(rows):
        border = 0.08 * max(np.ptp(rows), np.ptp(columns))
        panel.set_xlim(columns[0] - border, columns[-1] + border)
        panel.set_ylim(rows[0] - 2.2 * border, rows[-1] + border)
        _triad(panel, surface, names)
        _length_of_view(panel, surface, crystal)
    panel.axis("off")
    oblique = "" if crystal.orthogonal else " (oblique axes, drawn at right angles)"
    panel.set_title(f"surface, coloured by {quantity.label}{oblique}", fontsize=10, color=INK)
    return panel, surface


def _triad(panel: Any, surface: Surface, names: tuple[str, str, str]) -> None:
    """The array axes as arrows in the lower left corner."""
    (left, right), (bottom, _) = panel.get_xlim(), panel.get_ylim()
    long = 0.09 * (right - left)
    x, y = left + 1.4 * long, bottom + 1.2 * long
    for name, arrow in zip(names, surface.camera[:2].T, strict=True):
        tip = (x + long * arrow[0], y + long * arrow[1])
        panel.annotate("", tip, (x, y), arrowprops={"arrowstyle": "-|>", "color": INK, "lw": 1.2})
        label = (x + 1.25 * long * arrow[0], y + 1.35 * long * arrow[1])
        side = "left" if arrow[0] > 0.3 else "right" if arrow[0] < -0.3 else "center"
        panel.text(*label, name, color=INK, fontsize=9, ha=side, va="center")


def _length_of_view(panel: Any, surface: Surface, crystal: Crystal) -> None:
    (left, right), (bottom, top) = panel.get_xlim(), panel.get_ylim()
    length = _round_length(0.3 * (right - left) * surface.pixel)
    x, y = right - 0.05 * (right - left), bottom + 0.05 * (top - bottom)
    panel.plot([x - length / surface.pixel, x], [y, y], color=INK, lw=3, solid_capstyle="butt")
    middle, text = x - length / surface.pixel / 2, f"{length:g} {unit_of(crystal)}"
    panel.text(middle, y + 0.015 * (top - bottom), text, color=INK, ha="center", fontsize=9)
