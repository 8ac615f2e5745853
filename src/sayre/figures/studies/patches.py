"""Picture of the study of the published patch network: its accuracy against its training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from sayre.figures.style import INK, as_chart

if TYPE_CHECKING:
    from matplotlib.figure import Figure


TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


class Point(Protocol):
    """The accuracy after some training."""

    @property
    def patches(self) -> int: ...
    @property
    def pearson(self) -> float: ...


class Law(Protocol):
    """1 − r against the patches seen."""

    @property
    def factor(self) -> float: ...
    @property
    def exponent(self) -> float: ...


def accuracy_figure(
    curves: Mapping[int, Sequence[Point]],
    linear: Mapping[int, float],
    published: Mapping[int, float],
    laws: Mapping[int, Law | None],
    *,
    patches: int,
) -> Figure:
    """Draw 1 − r against the patches seen, a panel for each gap width.

    Parameters
    ----------
    curves
        Accuracies by width.
    linear, published
        Correlations of linear interpolation, and of the published network, by width.
    laws
        Power laws by width; None where there is none.
    patches
        That the published network saw.
    """
    from matplotlib.figure import Figure

    columns = min(len(curves), 2)
    rows = -(-len(curves) // columns)
    figure = Figure(figsize=(3.5 * columns + 0.2, 2.6 * rows + 0.6), layout="constrained", facecolor="white")
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for panel in panels.flat[len(curves) :]:
        panel.set_axis_off()
    for panel, (width, curve) in zip(panels.flat, curves.items(), strict=False):
        seen = [point.patches for point in curve]
        errors = [1 - point.pearson for point in curve]
        panel.loglog(seen, errors, "o-", color="#0072b2", ms=4, lw=1.4, label="trained here")
        law = laws[width]
        if law is not None:
            far = np.geomspace(seen[-1], patches, 20)
            panel.plot(
                far, law.factor * far**law.exponent, ":", color="#0072b2", label="power law, extrapolated"
            )
        panel.axhline(1 - linear[width], color="#999999", ls="--", lw=1.2, label="linear interpolation")
        panel.axhline(1 - published[width], color="#d55e00", ls="-", lw=1.0)
        panel.plot(patches, 1 - published[width], "*", color="#d55e00", ms=10, label="published")
        ticks = [t for t in TICKS if panel.get_ylim()[0] <= t <= panel.get_ylim()[1]]
        panel.set_yticks(ticks, labels=[f"{value:g}" for value in ticks])
        panel.minorticks_off()
        panel.set_title(f"gap of {width} voxels", fontsize=9, loc="left", color=INK)
        as_chart(panel)
    for panel in panels[-1]:
        panel.set_xlabel("patches seen", fontsize=9)
    for panel in panels[:, 0]:
        panel.set_ylabel("1 − correlation in the gap", fontsize=9)
    handles = dict(zip(*reversed(panels.flat[0].get_legend_handles_labels()), strict=True))
    for panel in panels.flat[1 : len(curves)]:
        handles |= dict(zip(*reversed(panel.get_legend_handles_labels()), strict=True))
    figure.legend(
        handles.values(), handles.keys(), loc="outside lower center", ncols=2, fontsize=8, frameon=False
    )
    return figure
