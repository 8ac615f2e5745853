"""Figure 4.23: the filling network trained further on the pattern that it is to fill."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sayre.data import Pattern
from sayre.figures.studies.fine_tuning import held_back_figure
from sayre.figures.studies.spatial import fillings_figure
from sayre.filling.fill import inpaint
from sayre.filling.scores import score
from sayre.filling.tuning import EVERY, STEPS, fine_tune
from sayre.filling.tuning.tuned import Tuned
from sayre.numerics.progress import Advance, Part
from sayre.retrieval.prepare import around_peak
from sayre.scans import load
from sayre.studies.spatial.patterns import cross, crystal, pattern_of
from sayre.studies.study import StudyResult, StudySettings, Table

SCORES = (
    "log_error",
    "ratio",
    "bright_ratio",
    "sum_ratio",
    "bright_sum",
    "root_error",
    "covered_1",
    "covered_2",
    "floor",
)
FOUND = ("improved", "before", "after", "uncertainty", "voxels", "trained_on", "widened", "best", "steps")
CHECKS = ("pattern", "step", "held_back_error")
METHODS = ("unet", "stack")
WIDTH, FROM_PEAK = 6, 5
"""Voxels across each plane of the cross, and from the peak to the first of them."""
RANGE, ATOMS = 4.0, 40_000
"""Phase range of the simulated crystal in rad, and its atoms."""
SHELLS, HEIGHT, THICKNESS, BACKGROUND = 6, 40.0, 1.2, 0.5
"""Number of shells, their counts, their thickness in voxels, and counts everywhere."""
PUBLISHED = (2.22, 1.44, 58)
"""Loss before and after, and seconds on a Tesla V100; of another network and loss."""


class Case(NamedTuple):
    """Counts, the gap cut into them, and the noise-free counts where they are known."""

    name: str
    whole: Pattern
    mask: NDArray[np.bool_]
    truth: NDArray[np.float32] | None


def make(settings: StudySettings, advance: Advance) -> StudyResult:
    """Fill one cross by the network as it is given, and after fine-tuning.

    Parameters
    ----------
    settings
        The quick form has fewer voxels and steps, and no crystal.
    advance
        Called with the fraction done.
    """
    cases = list(_cases(settings))
    scores: list[tuple[Any, ...]] = []
    trainings: list[tuple[Any, ...]] = []
    checks: list[tuple[Any, ...]] = []
    curves, figures = {}, {}
    for number, case in enumerate(cases):
        part = Part(advance, number / len(cases), (number + 1) / len(cases))
        gapped = case.whole.with_mask(case.mask)
        tuned = fine_tune(
            gapped,
            device=settings.device,
            seed=settings.seed,
            steps=EVERY if settings.quick else STEPS,
            progress=Part(part, 0.0, 0.8),
        )
        trainings.append((case.name, *(getattr(tuned, name) for name in FOUND), tuned.seconds))
        steps = [EVERY * n for n in range(len(tuned.checks))]
        curves[case.name] = (steps, tuned.checks)
        checks += [(case.name, *row) for row in zip(steps, tuned.checks, strict=True)]
        rows, images = _filled(case, gapped, tuned, settings.device, Part(part, 0.8, 1.0))
        scores += rows
        figures["" if case.name == "shells" else case.name] = fillings_figure(
            images, ("in the gap", "across it")
        )
    tables = {"": Table(("pattern", "method", "network", *SCORES), scores)}
    tables["training"] = Table(("pattern", *FOUND, "seconds"), trainings)
    tables["checks"] = Table(CHECKS, checks)
    figures["training"] = held_back_figure(curves)
    return StudyResult(tables=tables, figures=figures, summary=_summary(tables))


def _filled(
    case: Case, gapped: Pattern, tuned: Tuned, device: str, advance: Part
) -> tuple[list[tuple[Any, ...]], dict[str, tuple[NDArray[np.floating], NDArray[np.floating]]]]:
    """Scores of the gap, and pictures of what fills it, before and after."""
    known = case.mask & ~case.whole.mask
    linear = inpaint(gapped, method="linear").intensity
    images = {
        "counts": _planes(np.where(case.whole.mask, np.nan, case.whole.intensity), case.mask),
        "gap": _planes(np.where(gapped.mask, np.nan, gapped.intensity), case.mask),
    }
    rows = []
    for method in METHODS:
        for name, network in (("given", None), ("tuned", tuned.predictor)):
            filled = inpaint(gapped, method=method, device=device, network=network, gain=tuned.gain)
            found = score(
                filled, known, truth=case.truth, counts=case.whole.intensity, linear=linear, seconds=0.0
            )
            rows.append((case.name, method, name, *(getattr(found, number) for number in SCORES)))
            images[f"{method}, {name}"] = _planes(filled.intensity, case.mask)
            advance(len(rows) / (2 * len(METHODS)))
    return rows, images


def _cases(settings: StudySettings) -> Iterator[Case]:
    side = 48 if settings.quick else 64
    generator = np.random.default_rng(settings.seed)
    expected = shells(side, generator)
    mask = cross(expected.shape, WIDTH, side // 2 + FROM_PEAK)
    counts = generator.poisson(expected).astype(np.float32)
    whole = pattern_of(counts)
    yield Case("shells", whole, mask, expected)
    if not settings.quick:
        made = crystal(side, generator, phase_range=RANGE, atoms=ATOMS)
        yield Case("crystal", made.pattern, mask, made.expectation)
    if settings.pattern is not None:
        whole = around_peak(load(settings.pattern), side).measured
        peak = int(np.unravel_index(np.argmax(whole.intensity), whole.shape)[1])
        yield Case("measured", whole, cross(whole.shape, WIDTH, peak + FROM_PEAK), None)


def _planes(
    counts: NDArray[np.floating], mask: NDArray[np.bool_]
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """The middle plane inside the gap across the rows, and the plane of the middle frame."""
    rows = np.flatnonzero(mask.all(axis=(0, 2)))
    logs = np.log10(1 + counts)
    return logs[:, rows[len(rows) // 2]], logs[counts.shape[0] // 2]


def shells(side: int, generator: np.random.Generator) -> NDArray[np.float32]:
    """Draw expected counts on crossing shells over a background: a texture that no crystal has.

    Parameters
    ----------
    side
        Voxels along each axis.
    generator
        Source of every random number.
    """
    expected = np.full((side,) * 3, BACKGROUND)
    for _ in range(SHELLS):
        centre, radius = side / 2 + generator.uniform(-60, 60, 3), generator.uniform(20, 80)
        away = sum(np.ix_(*(np.square(np.arange(side) - c) for c in centre)))
        expected += HEIGHT * np.exp(-np.square((np.sqrt(away) - radius) / THICKNESS))
    return expected.astype(np.float32)


def _summary(tables: dict[str, Table]) -> str:
    lines = []
    for row in tables["training"].records:
        mine = {(r["method"], r["network"]): r for r in tables[""].records if r["pattern"] == row["pattern"]}
        errors = ", ".join(
            f"{method} {mine[method, 'given']['log_error']:.4f} to {mine[method, 'tuned']['log_error']:.4f}"
            for method in METHODS
        )
        used = "new weights" if row["improved"] else "the weights given"
        lines.append(
            f"{row['pattern']}: held-back error {row['before']:.4f} to {row['after']:.4f} "
            f"(± {row['uncertainty']:.4f}) in {row['seconds']:.0f} s, {used} are used; log error in the gap: "
            f"{errors}"
        )
    before, after, seconds = PUBLISHED
    return "\n  ".join(
        [*lines, f"thesis: a loss of {before} to {after} in {seconds} s (another network, a Tesla V100)"]
    )
