"""Figure 4.16: accuracy against the counts of a window, for gaps of several widths."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sayre.figures.studies.spatial import lines_figure
from sayre.filling.cuts import cut_gap
from sayre.filling.fill import inpaint
from sayre.numerics.limit import BandLimit
from sayre.numerics.metrics import pearson
from sayre.numerics.progress import Advance
from sayre.studies.patches.training import ways_of
from sayre.studies.spatial.patterns import crystal
from sayre.studies.study import StudyResult, StudySettings, Table

Floats = NDArray[np.float64]

COLUMNS = ("gap_width", "level", "method", "windows", "pearson", "pearson_expected")
PUBLISHED = {3: 0.9886, 6: 0.9767, 9: 0.9549, 12: 0.9463}
"""Correlations of Fig. 4.16, averaged over its classes, as Table 1 of the article states them."""
CLASSES, HALF = 20, 16
"""Classes of counts, and half the side of a window."""


def make(settings: StudySettings, advance: Advance) -> StudyResult:
    """Cut gaps through a pattern, fill them, and correlate in windows around them.

    The gap runs through the whole pattern, as on a detector, and all of the pattern is there to fill it from.

    Parameters
    ----------
    settings
        The quick form has fewer voxels, windows and widths, and no network but the published one, where it
        was trained.
    advance
        Called with the fraction done.
    """
    side, widths, places, windows = (
        (48, (3, 6, 9), 3, 60) if settings.quick else (128, (3, 6, 9, 12), 10, 1000)
    )
    methods = ("linear", "wiener") if settings.quick else ("linear", "wiener", "unet")
    generator = np.random.default_rng(settings.seed)
    made = crystal(side, generator)
    limit = BandLimit(made.expectation, made.oversampling[0])
    rows: list[tuple[Any, ...]] = []
    summary = []
    for number, width in enumerate(widths):
        levels: list[float] = []
        ways = ways_of(settings, methods, width)
        shown = (*ways, "expectation", "band")
        scores: dict[str, list[tuple[float, ...]]] = {name: [] for name in shown}
        for place in range(places):
            axis, middle = int(generator.integers(3)), int(generator.integers(HALF, side - HALF))
            start = middle - width // 2
            gapped, _ = cut_gap(made.pattern, axis, start, width)
            filled = {
                name: inpaint(gapped, device=settings.device, **told).intensity for name, told in ways.items()
            }
            filled["expectation"] = made.expectation
            moved = {name: np.moveaxis(np.log1p(values), axis, 0) for name, values in filled.items()}
            counts = np.moveaxis(np.log1p(made.pattern.intensity), axis, 0)
            for row, column in generator.integers(HALF, side - HALF, (windows // places, 2)):
                across = slice(row - HALF, row + HALF), slice(column - HALF, column + HALF)
                gap = (slice(start, start + width), *across)
                levels.append(float(counts[middle - HALF : middle + HALF, *across].mean()))
                for name, values in moved.items():
                    scores[name].append(
                        tuple(
                            pearson(values[gap], others[gap], log=False)
                            for others in (counts, moved["expectation"])
                        )
                    )
                where = (*gap[1 : axis + 1], gap[0], *gap[axis + 1 :])
                best = limit.pearson(where, width)
                scores["band"].append((best * scores["expectation"][-1][0], best))
            advance((number + (place + 1) / places) / len(widths))
        found = [row for name, pairs in scores.items() for row in _classes(width, levels, name, pairs)]
        rows += found
        summary.append(_said(width, found))
    table = Table(COLUMNS, rows)
    return StudyResult(
        tables={"": table},
        figures={
            "": lines_figure(
                {f"gap of {width}": _curves(table, width) for width in widths},
                x="mean of log(1 + counts) in the window",
                y="correlation in the gap",
            )
        },
        summary="\n  ".join(summary),
    )


def _classes(
    width: int, levels: list[float], name: str, pairs: list[tuple[float, ...]]
) -> list[tuple[Any, ...]]:
    """Average the correlations of windows in classes of their level; those without contrast are left out."""
    edges = np.linspace(min(levels), max(levels), CLASSES + 1)
    which = np.clip(np.digitize(levels, edges) - 1, 0, CLASSES - 1)
    values = np.array(pairs, float)
    rows = []
    for number in range(CLASSES):
        mine = values[which == number]
        mine = mine[np.isfinite(mine).all(axis=1)]
        if len(mine):
            level = float(edges[number : number + 2].mean())
            rows.append((width, level, name, len(mine), *(float(x) for x in mine.mean(axis=0))))
    return rows


def _curves(table: Table, width: int) -> dict[str, tuple[list[float], list[float]]]:
    mine = [row for row in table.records if row["gap_width"] == width]
    return {
        name: (
            [row["level"] for row in mine if row["method"] == name],
            [row["pearson"] for row in mine if row["method"] == name],
        )
        for name in dict.fromkeys(row["method"] for row in mine)
    }


def _said(width: int, rows: list[tuple[Any, ...]]) -> str:
    """Give the mean over the classes of each method, beside the published one."""
    means = {
        name: [np.mean([row[column] for row in rows if row[2] == name]) for column in (4, 5)]
        for name in dict.fromkeys(row[2] for row in rows)
    }
    shown = ", ".join(f"{name} {a:.4f} ({b:.4f})" for name, (a, b) in means.items())
    return f"gap of {width}, with the counts (with the noise-free counts): {shown}; thesis {PUBLISHED[width]}"
