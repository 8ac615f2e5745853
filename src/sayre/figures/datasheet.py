"""Histograms of a data set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sayre.figures.style import INK, PALE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BARS, _MOST_BARS = "#9dbbd8", 9
_COLUMNS = 4


def datasheet_figure(summary: dict[str, Any], *, title: str = "") -> Figure:
    """One panel for each kind and quantity of `sayre.simulation.dataset.datasheet.summary`.

    Kinds that are all alike are left out.

    Parameters
    ----------
    summary
        As `sayre.simulation.dataset.datasheet.summary` gives it.
    title
        Over the figure.
    """
    from matplotlib.figure import Figure

    kinds = {name: kinds for name, kinds in summary["kinds"].items() if len(kinds) > 1}
    quantities = {name: q for name, q in summary["quantities"].items() if len(q["counts"]) > 1}
    rows = max(-(-(len(kinds) + len(quantities)) // _COLUMNS), 1)
    figure = Figure(figsize=(3.4 * _COLUMNS, 2.5 * rows + 0.5), layout="constrained", facecolor="white")
    panels = figure.subplots(rows, _COLUMNS, squeeze=False).ravel().tolist()
    for name, counted in kinds.items():
        _draw_kinds(panels.pop(0), name, counted)
    for name, quantity in quantities.items():
        _draw_quantity(panels.pop(0), name, quantity)
    for empty in panels:
        empty.set_axis_off()
    counts = f"{summary['patterns']} patterns of {summary['particles']} particles"
    medians = "; dashed: medians" if quantities else ""
    figure.suptitle(f"{title}: {counts}{medians}" if title else counts + medians, color=INK)
    return figure


def _draw_kinds(panel: Axes, name: str, counted: dict[str, dict[str, int]]) -> None:
    ordered = sorted(counted.items(), key=lambda item: -item[1]["patterns"])
    shown = {kind: n["patterns"] for kind, n in ordered[:_MOST_BARS]}
    rest = sum(n["patterns"] for _, n in ordered[_MOST_BARS:])
    if rest:
        shown[f"{len(ordered) - _MOST_BARS} others"] = rest
    panel.barh(range(len(shown)), list(shown.values()), color=_BARS, height=0.8)
    for place, kind in enumerate(shown):
        panel.text(
            0.02, place, kind, transform=panel.get_yaxis_transform(), va="center", fontsize=8, color=INK
        )
    panel.set_yticks([])
    panel.set_ylim(max(len(shown), 4) - 0.4, -0.6)
    _finish(panel, name, "patterns")


def _draw_quantity(panel: Axes, name: str, quantity: dict[str, Any]) -> None:
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter

    panel.stairs(quantity["counts"], quantity["edges"], fill=True, color=_BARS)
    if quantity["logarithmic"]:
        panel.set_xscale("log")
        if quantity["maximum"] < min(100 * quantity["minimum"], 1e6):
            narrow = quantity["maximum"] < 5 * quantity["minimum"]
            panel.xaxis.set_major_locator(MaxNLocator(4) if narrow else LogLocator(subs=(1, 2, 5)))
            panel.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
            panel.xaxis.set_minor_formatter(NullFormatter())
    panel.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    panel.axvline(quantity["median"], color=INK, lw=1, ls="--")
    _finish(panel, name.replace("_", " "), quantity["unit"])


def _finish(panel: Axes, title: str, label: str) -> None:
    panel.set_title(title, fontsize=10, color=INK, loc="left")
    panel.set_xlabel(label, fontsize=8)
    panel.tick_params(labelsize=8)
    panel.set_facecolor(PALE)
    panel.spines[["top", "right"]].set_visible(False)
