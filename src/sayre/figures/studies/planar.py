"""Pictures of networks that fill gaps of 2D patterns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sayre.figures.style import INK, as_chart

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.floating]

GAP = "#9fb3c8"
LONG = 18
"""Letters of a title from which on its score is below it."""
STYLES = {
    "unet": ("U-Net", "#0072b2", "o-"),
    "msd": ("MSD-Net", "#e69f00", "s-"),
    "modified": ("modified U-Net", "#d55e00", "D-"),
    "linear": ("linear", "#999999", "v--"),
    "wiener": ("wiener", "#009e73", "^--"),
    "expectation": ("noise ceiling", "#000000", "_:"),
    "band": ("band limit", "#000000", "+-."),
}
"""Label, colour (Okabe and Ito) and line of each method."""


class Curve(NamedTuple):
    """Values of a method against something, with their interval."""

    method: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None


def widths_figure(records: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw the correlation against the width of the gap, for vertical gaps and for crosses.

    Parameters
    ----------
    records
        Rows of the table of `sayre.studies.planar.networks`; where a network has several, the first is drawn.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.0, 3.3), layout="constrained", facecolor="white")
    panels = figure.subplots(1, 2, sharey=True)
    widths = sorted({int(row["gap_width"]) for row in records})
    for panel, kind in zip(panels, ("vertical", "cross"), strict=True):
        for number, method in enumerate(STYLES):
            rows = {int(row["gap_width"]): row for row in reversed(records) if _is(row, kind, method)}
            if not rows:
                continue
            x = [width + 0.12 * (number - 2.5) for width in sorted(rows)]
            values = [rows[width] for width in sorted(rows)]
            _draw(panel, _curve(method, x, values), bars=True)
        _finish(panel, "gap width (pixels)", f"{kind} gap")
        panel.set_xticks(widths)
    panels[0].set_ylabel("Pearson correlation in the gap", fontsize=9)
    _legend(figure, panels[0])
    return figure


def curves_figure(
    panels: Sequence[Sequence[Curve]], *, x: str, titles: Sequence[str], right: str | None = None
) -> Figure:
    """Draw correlations against a quantity, a panel for each set of curves.

    Parameters
    ----------
    panels
        Curves of each panel.
    x
        What they are drawn against, with its unit.
    titles
        Titles of the panels.
    right
        Label of the left axis; by default that of the correlation.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.5 * len(panels), 3.3), layout="constrained", facecolor="white")
    drawn = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for panel, curves, title in zip(drawn, panels, titles, strict=True):
        for curve in curves:
            _draw(panel, curve)
        _finish(panel, x, title)
    drawn[0].set_ylabel(right or "Pearson correlation in the gap", fontsize=9)
    _legend(figure, drawn[0])
    return figure


def examples_figure(
    images: Mapping[str, tuple[Floats, float | None]], mask: NDArray[np.bool_], *, half: int
) -> Figure:
    """Draw a pattern with its gap, and filled in several ways, around the gap.

    Parameters
    ----------
    images
        `log(1 + I)` by title, with the correlation in the gap where there is one.
    mask
        The gap.
    half
        Pixels shown on either side of the middle of the gap.
    """
    from matplotlib.figure import Figure

    columns = 3 if len(images) in (3, 5, 6) else 4
    rows = -(-len(images) // columns)
    figure = Figure(figsize=(7.0, 6.2 / columns * rows + 0.4), layout="constrained", facecolor="white")
    panels = figure.subplots(rows, columns, squeeze=False)
    box = _box(mask, half)
    extent = (box[1].start - 0.5, box[1].stop - 0.5, box[0].start - 0.5, box[0].stop - 0.5)
    top = max(float(np.nanmax(image[box])) for image, _ in images.values()) / np.log(10)
    for panel in panels.flat[len(images) :]:
        panel.set_axis_off()
    for panel, (title, (image, score)) in zip(panels.flat, images.items(), strict=False):
        panel.set_facecolor(GAP)
        drawn = panel.imshow(
            image[box] / np.log(10),
            cmap="magma",
            vmin=0,
            vmax=top,
            origin="lower",
            interpolation="nearest",
            extent=extent,
        )
        between = "\n" if len(title) > LONG else " "
        shown = title if score is None else f"{title}:{between}{score:.3f}"
        panel.set_title(shown, fontsize=9, loc="left", color=INK)
        panel.tick_params(labelsize=7)
        _edges(panel, mask, box)
    bar = figure.colorbar(drawn, ax=panels, shrink=0.6, aspect=30)
    bar.set_label("log₁₀(1 + counts)", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    for panel in panels[:, 0]:
        panel.set_ylabel("row (pixels)", fontsize=8)
    for panel in panels[-1]:
        panel.set_xlabel("column (pixels)", fontsize=8)
    return figure


def _is(row: Mapping[str, Any], kind: str, method: str) -> bool:
    return bool(row["gap"] == kind and row["method"] == method)


def _curve(method: str, x: Sequence[float], rows: Sequence[Mapping[str, Any]]) -> Curve:
    values = ([float(row[name]) for row in rows] for name in ("pearson", "pearson_low", "pearson_high"))
    return Curve(method, x, *values)


def _draw(panel: Axes, curve: Curve, *, bars: bool = False) -> None:
    """Draw a curve with its interval, as bars or as a band."""
    label, colour, line = STYLES[curve.method]
    many = len(curve.x) > 20
    style = line[1:] if many and len(line) > 1 and line[0] not in ":-" else line
    panel.plot(curve.x, curve.y, style, color=colour, label=label, lw=1.4, ms=4)
    if curve.low is None or curve.high is None:
        return
    if bars:
        panel.vlines(curve.x, curve.low, curve.high, color=colour, lw=1)
    else:
        panel.fill_between(curve.x, curve.low, curve.high, color=colour, alpha=0.15, lw=0)


def _finish(panel: Axes, x: str, title: str) -> None:
    panel.set_xlabel(x, fontsize=9)
    panel.set_title(title, fontsize=9, loc="left", color=INK)
    as_chart(panel)


def _legend(figure: Figure, panel: Axes) -> None:
    handles, labels = panel.get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=4 if len(labels) > 6 else len(labels),
        fontsize=8,
        frameon=False,
    )


def _box(mask: NDArray[np.bool_], half: int) -> tuple[slice, slice]:
    """Return a square around the crossing of a cross, or around a vertical gap's middle."""
    slices = []
    for axis, n in enumerate(mask.shape):
        whole = np.flatnonzero(mask.all(axis=1 - axis))
        centre = int(whole.mean()) if len(whole) else n // 2
        first = min(max(centre - half, 0), max(n - 2 * half, 0))
        slices.append(slice(first, min(first + 2 * half, n)))
    return slices[0], slices[1]


def _edges(panel: Axes, mask: NDArray[np.bool_], box: tuple[slice, slice]) -> None:
    """Draw where the gap begins and ends."""
    rows, columns = (np.arange(part.start, part.stop) for part in box)
    panel.contour(columns, rows, mask[box].astype(float), levels=[0.5], colors="#ffffff", linewidths=0.5)
