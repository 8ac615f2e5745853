"""Pictures of the strain that a gap feigns, as Figures 4.18 to 4.22 of the thesis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sayre.figures.style import EMPTY, INK, UNSEEN, as_chart

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLES = {
    "empty": ("empty gap", "#000000", "x-"),
    "linear": ("linear", "#999999", "v--"),
    "wiener": ("wiener", "#009e73", "^--"),
    "unet": ("network", "#0072b2", "o-"),
    "stack": ("stack", "#cc79a7", "s-"),
    "crystal": ("crystal", "#d55e00", "D-"),
}
"""Label, colour (Okabe and Ito) and line of each method."""
ROWS = ("log₁₀(1 + counts)", "modulus", "error of the phase\nderivative (rad a voxel)")


class Map(NamedTuple):
    """Middle planes of an object by what filled its gap: log counts, modulus, error of the phase derivative.

    The first column is that of the whole pattern, the second that of the empty gap. Counts are NaN where none
    were given.
    """

    name: str
    width: int
    columns: Mapping[str, tuple[NDArray[Any], NDArray[Any], NDArray[Any]]]


def strain_figure(records: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw the error of the strain against the width of the gap, a panel for each object.

    Parameters
    ----------
    records
        Rows of the table of `sayre.studies.spatial.strain`.
    """
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(str(row["object"]) for row in records))
    figure = Figure(figsize=(3.5 * len(names) + 0.3, 3.4), layout="constrained", facecolor="white")
    panels = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
    for panel, name in zip(panels, names, strict=True):
        mine = [row for row in records if row["object"] == name]
        floor = next(row["phase_gradient_rmse"] for row in mine if row["method"] == "no gap")
        for method, (label, colour, line) in STYLES.items():
            rows = [row for row in mine if row["method"] == method]
            if rows:
                x, y = ([row[key] for row in rows] for key in ("gap_width", "phase_gradient_rmse"))
                panel.semilogy(x, y, line, color=colour, label=label, lw=1.4, ms=4)
        panel.axhline(floor, color=INK, ls=":", lw=1, label="no gap, noise alone")
        panel.set_title(name, fontsize=9, loc="left", color=INK)
        panel.set_xlabel("gap width (voxels)", fontsize=9)
        panel.set_xticks(sorted({row["gap_width"] for row in mine} - {0}))
        as_chart(panel)
    panels[0].set_ylabel("RMSE of the phase derivative (rad a voxel)", fontsize=8)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    return figure


def maps_figure(maps: Sequence[Map]) -> Figure:
    """Draw counts, modulus and error of the phase derivative of the middle planes, for each object.

    Parameters
    ----------
    maps
        One for each object.
    """
    from matplotlib.figure import Figure

    wide = max(len(one.columns) for one in maps)
    figure = Figure(figsize=(7.0, 20.0 / wide * len(maps)), layout="constrained", facecolor="white")
    panels = figure.subplots(3 * len(maps), wide, squeeze=False)
    for number, one in enumerate(maps):
        _show(figure, panels[3 * number : 3 * number + 3], one)
    return figure


def _show(figure: Figure, rows: NDArray[Any], one: Map) -> None:
    """Draw the maps of one object: counts whole, the object cut out."""
    truth, empty, *_ = one.columns.values()
    limit = float(np.nanmax(np.abs(empty[2])))
    styles = (
        ("magma", 0.0, float(truth[0].max())),
        ("gray", 0.0, float(truth[1].max())),
        ("PuOr", -limit, limit),
    )
    inside = np.nonzero(np.isfinite(truth[2]))
    cut = tuple(slice(max(int(at.min()) - 5, 0), int(at.max()) + 6) for at in inside)
    for row, (colours, low, high) in enumerate(styles):
        for column, (name, images) in enumerate(one.columns.items()):
            panel = rows[row][column]
            image = images[row] if row == 0 else images[row][cut]
            drawn = panel.imshow(
                image, cmap=colours, vmin=low, vmax=high, origin="lower", interpolation="nearest"
            )
            panel.set_facecolor(UNSEEN if row == 0 else EMPTY)
            panel.set_xticks([])
            panel.set_yticks([])
            if row == 0:
                panel.set_title(name, fontsize=9, loc="left", color=INK)
        label = f"{one.name}, gap of {one.width}\n{ROWS[0]}" if row == 0 else ROWS[row]
        rows[row][0].set_ylabel(label, fontsize=8)
        bar = figure.colorbar(drawn, ax=list(rows[row]), shrink=0.8, aspect=15)
        bar.ax.tick_params(labelsize=7)
