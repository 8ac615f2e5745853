"""Scores of fillings beside what noise and the band of the pattern allow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sayre.figures.studies.spatial import ALL_STYLES
from sayre.figures.style import INK, as_chart

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LIMITS = {"expectation": ":", "band": "-."}
SHOWN = {
    "pearson_counts": "correlation of log counts with the counts",
    "log_error": "mean squared error of log counts",
}


def scores_figure(records: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw correlation and log error of every method as bars, a row for each pattern, with limits as lines.

    Parameters
    ----------
    records
        Rows of the table of `sayre.studies.spatial.methods`.
    """
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(str(row["pattern"]) for row in records))
    most = max(sum(row["pattern"] == name for row in records) for name in names)
    height = len(names) * (0.22 * most + 0.6) + 0.4
    figure = Figure(figsize=(7.2, height), layout="constrained", facecolor="white")
    panels = figure.subplots(len(names), 2, sharey="row", sharex="col", squeeze=False)
    for row_of, name in zip(panels, names, strict=True):
        mine = [row for row in records if row["pattern"] == name]
        for panel, column in zip(row_of, SHOWN, strict=True):
            _bars(panel, mine, column)
        row_of[0].set_title(name, fontsize=9, loc="left", color=INK)
        floor = next(row["floor"] for row in mine if row["method"] not in LIMITS)
        if floor:
            row_of[1].axvline(floor, color="#000000", ls=":", lw=1.4)
    for panel, label in zip(panels[-1], SHOWN.values(), strict=True):
        panel.set_xlabel(label, fontsize=9)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    return figure


def _bars(panel: Axes, rows: Sequence[Mapping[str, Any]], column: str) -> None:
    bars = [row for row in rows if row["method"] not in LIMITS]
    labels, colours, _ = zip(*(ALL_STYLES[str(row["method"])] for row in bars), strict=True)
    panel.barh(range(len(bars)), [row[column] for row in bars], color=colours, height=0.7)
    panel.set_yticks(range(len(bars)), labels=labels)
    if not panel.yaxis_inverted():
        panel.invert_yaxis()
    for row in rows:
        if row["method"] in LIMITS:
            label, colour, _ = ALL_STYLES[str(row["method"])]
            line = LIMITS[str(row["method"])]
            panel.axvline(row[column], color=colour, ls=line, lw=1.4, label=label)
    if column == "pearson_counts":
        panel.set_xlim(min(0.5, min(row[column] for row in bars)), 1)
    as_chart(panel, "x")
    panel.set_axisbelow(True)
