"""Sheets of planes as pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sayre.figures.sheet import Box, Colours, Plane, Sheet, arranged, lines, round_length
from sayre.figures.style import INK, UNSEEN, count_ticks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PIXELS = 100.0
_BESIDE_TICKS = 3.7
"""Where the label of a bar of counts begins, in widths of the bar: beside ticks as wide as 1000."""
"""Of a sheet to an inch."""


def drawn(sheet: Sheet, *, title: str = "") -> Figure:
    """Draw a sheet of planes, all of one scale.

    Parameters
    ----------
    sheet
        What is shown.
    title
        Written above, on the left.
    """
    from matplotlib.figure import Figure

    found = arranged(sheet)
    head = 26.0 if title else 0.0
    size = (found.width / PIXELS, (found.height + head) / PIXELS)
    figure = Figure(figsize=size, facecolor="white")
    place_sheet(figure, sheet, Box(0.0, head, found.width, found.height))
    if title:
        figure.text(8 / found.width, 1 - 8 / (found.height + head), title, fontsize=11, color=INK, va="top")
    return figure


def place_sheet(figure: Any, sheet: Sheet, where: Box) -> list[Any]:
    """Draw a sheet into a part of a figure; return the axes of its planes.

    Parameters
    ----------
    figure
        Of `PIXELS` pixels an inch.
    sheet
        What is shown.
    where
        Its place, pixels from the upper left corner.
    """
    wide, high = (PIXELS * float(side) for side in figure.get_size_inches())
    found = arranged(sheet)

    def part(box: Box) -> tuple[float, float, float, float]:
        x, y = where.x + box.x, where.y + box.y
        return x / wide, 1 - (y + box.height) / high, box.width / wide, box.height / high

    panels, shown = [], {}
    for plane, box in found.planes:
        panel = figure.add_axes(part(box))
        shown[plane.colours] = draw_plane(panel, plane, sheet.ground)
        panels.append(panel)
    for colours, box in found.bars:
        colour_bar(figure, figure.add_axes(part(box)), shown[colours], colours)
    if sheet.bar is not None and panels:
        _scale_bar(panels[0], found.planes[0][0], sheet.bar)
    return panels


def draw_plane(panel: Any, plane: Plane, ground: str = UNSEEN) -> Any:
    """Draw a plane with its axes; return its image.

    Parameters
    ----------
    panel
        Axes of matplotlib.
    plane
        What is shown.
    ground
        Colour of voxels of which nothing is known.
    """
    left, right, first, last = plane.ends
    extent = (left, right, last, first) if plane.top else (left, right, first, last)
    colours = plane.colours
    panel.set_facecolor(ground)
    image = panel.imshow(
        plane.values,
        cmap=colours.cmap,
        vmin=colours.low,
        vmax=colours.high,
        origin="upper" if plane.top else "lower",
        extent=extent,
        interpolation="nearest",
        aspect="auto",  # the box has the sides of the plane
    )
    for line in lines(plane):
        panel.plot(line.across, line.down, color=line.colour, lw=1.0, solid_capstyle="butt")
    panel.set_xlim(left, right)
    panel.set_ylim((last, first) if plane.top else (first, last))
    panel.set_title(plane.title, fontsize=9, color=INK, loc="left", pad=4)
    panel.set_ylabel(plane.down, fontsize=8, color=INK, labelpad=2)
    panel.set_xlabel(plane.across, fontsize=8, color=INK, labelpad=2)
    panel.locator_params(nbins=5)
    panel.tick_params(labelsize=7, length=3)
    return image


def colour_bar(figure: Any, panel: Any, image: Any, colours: Colours) -> None:
    """Draw a colour bar into axes of its own.

    Parameters
    ----------
    figure
        Of the axes.
    panel
        Axes that the bar fills.
    image
        What has the colours.
    colours
        Their quantity, and whether they are of counts.
    """
    bar = figure.colorbar(image, cax=panel)
    bar.set_label(colours.label, fontsize=8, color=INK)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=7, length=3)
    if colours.counts:
        ticks = count_ticks(colours.high)
        bar.set_ticks(ticks.places, labels=ticks.texts)
        # Beside the ticks in the middle: the highest is wider, and would push it into the next plane.
        bar.ax.yaxis.set_label_coords(_BESIDE_TICKS, 0.5)


def _scale_bar(panel: Any, plane: Plane, unit: str) -> None:
    """A bar of a round length in the lower left corner, on a dark ground."""
    left, right, first, last = plane.ends
    low, high = (last, first) if plane.top else (first, last)
    length = round_length(0.35 * (right - left))
    x, y = left + 0.06 * (right - left), low + 0.07 * (high - low)
    panel.plot([x, x + length], [y, y], color="white", lw=3, solid_capstyle="butt")
    text = f"{length:g} {unit}"
    panel.text(x, y + 0.03 * (high - low), text, color="white", fontsize=8)


def finish(panel: Any) -> None:
    """Small ticks, and no frame at the top and on the right."""
    panel.tick_params(labelsize=8)
    panel.spines[["top", "right"]].set_visible(False)


def logarithm(counts: Any) -> Any:
    """`log10(1 + counts)`; what is below zero counts as zero, NaN stays.

    Parameters
    ----------
    counts
        Counts, NaN where unknown.
    """
    return np.log10(1 + np.maximum(counts, 0))
