"""The picture of the study of merged scans: what is wrong in the gap, against the exposure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sayre.figures.studies.spatial import ALL_STYLES
from sayre.figures.style import INK, as_chart

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MERGED_STYLES = {
    "linear": ALL_STYLES["linear"],
    "wiener": ALL_STYLES["wiener"],
    "merged": ("merged", "#0072b2", "o-"),
    "resampled": ("merged, half a voxel off", "#d55e00", "D-"),
    "rounded": ("the same, not resampled", "#e69f00", "x--"),
    "no gap": ("no gap", "#000000", "_:"),
}
"""Label, colour (Okabe and Ito) and line of each method."""


def exposures_figure(rows: Sequence[dict[str, Any]]) -> Figure:
    """Draw error and correlation of the counts in a gap against the exposure.

    Parameters
    ----------
    rows
        `max_counts`, `method`, `log_error` and `pearson_log`.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 3.4), layout="constrained", facecolor="white")
    panels = figure.subplots(1, 2, squeeze=False)[0]
    shown = {
        "log_error": "mean squared error of log(1 + counts)",
        "pearson_log": "correlation of log(1 + counts)",
    }
    for panel, (column, label) in zip(panels, shown.items(), strict=True):
        for method, (name, colour, line) in MERGED_STYLES.items():
            mine = [row for row in rows if row["method"] == method]
            x, y = ([row[key] for row in mine] for key in ("max_counts", column))
            panel.plot(x, y, line, color=colour, label=name, lw=1.4, ms=5)
        panel.set_xscale("log")
        panel.set_xlabel("counts in the brightest voxel", fontsize=9)
        panel.set_ylabel(label, fontsize=9, color=INK)
        as_chart(panel)
    panels[0].set_yscale("log")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    return figure
