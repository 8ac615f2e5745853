"""Pictures of the studies of phasing: the correlation of every crystal by class of strain and way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sayre.figures.style import INK, as_chart

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STYLES = {
    "predicted": ("predicted", "#999999"),
    "refined": ("refined by iterations", "#0072b2"),
    "published, predicted": ("published network", "#e69f00"),
    "published, refined": ("published, refined", "#000000"),
    "random": ("iterations from random starts", "#d55e00"),
    "iterated": ("iterations", "#0072b2"),
    "gradients": ("then gradients", "#d55e00"),
    "random, gradients": ("random starts, then gradients", "#e69f00"),
    "gradients alone": ("gradients alone", "#cc79a7"),
}
"""Label and colour (Okabe and Ito) of each way."""
LEVEL = 0.95


def classes_figure(records: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw the correlation of every crystal, and the share above 0.95, by class of strain and way.

    Parameters
    ----------
    records
        Rows of the table of crystals.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.0, 3.4), layout="constrained", facecolor="white")
    left, right = figure.subplots(1, 2, width_ratios=(1.6, 1.0))
    classes = list(dict.fromkeys(str(row["phase_range"]) for row in records))
    ways = list(dict.fromkeys(str(row["way"]) for row in records))
    scatter = np.random.default_rng(0)
    for number, way in enumerate(ways):
        label, colour = STYLES[way]
        offset = (number - (len(ways) - 1) / 2) * 0.8 / len(ways)
        above = []
        for place, strain in enumerate(classes):
            values = [
                float(row["correlation"])
                for row in records
                if (row["way"], row["phase_range"]) == (way, strain)
            ]
            x = place + offset + scatter.uniform(-0.25, 0.25, len(values)) / len(ways)
            left.plot(
                x, values, "o", color=colour, ms=3, alpha=0.5, mew=0, label=label if not place else None
            )
            left.plot(
                [place + offset - 0.3 / len(ways), place + offset + 0.3 / len(ways)],
                [float(np.median(values))] * 2,
                color=colour,
                lw=2,
            )
            above.append(100 * sum(value > LEVEL for value in values) / len(values))
        right.bar(np.arange(len(classes)) + offset, above, 0.8 / len(ways), color=colour)
    left.set_ylabel("correlation with the true object\n(bars: medians)", fontsize=9)
    left.set_ylim(0, 1.02)
    right.set_ylabel(f"crystals above {LEVEL} (%)", fontsize=9)
    right.set_ylim(0, 102)
    for panel in (left, right):
        _finish(panel, classes)
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    return figure


def _finish(panel: Axes, classes: Sequence[str]) -> None:
    panel.set_xticks(range(len(classes)), [name.replace("-", "–") for name in classes])
    panel.set_xlabel("range of the phase (π)", fontsize=9, color=INK)
    as_chart(panel, "y")
    panel.set_axisbelow(True)
