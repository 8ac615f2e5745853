"""Pictures of the 3D studies: slices of patterns and objects, and curves of several methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sayre.figures.studies.planar import GAP
from sayre.figures.studies.strain_3d import STYLES
from sayre.figures.style import INK, as_chart, legend_below

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ALL_STYLES = {
    **STYLES,
    "nearest": ("nearest", "#8c564b", "<--"),
    "cubic": ("cubic", "#bcbd22", ">--"),
    "biharmonic": ("biharmonic", "#56b4e9", "p--"),
    "auto": ("auto", "#cc79a7", "s-"),
    "expectation": ("noise ceiling", "#000000", "_:"),
    "band": ("band limit", "#000000", "+-."),
    "published": ("thesis", "#d62728", "*-"),
    "patch": ("published, as trained here", "#7f3c8d", "P-"),
}
"""Label, colour and line of each method."""
TICKS = tuple(
    [factor * 10.0**power for power in range(-4, 5) for factor in factors]
    for factors in (
        (1,),
        (1, 2, 5),
        (1, 1.5, 2, 3, 5, 7),
        (*(1 + n / 10 for n in range(10)), *(2 + n / 2 for n in range(16))),
    )
)
"""Where a logarithmic axis may be labelled, from wide to narrow ranges."""
ENOUGH, CLOSE = 3, 0.1
"""Labels that a logarithmic axis has at least, and the share of it that is at least between two."""


class Column(NamedTuple):
    """A pattern and the object found in it: counts, NaN where none were given."""

    title: str
    counts: NDArray[np.floating]
    expected: NDArray[np.floating]
    object: NDArray[np.complexfloating]
    support: NDArray[np.bool_]


def slices_figure(columns: Sequence[Column]) -> Figure:
    """Draw middle planes of counts and calculated counts, and modulus and phase where the object is widest.

    Parameters
    ----------
    columns
        The ways, in their order.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 7.0), layout="constrained", facecolor="white")
    panels = figure.subplots(4, len(columns), squeeze=False)
    inside = np.any([column.support for column in columns], axis=0)
    plane = int(inside.sum(axis=(1, 2)).argmax())
    cut = tuple(slice(max(int(x.min()) - 6, 0), int(x.max()) + 7) for x in np.nonzero(inside))[1:]
    top = max(float(np.nanmax(column.counts)) for column in columns)
    modulus = max(float(np.abs(column.object[plane]).max()) for column in columns)
    turn = max(float(np.abs(_phase(column)).max()) for column in columns)
    rows: list[tuple[str, str, float, float]] = [
        ("counts given", "magma", 0.0, float(np.log10(1 + top))),
        ("counts calculated", "magma", 0.0, float(np.log10(1 + top))),
        ("modulus", "gray", 0.0, modulus),
        ("phase (rad)", "RdBu", -turn, turn),
    ]
    for number, (label, colours, low, high) in enumerate(rows):
        for panel, column in zip(panels[number], columns, strict=True):
            panel.set_facecolor(GAP)
            panel.set_xticks([])
            panel.set_yticks([])
            drawn = panel.imshow(
                _image(column, number, plane, cut),
                cmap=colours,
                vmin=low,
                vmax=high,
                origin="lower",
                interpolation="nearest",
            )
            if number == 0:
                panel.set_title(column.title, fontsize=9, loc="left", color=INK)
        panels[number][0].set_ylabel(label, fontsize=9)
        bar = figure.colorbar(drawn, ax=list(panels[number]), shrink=0.85, aspect=14)
        bar.set_label("log₁₀(1 + counts)" if number < 2 else "", fontsize=8)
        bar.ax.tick_params(labelsize=7)
    return figure


