"""Picture of the held-back error while a network is fine-tuned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sayre.figures.style import as_chart

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLES = (("#d55e00", "D-"), ("#0072b2", "o-"), ("#009e73", "^-"))
"""Colour (Okabe and Ito) and line of each pattern."""


def held_back_figure(curves: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> Figure:
    """Draw the held-back error over that before the training against the steps.

    Parameters
    ----------
    curves
        By pattern: steps and errors.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.6, 3.0), layout="constrained", facecolor="white")
    panel = figure.subplots()
    for (name, (steps, errors)), (colour, line) in zip(curves.items(), STYLES, strict=False):
        panel.plot(steps, [e / errors[0] for e in errors], line, color=colour, label=name, lw=1.4, ms=4)
    panel.set_xlabel("steps", fontsize=9)
    panel.set_ylabel("held-back error over that before", fontsize=9)
    as_chart(panel)
    panel.legend(fontsize=8, frameon=False)
    return figure
