"""Figures 4.1 and 4.2: phase retrieval with a gap left as zeros, masked, and filled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sayre import files
from sayre.data import AnyPattern, FilledPattern, Pattern
from sayre.figures.studies.spatial import Column, slices_figure
from sayre.filling.fill import inpaint
from sayre.numerics.fourier import to_object
from sayre.numerics.progress import Advance
from sayre.retrieval.choice.align import align, correlation
from sayre.retrieval.phased import Phased
from sayre.retrieval.phasing import phase
from sayre.retrieval.prepare import around_peak
from sayre.studies.spatial.patterns import cross, crystal
from sayre.studies.study import StudyResult, StudySettings, Table

COLUMNS = (
    "pattern",
    "gap",
    "correlation",
    "phase_error",
    "outside",
    "gap_sum_ratio",
    "residual",
    "agreement",
)
WIDTH, FROM_PEAK = 6, 5
"""Voxels across each plane of the cross, and from the peak to the first of them."""
PHASE_RANGE, ATOMS, INSIDE = 1.5, 20_000, 0.3


class Case(NamedTuple):
    """Counts, the gap cut into them, and the truth where it is known: the object and the expected counts.

    Where it is not, the object found without the gap takes its place.
    """

    name: str
    whole: Pattern
    mask: NDArray[np.bool_]
    truth: NDArray[np.complex64] | None
    expectation: NDArray[np.float32] | None


def make(settings: StudySettings, advance: Advance) -> StudyResult:
    """Phase a pattern with its gap left as zeros, masked, and filled and bounded by the error of the filling.

    Parameters
    ----------
    settings
        The quick form has fewer voxels and starts.
    advance
        Called with the fraction done.
    """
    rows: list[tuple[Any, ...]] = []
    shown: dict[str, list[Column]] = {}
    cases = list(_cases(settings))
    for number, case in enumerate(cases):

        def part(fraction: float, note: str = "", number: int = number) -> None:
            advance((number + fraction) / len(cases))

        found, shown[case.name] = _phased(case, settings, part)
        rows += found
    table = Table(COLUMNS, rows)
    return StudyResult(
        tables={"": table},
        figures={
            "" if number == 0 else case.name: slices_figure(shown[case.name])
            for number, case in enumerate(cases)
        },
        summary="\n  ".join(_said(row) for row in table.records),
    )


def _cases(settings: StudySettings) -> Iterator[Case]:
    """Yield the simulated pattern, and the measured one where there is one."""
    side = 40 if settings.quick else 96
    generator = np.random.default_rng(settings.seed)
    made = crystal(side, generator, phase_range=PHASE_RANGE, atoms=ATOMS)
    truth = np.asarray(to_object(made.amplitude), np.complex64)
    mask = cross(made.pattern.shape, WIDTH, side // 2 + FROM_PEAK)
    yield Case("simulated", made.pattern, mask, truth, made.expectation)
    if settings.pattern is not None:
        whole = around_peak(files.load(settings.pattern), side).measured
        peak = int(np.unravel_index(np.argmax(whole.intensity), whole.shape)[1])
        yield Case("measured", whole, cross(whole.shape, WIDTH, peak + FROM_PEAK), None, None)


def _phased(
    case: Case, settings: StudySettings, advance: Advance
) -> tuple[list[tuple[Any, ...]], list[Column]]:
    """Phase a pattern in every way."""
    rows, columns, truth = [], [], case.truth
    masked = case.whole.with_mask(case.mask)
    nothing = np.zeros(case.mask.shape, np.float32)
    zeros = FilledPattern(pattern=masked, intensity=masked.intensity, sigma=nothing, method="zeros")
    method = "wiener" if settings.quick else "auto"
    filled = inpaint(masked, method=method, device=settings.device)
    ways: dict[str, AnyPattern] = {"no gap": case.whole, "zeros": zeros, "masked": masked, "filled": filled}
    runs, keep = (2, 1.0) if settings.quick else (8, 0.5)
    for done, (name, pattern) in enumerate(ways.items()):
        found = phase(
            pattern, runs=runs, keep=keep, seed=settings.seed, refine="none", device=settings.device
        )
        truth = found.object if truth is None else truth
        ours = align(found.object, truth)
        rows.append(
            (
                case.name,
                name,
                *object_scores(ours, truth),
                _in_gap(case, found),
                found.residual,
                found.agreement,
            )
        )
        hidden = case.mask if name == "masked" else np.zeros(case.mask.shape, bool)
        columns.append(
            Column(
                title=name,
                counts=np.where(hidden, np.nan, _counts(pattern)),
                expected=found.expected,
                object=ours,
                support=np.abs(truth) > INSIDE * np.abs(truth).max(),
            )
        )
        advance((done + 1) / len(ways))
    return rows, columns


def _counts(pattern: AnyPattern) -> NDArray[np.float32]:
    return np.asarray(pattern.intensity, np.float32)


def object_scores(ours: NDArray[np.complex64], truth: NDArray[np.complex64]) -> tuple[float, float, float]:
    """Return the correlation, the error of the phases inside, and the share of the object that is outside.

    Parameters
    ----------
    ours, truth
        Of one shape, aligned.
    """
    inside = np.abs(truth) > INSIDE * np.abs(truth).max()
    turned = np.angle(ours[inside] * truth[inside].conj())
    power = np.abs(ours) ** 2
    near = np.abs(truth) > 0.05 * np.abs(truth).max()
    return (
        correlation(ours, truth),
        float(np.sqrt(np.mean((turned - np.angle(np.exp(1j * turned).sum())) ** 2))),
        float(power[~near].sum() / power.sum()),
    )


def _in_gap(case: Case, found: Phased) -> float | None:
    """Return the counts that the object has in the gap, over those expected in truth."""
    if case.expectation is None or any(found.origin) or found.expected.shape != case.mask.shape:
        return None
    return float(found.expected[case.mask].sum() / case.expectation[case.mask].sum())


def _said(row: dict[str, Any]) -> str:
    ratio = row["gap_sum_ratio"]
    there = "" if ratio is None else f", {ratio:.2f} of the counts that belong into the gap"
    return (
        f"{row['pattern']}, {row['gap']}: correlation {row['correlation']:.4f}, phases wrong by "
        f"{row['phase_error']:.3f} rad, {row['outside']:.1%} outside the crystal{there}"
    )
