"""Figures 4.13 and 4.14: time and error of a network against the stride of its windows."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from sayre.figures.studies.spatial import lines_figure
from sayre.filling.fill import inpaint
from sayre.numerics.limit import BandLimit
from sayre.numerics.metrics import log_error
from sayre.numerics.progress import Advance
from sayre.studies.patches.training import ways_of
from sayre.studies.spatial.patterns import cross, crystal
from sayre.studies.study import StudyResult, StudySettings, Table

COLUMNS = ("stride", "method", "seconds", "absolute_error", "log_error", "band_limit")
STRIDES, QUICK_STRIDES = (1, 2, 3, 4, 6, 8, 12, 16, 24), (6, 12, 24)
WIDTH, FROM_PEAK = 6, 5
PUBLISHED_SECONDS = 11 * 60
"""For a cross of 6 in 128³ at the smallest stride, on an NVIDIA Tesla V100 (section 4.6.1)."""


def make(settings: StudySettings, advance: Advance) -> StudyResult:
    """Fill one cross with windows at several distances of each other.

    Parameters
    ----------
    settings
        The quick form has fewer voxels and strides; the published network is there where it was trained.
    advance
        Called with the fraction done.
    """
    side, strides = (64, QUICK_STRIDES) if settings.quick else (128, STRIDES)
    made = crystal(side, np.random.default_rng(settings.seed))
    mask = cross(made.pattern.shape, WIDTH, side // 2 + FROM_PEAK)
    gapped = made.pattern.with_mask(mask)
    limit = BandLimit(made.expectation, made.oversampling[0]).log_error(mask, WIDTH)
    ways = ways_of(settings, ("unet",), WIDTH)
    rows: list[tuple[Any, ...]] = []
    for number, (name, told) in enumerate(ways.items()):
        inpaint(gapped, stride=max(strides), device=settings.device, **told)  # loads weights, warms up
        mine: list[tuple[Any, ...]] = []
        for done, stride in enumerate(reversed(strides)):
            began = time.perf_counter()
            filled = inpaint(gapped, stride=stride, device=settings.device, **told).intensity
            seconds = time.perf_counter() - began
            absolute = float(np.abs(filled[mask] - made.expectation[mask]).sum())
            error = log_error(filled[mask], made.expectation[mask])
            mine.append((stride, name, seconds, absolute, error, limit))
            advance((number + (done + 1) / len(strides)) / len(ways))
        rows += reversed(mine)
    table = Table(COLUMNS, rows)
    curves = {name: _curve(table, name) for name in ways}
    return StudyResult(
        tables={"": table},
        figures={
            "": lines_figure(
                {
                    "seconds": {name: (x, seconds) for name, (x, seconds, _, _) in curves.items()},
                    "sum of absolute errors over the smallest": {
                        name: (x, [v / min(absolute) for v in absolute])
                        for name, (x, _, absolute, _) in curves.items()
                    },
                    "log error": {
                        **{name: (x, logs) for name, (x, _, _, logs) in curves.items()},
                        "band": (list(strides), [limit] * len(strides)),
                    },
                },
                x="stride (voxels)",
                y="seconds, ratio, or log error",
                log=True,
            )
        },
        summary="\n  ".join(
            [*(_said(name, *curve) for name, curve in curves.items()), f"the band alone allows {limit:.4f}"]
        ),
    )


def _curve(table: Table, name: str) -> tuple[list[float], list[float], list[float], list[float]]:
    """Return strides, seconds, sums of absolute errors, and log errors of a network."""
    rows = [row for row in table.records if row["method"] == name]
    stride, seconds, absolute, logs = (
        [row[key] for row in rows] for key in ("stride", "seconds", "absolute_error", "log_error")
    )
    return stride, seconds, absolute, logs


def _said(name: str, x: list[float], seconds: list[float], _: list[float], logs: list[float]) -> str:
    power = float(np.polyfit(np.log(x), np.log(seconds), 1)[0])
    return (
        f"{name}: time falls as the stride to the power {power:.2f}; {seconds[0]:.1f} s at a stride of {x[0]}"
        f" (thesis, the published network at 1: {PUBLISHED_SECONDS} s on a Tesla V100), log error "
        f"{logs[0]:.4f} there and {logs[-1]:.4f} at {x[-1]}"
    )
