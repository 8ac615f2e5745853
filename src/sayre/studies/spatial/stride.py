"""Figures 4.13 and 4.14: time and error of a network against the stride of its windows."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sayre.figures.studies.spatial import lines_figure
from sayre.filling.fill import inpaint
from sayre.numerics.limit import BandLimit
from sayre.numerics.metrics import log_error
from sayre.numerics.progress import Advance
from sayre.studies.patches.training import ways_of
from sayre.studies.spatial.patterns import cross, crystal
from sayre.studies.study import StudyResult, StudySettings, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = ("stride", "method", "seconds", "absolute_error", "log_error", "band_limit")
STRIDES, QUICK_STRIDES = (1, 2, 3, 4, 6, 8, 12, 16, 24), (6, 12, 24)
WIDTH, FROM_PEAK = 6, 5
PUBLISHED_SECONDS = 11 * 60
"""For a cross of 6 in 128³ at the smallest stride, on an NVIDIA Tesla V100 (section 4.6.1)."""


def make(settings: StudySettings, advance: Advance) -> StudyResult:
    """Fill one cross with windows at several distances of each other, from the largest stride down.

    A stride is left out, and all below it, for which the time of `--minutes` would not do, as the strides
    before tell.

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
    for told in ways.values():
        inpaint(gapped, stride=max(strides), device=settings.device, **told)  # loads weights, warms up
    took: dict[int, float] = {}
    for done, stride in enumerate(reversed(strides)):
        if (
            settings.until is not None
            and took
            and time.monotonic() + _expected(took, stride) > settings.until
        ):
            break
        for number, (name, told) in enumerate(ways.items()):
            began = time.monotonic()
            filled = inpaint(gapped, stride=stride, device=settings.device, **told).intensity
            seconds = time.monotonic() - began
            took[stride] = took.get(stride, 0.0) + seconds
            absolute = float(np.abs(filled[mask] - made.expectation[mask]).sum())
            error = log_error(filled[mask], made.expectation[mask])
            rows.append((stride, name, seconds, absolute, error, limit))
            advance((done + (number + 1) / len(ways)) / len(strides))
    advance(1.0)
    table = Table(COLUMNS, sorted(rows, key=lambda row: (list(ways).index(row[1]), row[0])))
    said = [_said(name, *_curve(table, name)) for name in ways]
    return StudyResult(
        tables={"": table},
        figures={"": picture(table)},
        summary="\n  ".join([*said, f"the band alone allows {limit:.4f}"]),
    )


def picture(table: Table) -> Figure:
    """Draw times and errors against the stride.

    Parameters
    ----------
    table
        Of this study.
    """
    curves = {name: _curve(table, name) for name in dict.fromkeys(row["method"] for row in table.records)}
    limits = {row["stride"]: row["band_limit"] for row in table.records}
    return lines_figure(
        {
            "time (s)": {name: (x, seconds) for name, (x, seconds, _, _) in curves.items()},
            "sum of absolute errors\nover the smallest": {
                name: (x, [v / min(absolute) for v in absolute])
                for name, (x, _, absolute, _) in curves.items()
            },
            "mean squared error\nof log counts": {
                **{name: (x, logs) for name, (x, _, _, logs) in curves.items()},
                "band": (sorted(limits), [limits[stride] for stride in sorted(limits)]),
            },
        },
        x="stride (voxels)",
        y="",
        log=True,
    )


def _expected(took: Mapping[int, float], stride: int) -> float:
    """Return the seconds of a stride: by the power law of the last two, by the area after one."""
    x, y = np.log(list(took)[-2:]), np.log(list(took.values())[-2:])
    power = (y[-1] - y[0]) / (x[-1] - x[0]) if len(took) > 1 else -2.0
    return float(np.exp(y[-1] + power * (np.log(stride) - x[-1])))


def _curve(table: Table, name: str) -> tuple[list[float], list[float], list[float], list[float]]:
    """Return strides, seconds, sums of absolute errors, and log errors of a network."""
    rows = [row for row in table.records if row["method"] == name]
    stride, seconds, absolute, logs = (
        [row[key] for row in rows] for key in ("stride", "seconds", "absolute_error", "log_error")
    )
    return stride, seconds, absolute, logs


def _said(name: str, x: list[float], seconds: list[float], _: list[float], logs: list[float]) -> str:
    power = float(np.polyfit(np.log(x), np.log(seconds), 1)[0]) if len(x) > 1 else float("nan")
    return (
        f"{name}: time falls as the stride to the power {power:.2f}; {seconds[0]:.1f} s at a stride of {x[0]}"
        f" (thesis, the published network at 1: {PUBLISHED_SECONDS} s on a Tesla V100), log error "
        f"{logs[0]:.4f} there and {logs[-1]:.4f} at {x[-1]}"
    )
