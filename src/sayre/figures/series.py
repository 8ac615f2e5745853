"""A series of scans: what changes from one to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sayre.figures.style import INK

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#2e8b8b", "#d1495b", "#edae49")
LABELLED = 30
"""So many scans at most carry their names."""

Curves = Mapping[str, Sequence[float | None]]


def series_figure(names: Sequence[str], panels: Mapping[str, Curves]) -> Figure:
    """Draw quantities against scan, a panel each; a scan whose value is not known leaves a gap.

    Parameters
    ----------
    names
        Of the scans, in order.
    panels
        Curves by the label of their axis; each curve has a name, "" for one that needs none, and a value a
        scan. A panel without a single value is left out.
    """
    from matplotlib.figure import Figure

    known = {label: curves for label, curves in panels.items() if any(_any(c) for c in curves.values())}
    figure = Figure(
        figsize=(max(6.0, min(0.45 * len(names) + 3, 14.0)), 0.8 + 2.1 * max(len(known), 1)),
        layout="constrained",
        facecolor="white",
    )
    axes: Any = figure.subplots(max(len(known), 1), 1, sharex=True, squeeze=False)[:, 0]
    for panel, (label, curves) in zip(axes, known.items(), strict=False):
        for colour, (name, values) in zip(COLOURS, curves.items(), strict=False):
            numbers = np.array([np.nan if value is None else value for value in values], float)
            panel.plot(np.arange(len(names)), numbers, "o-", color=colour, ms=4, lw=1.2, label=name or None)
        panel.set_ylabel(label, color=INK)
        panel.grid(alpha=0.3)
        panel.spines[["top", "right"]].set_visible(False)
        panel.ticklabel_format(axis="y", useOffset=False)
        if any(curves):
            panel.legend(frameon=False, fontsize=8, ncols=3)
    every = -(-len(names) // LABELLED)
    axes[-1].set_xticks(
        np.arange(len(names))[::every], list(names)[::every], rotation=45, ha="right", fontsize=8
    )
    axes[-1].set_xlim(-0.5, len(names) - 0.5)
    axes[-1].set_xlabel("scan", color=INK)
    return figure


def _any(values: Sequence[float | None]) -> bool:
    return any(value is not None for value in values)
