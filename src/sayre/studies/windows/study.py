"""Figures 4.9, 4.11 and 4.12: windows of 32³ with gaps, filled by networks and statistics."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sayre.errors import SayreWarning
from sayre.figures.studies.windows.windows import (
    Extraction,
    Filled,
    extraction_figure,
    scores_figure,
    windows_figure,
)
from sayre.filling.fill import inpaint
from sayre.numerics.progress import Advance
from sayre.studies.intervals import mean_with_interval
from sayre.studies.patches.training import ways_of
from sayre.studies.study import StudyResult, StudySettings, Table
from sayre.studies.windows.cut import KINDS, SIDE, Kind, Source, Window, gap_of, sources, windows_of
from sayre.studies.windows.scored import WindowScore, estimated_ceiling, scored

Counts = NDArray[np.float32]

WINDOW_COLUMNS = (
    "pattern",
    "window",
    "frame",
    "row",
    "column",
    "mean_counts",
    "gap_width",
    "gap",
    "method",
    *WindowScore._fields,
    "estimated_ceiling",
)
COLUMNS = (
    "pattern",
    "gap_width",
    "gap",
    "method",
    "windows",
    "pearson",
    "pearson_low",
    "pearson_high",
    "ssim",
    "ssim_low",
    "ssim_high",
    "pearson_expected",
    "ssim_expected",
    "log_error",
    "pearson_over_linear",
    "pearson_over_linear_low",
    "pearson_over_linear_high",
)
METHODS = ("linear", "wiener", "unet")
CEILING, ESTIMATED = "expectation", "estimated"
"""Rows of what noise allows: from the noise-free counts, and as estimated from the counts and the network."""
WIDTHS, QUICK_WIDTHS = (6, 9), (6,)
SIDES, QUICK_SIDES = (128, 4, 10), (64, 2, 3)
"""Side of the patterns, simulated ones, and windows of each; a measured one has as many as these together."""
SHOWN = 6
"""Windows in a picture."""


def make(settings: StudySettings, advance: Advance) -> StudyResult:
    """Cut windows, draw gaps into them, and fill each from nothing but its own voxels.

    Parameters
    ----------
    settings
        The quick form has smaller patterns, fewer windows and one width; the published network is there where
        it was trained.
    advance
        Called with the fraction done.
    """
    side, many, each = QUICK_SIDES if settings.quick else SIDES
    widths = QUICK_WIDTHS if settings.quick else WIDTHS
    rows: list[tuple[Any, ...]] = []
    shown: dict[str, list[Filled]] = {}
    extraction: Extraction | None = None
    total = many + many * (settings.pattern is not None)
    done = 0
    for number, source in enumerate(sources(settings, side, many)):
        generator = np.random.default_rng((settings.seed, 1, number))
        parts = 1 if source.truth is not None else many
        windows = windows_of(source, parts * each, generator)
        filled: list[Filled] = []
        for place, window in enumerate(windows):
            for width in widths:
                for kind in KINDS:
                    found, picture = _fill(window, width, kind, source, settings, generator)
                    where = (source.name, number * each + place, *window.place, float(window.counts.mean()))
                    rows += [(*where, width, kind, *row) for row in found]
                    filled.append(picture)
            advance((done + parts * (place + 1) / len(windows)) / total)
        done += parts
        shown.setdefault(source.name, []).extend(filled)
        if extraction is None:
            extraction = _extraction(source, windows, filled, max(widths))
    advance(1.0)
    all_windows = Table(WINDOW_COLUMNS, rows)
    table = Table(COLUMNS, _means(all_windows))
    figures = {
        name: windows_figure(_chosen([one for one in every if one.width == 6 and one.kind == "vertical"]))
        for name, every in shown.items()
    }
    figures["scores"] = scores_figure(table.records)
    if extraction is not None:
        figures[""] = extraction_figure(extraction)
    return StudyResult(tables={"": table, "windows": all_windows}, figures=figures, summary=_summary(table))


def _fill(
    window: Window,
    width: int,
    kind: Kind,
    source: Source,
    settings: StudySettings,
    generator: np.random.Generator,
) -> tuple[list[tuple[Any, ...]], Filled]:
    """Fill a gap of one window by every method; return the scores of each, and what a picture needs."""
    gap = gap_of(kind, width, generator)
    pattern, known = window.with_gap(gap), gap & ~window.unknown
    images: dict[str, Counts] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SayreWarning)
        for method, told in ways_of(settings, METHODS, width).items():
            images[method] = inpaint(pattern, gain=source.gain, device=settings.device, **told).intensity
    ceiling = estimated_ceiling(images["unet"], window.counts, known, source.gain)
    scores = {name: scored(image, window.counts, window.truth, known) for name, image in images.items()}
    if window.truth is not None:
        scores[CEILING] = scored(window.truth, window.counts, window.truth, known)
    rows = [(name, *score, ceiling) for name, score in scores.items()]
    middle = SIDE // 2
    planes = {name: image[middle] for name, image in images.items()}
    given = np.where(pattern.mask, np.nan, pattern.intensity)[middle]
    counts = np.where(window.unknown, np.nan, window.counts)[middle]
    limit = scores[CEILING].pearson if CEILING in scores else ceiling
    told_scores = {name: (scores[name].pearson, scores[name].ssim) for name in images}
    return rows, Filled(width, kind, given, counts, planes, told_scores, limit, float(window.counts.mean()))


def _extraction(source: Source, windows: list[Window], filled: list[Filled], width: int) -> Extraction:
    """Return the frame through the peak, the windows that cross it, and some of them with both gaps."""
    counts = np.where(source.pattern.mask, np.nan, source.pattern.intensity)
    frame = int(np.unravel_index(int(np.argmax(source.pattern.intensity)), counts.shape)[0])
    boxes = [(window.place[1], window.place[2]) for window in windows]
    of_width = [one for one in filled if one.width == width]
    pairs = list(zip(of_width[::2], of_width[1::2], strict=True))
    best = sorted(range(len(pairs)), key=lambda n: -pairs[n][0].level)[:3]
    return Extraction(counts[frame], boxes, best, [pairs[n] for n in best], width)


def _chosen(filled: list[Filled]) -> list[Filled]:
    """Return windows from bright to dim, evenly."""
    ordered = sorted(filled, key=lambda one: -one.level)
    places = np.unique(np.linspace(0, len(ordered) - 1, min(SHOWN, len(ordered))).round().astype(int))
    return [ordered[place] for place in places]


def _means(windows: Table) -> list[tuple[Any, ...]]:
    """Average the windows in which every method has a correlation, and pair each method with linear."""
    rows: list[tuple[Any, ...]] = []
    keys = dict.fromkeys((r["pattern"], r["gap_width"], r["gap"]) for r in windows.records)
    for key in keys:
        mine = [r for r in windows.records if (r["pattern"], r["gap_width"], r["gap"]) == key]
        by_method = {
            name: [r for r in mine if r["method"] == name]
            for name in dict.fromkeys(r["method"] for r in mine)
        }
        kept = np.isfinite([[r["pearson"] for r in rows_of] for rows_of in by_method.values()]).all(axis=0)
        if not kept.any():
            continue
        linear = _column(by_method["linear"], "pearson")[kept]
        for method, rows_of in by_method.items():
            values = {name: _column(rows_of, name)[kept] for name in WindowScore._fields}
            rows.append(
                (
                    *key,
                    method,
                    int(kept.sum()),
                    *mean_with_interval(values["pearson"]),
                    *mean_with_interval(values["ssim"]),
                    *(
                        float(values[name].mean())
                        for name in ("pearson_expected", "ssim_expected", "log_error")
                    ),
                    *mean_with_interval(values["pearson"] - linear),
                )
            )
        ceiling = mean_with_interval(_column(by_method["unet"], "estimated_ceiling")[kept])
        rows.append((*key, ESTIMATED, int(kept.sum()), *ceiling, *(None,) * (len(COLUMNS) - 8)))
    return rows


def _column(rows: Sequence[Mapping[str, Any]], name: str) -> NDArray[np.float64]:
    return np.array([row[name] for row in rows], float)


def _summary(table: Table) -> str:
    return "\n  ".join(
        f"{row['pattern']}, {row['gap']} gap of {row['gap_width']}, {row['method']}: correlation "
        f"{row['pearson']:.3f} ({row['pearson_low']:.3f} to {row['pearson_high']:.3f}) in {row['windows']} "
        "windows" + (f", structural similarity {row['ssim']:.3f}" if row["ssim"] is not None else "")
        for row in table.records
    )
