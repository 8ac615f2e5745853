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
from sayre.studies.spatial.patterns import cross, crystal
from sayre.studies.study import StudyResult, StudySettings, Table

COLUMNS = ("stride", "seconds", "absolute_error", "log_error", "band_limit")
STRIDES, QUICK_STRIDES = (1, 2, 3, 4, 6, 8, 12, 16, 24), (6, 12, 24)
WIDTH, FROM_PEAK = 6, 5
PUBLISHED_SECONDS = 11 * 60
"""For a cross of 6 in 128³ at the smallest stride, on an NVIDIA Tesla V100 (section 4.6.1)."""


def make(settings: StudySettings, advance: Advance) -> StudyResult:
    """Fill one cross with windows at several distances of each other.

    Parameters
    ----------
    settings
        The quick form has fewer voxels and strides.
    advance
        Called with the fraction done.
    """
    side, strides = (64, QUICK_STRIDES) if settings.quick else (128, STRIDES)
    made = crystal(side, np.random.default_rng(settings.seed))
    mask = cross(made.pattern.shape, WIDTH, side // 2 + FROM_PEAK)
    gapped = made.pattern.with_mask(mask)
    limit = BandLimit(made.expectation, made.oversampling[0]).log_error(mask, WIDTH)
    rows: list[tuple[Any, ...]] = []
    inpaint(gapped, method="unet", stride=max(strides), device=settings.device)  # loads weights, warms up
    for done, stride in enumerate(reversed(strides)):
        began = time.perf_counter()
        filled = inpaint(gapped, method="unet", stride=stride, device=settings.device).intensity
        seconds = time.perf_counter() - began
        difference = float(np.abs(filled[mask] - made.expectation[mask]).sum())
        rows.append((stride, seconds, difference, log_error(filled[mask], made.expectation[mask]), limit))
        advance((done + 1) / len(strides))
    rows.reverse()
    table = Table(COLUMNS, rows)
    x, seconds_at, absolute, logs, limits = (list(column) for column in zip(*rows, strict=True))
    power = float(np.polyfit(np.log(x), np.log(seconds_at), 1)[0])
    return StudyResult(
        tables={"": table},
        figures={
            "": lines_figure(
                {
                    "seconds": {"unet": (x, seconds_at)},
                    "sum of absolute errors over the smallest": {
                        "unet": (x, [v / min(absolute) for v in absolute])
                    },
                    "log error": {"unet": (x, logs), "band": (x, limits)},
                },
                x="stride (voxels)",
                y="seconds, ratio, or log error",
                log=True,
            )
        },
        summary=(
            f"time falls as the stride to the power {power:.2f}; {seconds_at[0]:.1f} s at a stride of {x[0]} "
            f"(thesis, another network: {PUBLISHED_SECONDS} s on a Tesla V100), log error "
            f"{logs[0]:.4f} there and {logs[-1]:.4f} at {x[-1]}; the band alone allows {limit:.4f}"
        ),
    )
