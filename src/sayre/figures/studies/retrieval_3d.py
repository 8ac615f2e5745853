"""Picture of the strain after phase retrieval, by what was made of the gap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sayre.figures.studies.strain_3d import STYLES
from sayre.figures.style import INK, as_chart

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLES = {"hard": "filled values as measured", "bounded": "bounded by the error of the filling"}


def retrieval_figure(records: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw the error of the strain against the width of the gap, an object a row, filled hard and bounded.

    Parameters
    ----------
    records
        Rows of the table of `sayre.studies.spatial.retrieval`.
    """
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(str(row["object"]) for row in records))
    figure = Figure(figsize=(7.2, 2.7 * len(names) + 0.7), layout="constrained", facecolor="white")
    panels = figure.subplots(len(names), 2, sharex=True, sharey="row", squeeze=False)
    for row_of, name in zip(panels, names, strict=True):
        mine = [row for row in records if row["object"] == name]
        for panel, gap in zip(row_of, TITLES, strict=True):
            _draw(panel, mine, gap)
            panel.set_title(f"{name}: {TITLES[gap]}", fontsize=9, loc="left", color=INK)
        row_of[0].set_ylabel("RMSE of the phase derivative\n(rad a voxel)", fontsize=8)
    for panel in panels[-1]:
        panel.set_xlabel("gap width (voxels)", fontsize=9)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    return figure


def _draw(panel: Axes, rows: Sequence[Mapping[str, Any]], gap: str) -> None:
    """Draw what phase retrieval makes of the empty gap, and of every filling taken in one way."""
    curves = [("zeros", "", ("gap as zeros", "#000000", "x-")), ("free", "", ("gap free", "#e69f00", "P-"))]
    curves += [(gap, method, style) for method, style in STYLES.items()]
    for kind, method, (label, colour, line) in curves:
        found = [row for row in rows if (row["gap"], row["method"]) == (kind, method)]
        if found:
            x, y, error = (
                [row[key] for row in found]
                for key in ("gap_width", "phase_gradient_rmse", "phase_gradient_error")
            )
            panel.errorbar(x, y, error, fmt=line, color=colour, label=label, lw=1.4, ms=4, elinewidth=0.8)
    floor = next(row["phase_gradient_rmse"] for row in rows if row["gap"] == "no gap")
    panel.axhline(floor, color=INK, ls=":", lw=1, label="no gap")
    panel.set_yscale("log")
    panel.set_xticks(sorted({row["gap_width"] for row in rows} - {0}))
    as_chart(panel)
