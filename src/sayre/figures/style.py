"""Which colours show what: one colour map a quantity, in pictures and in pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, PALE = "#1b2a41", "#f4f1ea"
"""Of text and lines, and of what lies behind them."""
COUNTS, SIGMA, AMPLITUDE = "magma", "viridis", "magma"
"""Sequential and perceptually uniform."""
SIGNED = "RdBu_r"
"""Diverging, its middle at zero: strain and residuals."""
SHIFTED = "PuOr_r"
"""Diverging: displacements and what differs from its mean."""
CYCLIC = "twilight_shifted"
"""Of phases from −π to π, which meet."""
UNSEEN, EMPTY, OUTLINE = "#9fb3c8", "#e9edf2", "#12b5a6"
"""Of voxels that were not measured, of those outside a crystal, and of the line around a gap or a support."""

GRID = "#e6e6e6"
"""Of the lines behind curves and bars."""


def as_chart(panel: Axes, grid: Literal["both", "x", "y"] = "both") -> None:
    """Give a panel of curves or bars small numbers, a pale grid, and no frame above and on the right.

    Parameters
    ----------
    panel
        What is drawn on.
    grid
        Axes whose ticks have lines.
    """
    panel.tick_params(labelsize=8)
    panel.grid(axis=grid, color=GRID, lw=0.6)
    panel.spines[["top", "right"]].set_visible(False)


class Ticks(NamedTuple):
    """Places on a colour scale, and what is written there."""

    places: list[float]
    texts: list[str]


CLOSE = 0.06
"""Of a colour scale, the distance to its end within which no other tick is written."""


def count_ticks(top: float) -> Ticks:
    """Ticks of a scale of `log10(1 + counts)` at 0, 1, 10, 100, … counts, and at its end.

    Parameters
    ----------
    top
        End of the scale.
    """
    decades = range(int(np.floor(top + 1e-6)) + 1)
    marks = {0.0: "0"} | {float(np.log10(1 + 10.0**n)): _round_count(10.0**n) for n in decades}
    kept = {place: text for place, text in marks.items() if place <= (1 - CLOSE) * top}
    kept[top] = _round_count(10.0**top - 1)
    return Ticks(list(kept), list(kept.values()))


def _round_count(count: float) -> str:
    """Three digits of it, with a power of ten from 10⁴ on."""
    if count < 9999.5:
        return f"{count:.0f}" if count >= 999.5 else f"{count:.3g}"
    factor, power = f"{count:.2e}".split("e")
    factor = factor.rstrip("0").rstrip(".")
    return f"{'' if factor == '1' else factor + '·'}10{superscript(int(power))}"


def superscript(number: int) -> str:
    """A whole number in raised digits."""
    return "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(digit)] if digit != "-" else "⁻" for digit in str(number))


def reach(values: Sequence[float] | np.ndarray, percentile: float = 99) -> float:
    """End of a colour scale about zero: a percentile of the absolute values that are known; 1 if none are.

    Parameters
    ----------
    values
        Any numbers, NaN where unknown.
    percentile
        Of the absolute values.
    """
    known = np.abs(np.asarray(values)[np.isfinite(values)])
    return (float(np.percentile(known, percentile)) if known.size else 1.0) or 1.0


def legend_below(figure: Figure, ncols: int) -> None:
    """Put one legend of the curves of all panels below them, each label once.

    Parameters
    ----------
    figure
        With its panels drawn, laid out by "constrained".
    ncols
        Entries in a line.
    """
    entries = {
        label: handle
        for panel in figure.axes
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True)
    }
    figure.legend(
        list(entries.values()),
        list(entries),
        loc="outside lower center",
        ncols=ncols,
        fontsize=8,
        frameon=False,
    )
