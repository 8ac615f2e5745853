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
MARGIN = 0.08
"""Of an axis beside its curves, over their range."""

Curves = Mapping[str, Sequence[float | None]]


def series_figure(
    names: Sequence[str],
    panels: Mapping[str, Curves],
    *,
    hollow: Sequence[bool] = (),
    least: Mapping[str, float] | None = None,
) -> Figure:
    """Draw quantities against scan, a panel each; a scan whose value is not known leaves a gap.

    Parameters
    ----------
    names
        Of the scans, in order.
    panels
        Curves by the label of their axis; each curve has a name, "" for one that needs none, and a value a
        scan. A panel without a single value is left out.
    hollow
        Which scans are not to be trusted: their points are drawn hollow.
    least
        Least range of an axis by its label, so that what is not to be noticed is not drawn at full scale.
    """
    from matplotlib.figure import Figure

    known = {label: curves for label, curves in panels.items() if any(_any(c) for c in curves.values())}
    doubted = np.array(hollow or [False] * len(names))
    figure = Figure(
        figsize=(max(6.0, min(0.45 * len(names) + 3, 14.0)), 0.8 + 2.1 * max(len(known), 1)),
        layout="constrained",
        facecolor="white",
    )
    axes: Any = figure.subplots(max(len(known), 1), 1, sharex=True, squeeze=False)[:, 0]
    for panel, (label, curves) in zip(axes, known.items(), strict=False):
        for colour, (name, values) in zip(COLOURS, curves.items(), strict=False):
            numbers = np.array([np.nan if value is None else value for value in values], float)
            places = np.arange(len(names))
            panel.plot(places, numbers, "-", color=colour, lw=1.2)
            for kind, fill in ((~doubted, colour), (doubted, "white")):
                panel.plot(places[kind], numbers[kind], "o", color=colour, mfc=fill, ms=4.5)
            if name:
                panel.plot([], [], "o-", color=colour, ms=4.5, lw=1.2, label=name)
        _set_range(panel, curves, (least or {}).get(label, 0.0))
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
    axes[-1].set_xlabel("scan; hollow: not to be trusted" if doubted.any() else "scan", color=INK)
    return figure


def _set_range(panel: Any, curves: Curves, least: float) -> None:
    """Show all values, and no less than a range around their middle."""
    known = [value for values in curves.values() for value in values if value is not None]
    middle, span = (min(known) + max(known)) / 2, max(known) - min(known)
    half = max(least / 2, (0.5 + MARGIN) * span)
    if half > 0:
        panel.set_ylim(middle - half, middle + half)


def _any(values: Sequence[float | None]) -> bool:
    return any(value is not None for value in values)
