"""Pictures of windows cut from a pattern, with their gaps and filled, as Figures 4.9, 4.11 and 4.12."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sayre.figures.studies.spatial import ALL_STYLES
from sayre.figures.style import COUNTS, INK, UNSEEN, as_chart, legend_below

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Plane = NDArray[np.floating]

SIDE = 32
BOX = "#56b4e9"
LIMITS = {"expectation": ":", "estimated": (0, (4, 1, 1, 1))}
LIMIT_LABELS = {"expectation": "noise ceiling", "estimated": "noise ceiling, estimated from the counts"}
SCORES = {"pearson": "correlation in the gap", "ssim": "structural similarity in the gap"}


class Filled(NamedTuple):
    """The middle frame of a window: with its gap, its counts, and filled by each method.

    Attributes
    ----------
    width, kind
        Of the gap.
    given, counts
        Counts, NaN where none were given or measured.
    planes
        Counts by method.
    scores
        Correlation and structural similarity by method, of the whole window.
    ceiling
        Correlation that noise allows.
    level
        Mean counts of a voxel.
    """

    width: int
    kind: str
    given: Plane
    counts: Plane
    planes: Mapping[str, Plane]
    scores: Mapping[str, tuple[float, float]]
    ceiling: float
    level: float


class Extraction(NamedTuple):
    """A frame of a pattern, first rows and columns of windows, those shown, and these with both gaps."""

    frame: Plane
    boxes: Sequence[tuple[int, int]]
    shown: Sequence[int]
    windows: Sequence[tuple[Filled, ...]]
    width: int


def windows_figure(windows: Sequence[Filled]) -> Figure:
    """Draw windows as columns: masked, the counts, and filled by each method with its scores.

    Every window has a colour scale of its own, as in the thesis.

    Parameters
    ----------
    windows
        Of one width and kind of gap.
    """
    from matplotlib.figure import Figure

    methods = list(windows[0].planes)
    rows = ["masked", "counts", *(ALL_STYLES[name][0] for name in methods)]
    wide = len(windows)
    figure = Figure(
        figsize=(7.2, 7.2 / wide * len(rows) * 1.2 + 0.4), layout="constrained", facecolor="white"
    )
    panels = figure.subplots(len(rows), wide, squeeze=False)
    for column, one in enumerate(windows):
        images = [one.given, one.counts, *(one.planes[name] for name in methods)]
        for row, image in enumerate(images):
            _show(panels[row][column], image, one.counts)
        panels[0][column].set_title(
            f"{one.level:,.0f} counts\na voxel" if one.level >= 10 else f"{one.level:.1f} counts\na voxel",
            fontsize=8,
            color=INK,
        )
        panels[1][column].set_xlabel(f"ceiling {one.ceiling:.2f}", fontsize=7)
        for row, name in enumerate(methods, 2):
            found, alike = one.scores[name]
            panels[row][column].set_xlabel(f"r {found:.2f}, SSIM {alike:.2f}", fontsize=7)
    for panel, label in zip(panels[:, 0], rows, strict=True):
        panel.set_ylabel(label, fontsize=8)
    figure.supxlabel(
        "middle frame of 32³ voxels, log₁₀(1 + counts) from 0 (dark) to the largest of each window (bright)",
        fontsize=8,
    )
    return figure


def extraction_figure(extraction: Extraction) -> Figure:
    """Draw where windows lie in a pattern, and some of them with a vertical gap, a cross, and filled.

    Parameters
    ----------
    extraction
        Windows and their pattern.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    figure = Figure(figsize=(7.2, 2.7), layout="constrained", facecolor="white")
    grid = figure.add_gridspec(len(extraction.windows), 5, width_ratios=(3.6, 1, 1, 1, 1))
    whole = figure.add_subplot(grid[:, 0])
    whole.set_facecolor(UNSEEN)
    drawn = whole.imshow(
        np.log10(1 + extraction.frame), cmap=COUNTS, origin="lower", interpolation="nearest", vmin=0
    )
    for number, (row, column) in enumerate(extraction.boxes):
        bold = number in extraction.shown
        whole.add_patch(
            Rectangle(
                (column, row),
                SIDE,
                SIDE,
                fill=False,
                ec=BOX,
                lw=1.8 if bold else 0.7,
                ls="-" if bold else ":",
            )
        )
        if bold:
            name = extraction.shown.index(number) + 1
            whole.text(column + 2, row + SIDE - 2, str(name), color="white", fontsize=9, va="top")
    whole.set_title("windows, in the frame of the peak", fontsize=9, loc="left", color=INK)
    whole.set_xlabel("column (voxels)", fontsize=8)
    whole.set_ylabel("row (voxels)", fontsize=8)
    whole.tick_params(labelsize=7)
    bar = figure.colorbar(drawn, ax=whole, shrink=0.8, aspect=25)
    bar.set_label("log₁₀(1 + counts)", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    for row, (vertical, cross) in enumerate(extraction.windows):
        images = (vertical.given, vertical.planes["unet"], cross.given, cross.planes["unet"])
        for column, image in enumerate(images):
            panel = figure.add_subplot(grid[row, 1 + column])
            _show(panel, image, vertical.counts)
            if row == 0:
                panel.set_title(
                    ("vertical", "filled", "cross", "filled")[column], fontsize=9, loc="left", color=INK
                )
            if column == 0:
                panel.set_ylabel(str(row + 1), fontsize=9, rotation=0, labelpad=8)
    return figure


def scores_figure(records: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw mean scores with their intervals, a row of panels for each pattern, beside what noise allows.

    Parameters
    ----------
    records
        Rows of the table of `sayre.studies.windows.study`.
    """
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(str(row["pattern"]) for row in records))
    figure = Figure(figsize=(7.2, 2.6 * len(names) + 0.7), layout="constrained", facecolor="white")
    panels = figure.subplots(len(names), 2, squeeze=False, sharex=True, sharey="col")
    for row_of, name in zip(panels, names, strict=True):
        mine = [row for row in records if row["pattern"] == name]
        for panel, column in zip(row_of, SCORES, strict=True):
            _scores(panel, mine, column)
            panel.set_title(f"{name}: {SCORES[column]}", fontsize=9, loc="left", color=INK)
    legend_below(figure, ncols=3)
    return figure


def _show(panel: Axes, image: Plane, counts: Plane) -> None:
    """Draw a plane on the scale of the counts of its window."""
    panel.set_facecolor(UNSEEN)
    panel.set_xticks([])
    panel.set_yticks([])
    top = max(float(np.nanmax(np.log10(1 + counts))), 1e-3)
    panel.imshow(np.log10(1 + image), cmap=COUNTS, vmin=0, vmax=top, origin="lower", interpolation="nearest")


def _scores(panel: Axes, rows: Sequence[Mapping[str, Any]], column: str) -> None:
    """Draw points with intervals, side by side for each gap."""
    gaps = list(dict.fromkeys((row["gap_width"], row["gap"]) for row in rows))
    methods = [name for name in dict.fromkeys(str(row["method"]) for row in rows) if name not in LIMITS]
    for row in rows:
        at = gaps.index((row["gap_width"], row["gap"]))
        name = str(row["method"])
        if row[column] is None:
            continue
        if name in LIMITS:
            ends = (at - 0.4, at + 0.4)
            panel.plot(
                ends, [row[column]] * 2, color="black", ls=LIMITS[name], lw=1.4, label=LIMIT_LABELS[name]
            )
            continue
        label, colour, line = ALL_STYLES[name]
        x = at + 0.6 * ((methods.index(name) + 0.5) / len(methods) - 0.5)
        reach = [[row[column] - row[f"{column}_low"]], [row[f"{column}_high"] - row[column]]]
        panel.errorbar(
            [x], [row[column]], reach, fmt=line[0], color=colour, ms=5, lw=1.4, capsize=3, label=label
        )
    panel.set_xticks(range(len(gaps)), labels=[f"{kind},\n{width} voxels" for width, kind in gaps])
    as_chart(panel, "y")
