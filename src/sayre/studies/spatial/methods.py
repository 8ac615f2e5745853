"""Figure 4.15: a gap filled by interpolation, by the statistics of the pattern, and by networks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sayre import files
from sayre.data import Pattern
from sayre.figures.studies.methods_3d import scores_figure
from sayre.figures.studies.spatial import fillings_figure
from sayre.filling.fill import inpaint
from sayre.filling.scores import score
from sayre.numerics.limit import BandLimit
from sayre.numerics.metrics import log_error, pearson
from sayre.numerics.progress import Advance
from sayre.retrieval.prepare import around_peak
from sayre.studies.patches.training import ways_of
from sayre.studies.spatial.patterns import cross, crystal
from sayre.studies.study import StudyResult, StudySettings, Table

SCORES = (
    "pearson_log",
    "log_error",
    "ratio",
    "bright_ratio",
    "sum_ratio",
    "bright_sum",
    "root_error",
    "floor",
)
METHODS = ("nearest", "linear", "cubic", "biharmonic", "wiener", "unet", "stack", "crystal")
QUICK_METHODS = METHODS[:5]
WIDTH, FROM_PEAK = 6, 5
"""Voxels across each plane of the cross, and from the peak to the first of them."""


class Case(NamedTuple):
    """Counts, the gap cut into them, and the noise-free counts and the oversampling where they are known."""

    name: str
    whole: Pattern
    mask: NDArray[np.bool_]
    truth: NDArray[np.float32] | None
    oversampling: float = float("nan")


def make(settings: StudySettings, advance: Advance) -> StudyResult:
    """Fill one cross by every method.

    Parameters
    ----------
    settings
        The quick form has fewer voxels and no network, but the published one where it was trained.
    advance
        Called with the fraction done.
    """
    ways = ways_of(settings, QUICK_METHODS if settings.quick else METHODS, WIDTH)
    cases = list(_cases(settings))
    rows: list[tuple[Any, ...]] = []
    figures = {}
    done, runs = 0, len(cases) * len(ways)
    for case in cases:
        gapped = case.whole.with_mask(case.mask)
        known = case.mask & ~case.whole.mask
        images = {
            "counts": _planes(np.where(case.whole.mask, np.nan, case.whole.intensity), case.mask),
            "gap": _planes(np.where(gapped.mask, np.nan, gapped.intensity), case.mask),
        }
        linear = inpaint(gapped, method="linear").intensity
        for method, told in ways.items():

            def part(fraction: float, note: str = "", before: int = done) -> None:
                advance((before + fraction) / runs, note)

            filled = inpaint(gapped, device=settings.device, progress=part, **told)
            found = score(
                filled, known, truth=case.truth, counts=case.whole.intensity, linear=linear, seconds=0.0
            )
            with_counts = pearson(filled.intensity[known], case.whole.intensity[known])
            rows.append((case.name, method, with_counts, *(getattr(found, name) for name in SCORES)))
            images[method] = _planes(filled.intensity, case.mask)
            done += 1
        rows += _limits(case, linear)
        figures["" if case.name == "simulated" else case.name] = fillings_figure(
            images, ("in the gap", "across it")
        )
    table = Table(("pattern", "method", "pearson_counts", *SCORES), rows)
    figures["scores"] = scores_figure(table.records)
    return StudyResult(tables={"": table}, figures=figures, summary=_summary(table))


def _cases(settings: StudySettings) -> Iterator[Case]:
    side = 48 if settings.quick else 128
    made = crystal(side, np.random.default_rng(settings.seed), phase_range=1.0)
    mask = cross(made.pattern.shape, WIDTH, side // 2 + FROM_PEAK)
    yield Case("simulated", made.pattern, mask, made.expectation, made.oversampling[0])
    if settings.pattern is not None:
        whole = around_peak(files.load(settings.pattern), side).measured
        peak = int(np.unravel_index(np.argmax(whole.intensity), whole.shape)[1])
        yield Case("measured", whole, cross(whole.shape, WIDTH, peak + FROM_PEAK), None)


def _limits(case: Case, linear: NDArray[np.float32]) -> list[tuple[Any, ...]]:
    """Return what noise and the band allow, where the noise-free counts are known."""
    if case.truth is None:
        return []
    gap, unknown = case.mask, (None,) * (len(SCORES) - 3)
    ceiling = pearson(case.truth[gap], case.whole.intensity[gap])
    limit = BandLimit(case.truth, case.oversampling)
    best, error = limit.pearson(gap, WIDTH), limit.log_error(gap, WIDTH)
    over_linear = error / log_error(linear[gap], case.truth[gap])
    return [
        (case.name, "expectation", ceiling, 1.0, 0.0, 0.0, *unknown),
        (case.name, "band", best * ceiling, best, error, over_linear, *unknown),
    ]


def _planes(
    counts: NDArray[np.floating], mask: NDArray[np.bool_]
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Return the middle plane inside the gap across the rows, and the plane of the brightest frame."""
    rows = np.flatnonzero(mask.all(axis=(0, 2)))
    frame = counts.shape[0] // 2
    logs = np.log10(1 + counts)
    return logs[:, rows[len(rows) // 2]], logs[frame]


def _summary(table: Table) -> str:
    return "\n  ".join(
        f"{row['pattern']}, {row['method']}: correlation of log counts {row['pearson_log']:.4f}, log error "
        f"{row['ratio']:.2f} of that of linear interpolation"
        for row in table.records
    )
