"""Figure 4.6: accuracy against the place of the gap."""

from __future__ import annotations

from typing import Any

import numpy as np

from sayre.figures.studies.planar import Curve, curves_figure
from sayre.numerics.progress import Advance
from sayre.simulation.planar import draw_patterns, gap_mask
from sayre.studies.intervals import mean_with_interval
from sayre.studies.planar.band import Bands
from sayre.studies.planar.judged import (
    TEST_SEED,
    Judged,
    Judgement,
    fill_classically,
    geometric_mean,
    judge,
)
from sayre.studies.planar.scale import NETWORKS_SHOWN, scale_of
from sayre.studies.planar.sweep import sweep
from sayre.studies.planar.trained import trained
from sayre.studies.study import StudyResult, StudySettings, Table

COLUMNS = (
    "first_column",
    "distance_from_centre",
    "method",
    "patterns",
    "pearson",
    "pearson_low",
    "pearson_high",
    "pearson_expected",
    "log_error_over_linear",
)
TITLES = ("against the counts", "against the noise-free counts")
EVERY, OF = 8, 3
"""Wiener, which is slower, fills at every eighth place of every third pattern."""


def make(settings: StudySettings, advance: Advance) -> StudyResult:
    """Move a vertical gap across patterns, from left to right, and fill it at every place.

    Parameters
    ----------
    settings
        The quick form has fewer patterns and a narrow network.
    advance
        Called with the fraction done.
    """
    scale = scale_of(settings)
    gap, side = scale.gaps[0], scale.population.side
    trainings = [scale.training(name, gap=gap, seed=scale.seeds[0]) for name in NETWORKS_SHOWN]
    drawn, found = trained(
        settings,
        trainings,
        advance,
        0.5,
        lambda: draw_patterns(scale.population, scale.swept, settings.seed + 2 * TEST_SEED),
    )
    networks = {str(one.config.network): one.network for one in found if one.network is not None}
    rows: list[tuple[Any, ...]] = []
    last = side - gap
    bands = Bands(drawn.expected, drawn.oversampling)
    for start, judged, filled in sweep(drawn.counts, drawn.expected, drawn.oversampling, gap, networks):
        distance = _distance(start, gap, side)
        rows.append(_row(start, distance, "band", bands.judge(judged, filled["linear"], gap)))
        rows += [
            _row(start, distance, name, judge(judged, values, filled["linear"]))
            for name, values in filled.items()
        ]
        advance(0.5 + 0.4 * start / last)
    places = range(0, last + 1, EVERY)
    some = slice(None, None, OF)
    masks = np.stack([gap_mask(side, gap, start) for start in places for _ in drawn.counts[some]])
    counts, expected = (np.tile(part[some], (len(places), 1, 1)) for part in (drawn.counts, drawn.expected))
    judged = Judged(counts, expected, masks, np.tile(drawn.oversampling[some], len(places)))
    score = judge(
        judged,
        fill_classically("wiener", judged.logarithms, masks),
        fill_classically("linear", judged.logarithms, masks),
    )
    for start, *parts in zip(places, *(np.split(part, len(places)) for part in score), strict=True):
        rows.append(_row(start, _distance(start, gap, side), "wiener", Judgement(*parts)))
    advance(1.0)
    table = Table(COLUMNS, rows)
    return StudyResult(
        tables={"": table},
        figures={
            "": curves_figure(_panels(table), x="centre of the gap (pixels from the centre)", titles=TITLES)
        },
        summary=_summary(table, side),
    )


def _distance(start: int, gap: int, side: int) -> float:
    return start + (gap - 1) / 2 - side // 2


def _row(start: int, distance: float, name: str, score: Judgement) -> tuple[Any, ...]:
    return (
        start,
        distance,
        name,
        int(np.isfinite(score.pearson).sum()),
        *mean_with_interval(score.pearson),
        float(np.nanmean(score.pearson_expected)),
        geometric_mean(score.ratio),
    )


def _panels(table: Table) -> list[list[Curve]]:
    """Return the curves against the counts, and against the noise-free counts."""
    counts, expected = [], []
    for name in ("unet", "msd", "modified", "linear", "wiener", "expectation", "band"):
        rows = [row for row in table.records if row["method"] == name]
        if rows:
            x, y, low, high, noise_free = (
                [row[column] for row in rows]
                for column in (
                    "distance_from_centre",
                    "pearson",
                    "pearson_low",
                    "pearson_high",
                    "pearson_expected",
                )
            )
            counts.append(Curve(name, x, y, low, high))
            if name != "expectation":
                expected.append(Curve(name, x, noise_free))
    return [counts, expected]


def _summary(table: Table, side: int) -> str:
    """Compare the middle fifth of the places with the outer fifths."""
    lines = []
    for name in ("unet", "msd", "modified", "linear", "wiener", "expectation", "band"):
        rows = [row for row in table.records if row["method"] == name]
        inner, outer = (
            [row["pearson"] for row in rows if (abs(row["distance_from_centre"]) < side / 10) is near]
            for near in (True, False)
        )
        if inner and outer:
            lines.append(f"{name} {np.mean(inner):.3f} in the middle fifth, {np.mean(outer):.3f} beyond")
    return "; ".join(lines)
