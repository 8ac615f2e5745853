"""Curves of resolution by what was made of the gap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sayre.figures.style import INK, as_chart

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sayre.crystal.resolution import ShellCurve

STYLES = {
    "no gap": ("no gap", "#000000", ":"),
    "zeros": ("gap as zeros", "#999999", "--"),
    "free": ("gap free", "#e69f00", "-"),
    "wiener": ("filled by wiener", "#009e73", "-"),
}
TITLES = ("FSC with the truth", "FSC of two halves of the photons", "PRTF")


class Curves(NamedTuple):
    """Fourier shell correlation with the truth, that of two halves, and the transfer function, of one way."""

    name: str
    shells: tuple[ShellCurve, ...]


def resolution_figure(curves: Sequence[Curves]) -> Figure:
    """Draw every curve of resolution against q, with its threshold.

    Parameters
    ----------
    curves
        Of the ways, in their order.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 2.9), layout="constrained", facecolor="white")
    panels = figure.subplots(1, len(TITLES), sharex=True)
    for number, (panel, title) in enumerate(zip(panels, TITLES, strict=True)):
        for one in curves:
            label, colour, line = STYLES[one.name]
            shell = one.shells[number]
            panel.plot(shell.q / np.pi, shell.value, line, color=colour, label=label, lw=1.4)
        shell = curves[0].shells[number]
        panel.plot(shell.q / np.pi, shell.threshold, color=INK, lw=0.7)
        level = float(np.nanmedian(shell.threshold))
        panel.annotate(
            f"threshold {level:.2f}",
            (0.02, level),
            xytext=(0, -2),
            textcoords="offset points",
            fontsize=7,
            color=INK,
            va="top",
        )
        panel.set_title(title, fontsize=9, loc="left", color=INK)
        panel.set_xlabel("q / (π / voxel)", fontsize=9)
        panel.set_ylim(0, 1.1)
        as_chart(panel)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    return figure