def lines_figure(
    panels: Mapping[str, Mapping[str, tuple[Sequence[float], Sequence[float]]]],
    *,
    x: str,
    y: str,
    log: bool = False,
) -> Figure:
    """Draw values of several methods against a quantity, a panel for each title.

    Panels have one scale and stand in rows of two, unless it is logarithmic: then each has its own, told by
    its title, and there are three in a row.

    Parameters
    ----------
    panels
        By title and method: the quantity and the values.
    x, y
        Labels of the axes, with units; that of the second is left out where it is logarithmic.
    log
        Whether both axes are logarithmic.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    columns = min(len(panels), 3 if log else 2)
    rows = -(-len(panels) // columns)
    wide = 2.4 if columns == 3 else 3.5
    figure = Figure(figsize=(wide * columns + 0.3, 2.7 * rows + 0.6), layout="constrained", facecolor="white")
    drawn = figure.subplots(rows, columns, sharex=True, sharey=not log, squeeze=False)
    for panel in drawn.flat[len(panels) :]:
        panel.set_axis_off()
    for panel, (title, curves) in zip(drawn.flat, panels.items(), strict=False):
        for method, (at, values) in curves.items():
            label, colour, line = ALL_STYLES[method]
            panel.plot(at, values, line, color=colour, label=label, lw=1.4, ms=4)
        if log:
            panel.set_xscale("log")
            panel.set_yscale("log")
            panel.minorticks_off()
            places = sorted({value for at, _ in curves.values() for value in at})
            panel.set_xticks(places, labels=_labels(places, panel.get_xlim()))
            low, high = panel.get_ylim()
            inside = [[tick for tick in ticks if low <= tick <= high] for ticks in TICKS]
            even = [tick for tick in MaxNLocator(5).tick_values(low, high) if low <= tick <= high]
            ticks = next((some for some in inside if len(some) >= ENOUGH), even)
            panel.set_yticks(ticks, labels=_labels(ticks, (low, high)))
        panel.set_title(title, fontsize=9, loc="left", color=INK)
        as_chart(panel)
    for panel in drawn.flat[max(len(panels) - columns, 0) : len(panels)]:
        panel.set_xlabel(x, fontsize=9)
        panel.tick_params(labelbottom=True)
    for panel in drawn[:, 0]:
        panel.set_ylabel("" if log else y, fontsize=9)
    legend_below(figure, ncols=5)
    return figure


def _labels(places: Sequence[float], limits: tuple[float, float]) -> list[str]:
    """Return what is written at places of a logarithmic axis: nothing where the last label is close."""
    low, high = np.log(limits)
    labels: list[str] = []
    last = -np.inf
    for place, at in zip(places, (np.log(places) - low) / (high - low), strict=True):
        shown = at - last >= CLOSE
        labels.append(f"{place:g}" if shown else "")
        last = at if shown else last
    return labels


def fillings_figure(
    images: Mapping[str, tuple[NDArray[np.floating], NDArray[np.floating]]], labels: tuple[str, str]
) -> Figure:
    """Draw two planes of a pattern filled in several ways, one above the other.

    Parameters
    ----------
    images
        `log10(1 + counts)` of both planes by title; NaN where nothing was measured.
    labels
        What the planes are.
    """
    from matplotlib.figure import Figure

    columns = -(-len(images) // 2)
    blocks = 2
    figure = Figure(figsize=(7.4, 2 * blocks * 6.4 / columns + 0.6), layout="constrained", facecolor="white")
    panels = figure.subplots(2 * blocks, columns, squeeze=False)
    top = max(float(np.max(pair[0], initial=0.0, where=np.isfinite(pair[0]))) for pair in images.values())
    for panel in panels.flat:
        panel.set_axis_off()
    for number, (title, pair) in enumerate(images.items()):
        for row, image in enumerate(pair):
            panel = panels[2 * (number // columns) + row][number % columns]
            panel.set_axis_on()
            panel.set_facecolor(GAP)
            panel.set_xticks([])
            panel.set_yticks([])
            drawn = panel.imshow(
                image, cmap="magma", vmin=0, vmax=top, origin="lower", interpolation="nearest"
            )
            if row == 0:
                panel.set_title(title, fontsize=9, loc="left", color=INK)
            if number % columns == 0:
                panel.set_ylabel(labels[row], fontsize=8)
    bar = figure.colorbar(drawn, ax=panels, shrink=0.6, aspect=30)
    bar.set_label("log₁₀(1 + counts)", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    return figure


def _phase(column: Column) -> NDArray[Any]:
    """Return the phases inside, about their mean."""
    inside = column.object[column.support]
    return np.asarray(np.angle(inside * np.exp(-1j * np.angle(inside.sum()))))


def _image(column: Column, row: int, plane: int, cut: tuple[slice, ...]) -> NDArray[Any]:
    """Return what a row shows: the middle plane of counts, a plane of the object."""
    if row < 2:
        counts = column.counts if row == 0 else column.expected
        return np.asarray(np.log10(1 + counts[counts.shape[0] // 2]))
    shown = column.object[plane][cut]
    if row == 2:
        return np.asarray(np.abs(shown))
    mean = np.angle(column.object[column.support].sum())
    return np.where(column.support[plane][cut], np.angle(shown * np.exp(-1j * mean)), np.nan)
