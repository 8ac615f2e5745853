"""Picture of the error of counts, and of what is predicted in their place, by intensity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from sayre.figures.style import INK, as_chart

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLES = {
    "counts": ("counts", "#000000", "x:"),
    "wiener": ("wiener", "#009e73", "^--"),
    "unet": ("network", "#0072b2", "o-"),
    "unet and count": ("network and the count", "#d55e00", "D-"),
}
"""Label, colour (Okabe and Ito) and line of each estimate."""


def denoising_figure(records: Sequence[Mapping[str, Any]], classes: Sequence[float]) -> Figure:
    """Draw the mean squared error of roots of counts in each class of intensity, a panel for each peak.

    Parameters
    ----------
    records
        Rows of the table of `sayre.studies.spatial.denoising`.
    classes
        Bounds of the classes of expected counts.
    """
    from matplotlib.figure import Figure

    peaks = list(dict.fromkeys(row["peak"] for row in records))
    figure = Figure(figsize=(3.0 * len(peaks) + 0.6, 3.6), layout="constrained", facecolor="white")
    panels = figure.subplots(1, len(peaks), sharey=True, squeeze=False)[0]
    labels = [f"{a:g} to {b:g}" for a, b in pairwise(classes[:-1])]
    labels.append(f"above {classes[-2]:g}")
    for panel, peak in zip(panels, peaks, strict=True):
        for estimate, (label, colour, line) in STYLES.items():
            rows = [row for row in records if (row["peak"], row["estimate"]) == (peak, estimate)]
            at = [classes.index(row["low"]) for row in rows]
            values = [row["root_error"] for row in rows]
            panel.semilogy(at, values, line, color=colour, label=label, lw=1.4, ms=4)
        panel.set_xticks(range(len(labels)), labels=labels, rotation=45, ha="right")
        panel.set_title(f"peak of {peak:,.0f} counts", fontsize=9, loc="left", color=INK)
        panel.set_xlabel("expected counts", fontsize=9)
        as_chart(panel)
    panels[0].set_ylabel("mean squared error of √counts", fontsize=9)
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=2 * len(peaks), fontsize=8, frameon=False)
    return figure
