"""Section 4.2: the gap closed by a second scan with the detector moved, and by filling, at one exposure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sayre.data import AnyPattern, Pattern
from sayre.figures.studies.merge_3d import exposures_figure
from sayre.figures.studies.spatial import Column, fillings_figure, slices_figure
from sayre.filling.fill import inpaint
from sayre.numerics.metrics import log_error, pearson
from sayre.numerics.progress import Advance, Part
from sayre.retrieval.choice.align import align
from sayre.retrieval.phasing import phase
from sayre.scans.merging.merge import merge
from sayre.scans.merging.merged import Merged
from sayre.studies.spatial.gap import INSIDE, object_scores
from sayre.studies.spatial.halves import ATOMS, BROKEN, PHASE_RANGE, WHOLE, Case, cases, simulated
from sayre.studies.spatial.patterns import MAX_COUNTS, crystal
from sayre.studies.study import StudyResult, StudySettings, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SCORES = (
    "pearson_log",
    "log_error",
    "floor",
    "sum_ratio",
    "covered",
    "correlation",
    "phase_error",
    "outside",
)
DOSES = (1e2, 1e3, 1e4, 1e5, 1e6)
"""Counts in the brightest voxel of the whole exposure."""
FILLED, QUICK_FILLED = ("linear", "wiener", "unet", "stack", "crystal"), ("linear", "wiener")
MERGED, RESAMPLED, ROUNDED = "merged", "resampled", "rounded"
"""Merged with the detector moved by whole pixels, and by half a voxel more: resampled, and not."""
SHOWN = ("no gap", "masked", "wiener", MERGED)


class Closed(NamedTuple):
    """Counts with the gap closed, and their standard errors, where they are stated."""

    pattern: AnyPattern
    sigma: NDArray[np.floating] | None


def make(settings: StudySettings, advance: Advance) -> StudyResult:
    """Close one gap by a second scan and by filling, and phase what comes of it.

    Parameters
    ----------
    settings
        The quick form has fewer voxels, starts and methods.
    advance
        Called with the fraction done.
    """
    found = list(cases(settings))
    rows: list[tuple[Any, ...]] = []
    figures = {}
    for number, case in enumerate(found):
        part = Part(advance, 0.9 * number / len(found), 0.9 * (number + 1) / len(found))
        mine, figure = _judged(case, settings, part)
        rows += mine
        figures["" if case.name == "simulated" else case.name] = figure
    table = Table(("pattern", "method", *SCORES), rows)
    doses = Table(("max_counts", "method", "log_error", "pearson_log"), list(_by_exposure(settings)))
    figures["exposure"] = exposures_figure(doses.records)
    advance(1.0)
    return StudyResult(
        tables={"": table, "exposure": doses},
        figures=figures,
        summary="\n  ".join(_said(row) for row in table.records),
    )


def _merged(case: Case) -> Iterator[tuple[str, Merged]]:
    """Merge the two scans of a case in every way, at the scale of the whole exposure."""
    yield MERGED, merge(case.halves[WHOLE])
    if BROKEN in case.halves:
        yield RESAMPLED, merge(case.halves[BROKEN])
        yield ROUNDED, merge(case.halves[BROKEN], whole=0.5)


def _closed(case: Case, settings: StudySettings) -> dict[str, Closed]:
    """Close the gap in every way."""
    masked = case.whole.with_mask(case.mask)
    ways = {"no gap": Closed(case.whole, None), "masked": Closed(masked, None)}
    for method in QUICK_FILLED if settings.quick else FILLED:
        filled = inpaint(masked, method=method, device=settings.device)
        ways[method] = Closed(filled, filled.sigma * (1 + filled.intensity))
    for name, merged in _merged(case):
        ways[name] = Closed(replace(merged.pattern, meta=case.whole.meta), merged.sigma)
    return ways


def _judged(case: Case, settings: StudySettings, advance: Advance) -> tuple[list[tuple[Any, ...]], Figure]:
    """Judge the counts in the gap and the crystal by every method, and draw them.

    A measured crystal is phased in the full form alone: few starts of few voxels do not agree.
    """
    ways, truth = _closed(case, settings), case.truth
    rows, columns = [], []
    for done, (name, closed) in enumerate(ways.items()):
        scores: tuple[float | None, ...] = (None,) * 3
        if case.truth is not None or not settings.quick:
            runs, keep = (2, 1.0) if settings.quick else (6, 0.5)
            found = phase(
                closed.pattern,
                runs=runs,
                keep=keep,
                seed=settings.seed,
                refine="none",
                device=settings.device,
            )
            truth = found.object if truth is None else truth
            ours = align(found.object, truth)
            scores = object_scores(ours, truth)
            if name in SHOWN:
                support = np.abs(truth) > INSIDE * np.abs(truth).max()
                columns.append(Column(name, _shown(case, closed), found.expected, ours, support))
        rows.append((case.name, name, *_in_gap(case, closed), *scores))
        advance((done + 1) / len(ways))
    if columns:
        return rows, slices_figure(columns)
    inside = int(np.flatnonzero(case.mask.any(axis=(0, 1)))[2])
    images = {}
    for name, closed in ways.items():
        logs = np.log10(1 + _shown(case, closed))
        images[name] = (logs[:, :, inside], logs[len(logs) // 2])
    return rows, fillings_figure(images, ("in the gap", "across it"))


def _shown(case: Case, closed: Closed) -> NDArray[np.floating]:
    """Return counts, NaN where none are given."""
    unknown = closed.pattern.mask if isinstance(closed.pattern, Pattern) else np.zeros(case.mask.shape, bool)
    return np.where(unknown, np.nan, closed.pattern.intensity)


def _in_gap(case: Case, closed: Closed) -> tuple[float | None, ...]:
    """Return the scores of counts in the gap, where they are given."""
    given = case.mask & ~np.isnan(_shown(case, closed))
    if not given.any():
        return (None,) * 5
    there, wanted, sigma = closed.pattern.intensity[given], case.expected[given], closed.sigma
    covered = None
    if sigma is not None and case.truth is not None:
        bright = wanted > 10
        covered = float((np.abs(there - wanted) < sigma[given])[bright].mean())
    ratio = float(there.sum(dtype=np.float64) / wanted.sum(dtype=np.float64))
    return pearson(there, wanted), log_error(there, wanted), case.floor, ratio, covered


def _by_exposure(settings: StudySettings) -> Iterator[tuple[Any, ...]]:
    """Close the gap at several exposures, as far as no network and no phasing is needed."""
    generator = np.random.default_rng(settings.seed)
    made = crystal(40 if settings.quick else 64, generator, phase_range=PHASE_RANGE, atoms=ATOMS)
    for most in DOSES[::2] if settings.quick else DOSES:
        case = simulated(made.amplitude * np.float32(np.sqrt(most / MAX_COUNTS)), generator)
        masked = case.whole.with_mask(case.mask)
        found: dict[str, AnyPattern] = {
            method: inpaint(masked, method=method) for method in ("linear", "wiener")
        }
        found |= {name: merged.pattern for name, merged in _merged(case)}
        found["no gap"] = case.whole
        for name, pattern in found.items():
            correlation, error, *_ = _in_gap(case, Closed(pattern, None))
            yield most, name, error, correlation


def _said(row: dict[str, Any]) -> str:
    told = []
    if row["log_error"] is not None:
        told.append(f"log error in the gap {row['log_error']:.4f}")
    if row["correlation"] is not None:
        told.append(
            f"crystal: correlation {row['correlation']:.4f}, phases wrong by {row['phase_error']:.3f} rad"
        )
    return f"{row['pattern']}, {row['method']}: {', '.join(told) or 'not judged'}"
