"""Phase retrieval with a gap as zeros, free, and filled: the error of strain and displacement."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sayre.data import AnyPattern, Pattern
from sayre.errors import SayreWarning
from sayre.figures.studies.retrieval_3d import retrieval_figure
from sayre.figures.studies.strain_3d import Map, maps_figure
from sayre.filling.fill import inpaint
from sayre.numerics.progress import Advance
from sayre.retrieval.choice.align import align
from sayre.retrieval.phased import Phased
from sayre.retrieval.phasing import phase
from sayre.retrieval.settings import Gaps
from sayre.studies.spatial.patterns import pattern_of
from sayre.studies.spatial.reference import Reference, cross_of, measured, strained
from sayre.studies.study import StudyResult, StudySettings, Table

RUN_COLUMNS = (
    "object",
    "gap_width",
    "gap",
    "method",
    "seed",
    "phase_gradient_rmse",
    "phase_rmse",
    "residual",
    "agreement",
)
COLUMNS = (
    "object",
    "gap_width",
    "gap",
    "method",
    "seeds",
    "phase_gradient_rmse",
    "phase_gradient_error",
    "strain_rmse",
    "displacement_pm",
    "displacement_error_pm",
    "empty_over",
    "empty_over_error",
    "masked_over",
    "masked_over_error",
)
WIDTHS, METHODS, SIDE, SEEDS, RUNS = (3, 6, 9, 12), ("linear", "wiener", "unet", "stack", "crystal"), 40, 2, 4
QUICK_WIDTHS, QUICK_METHODS, QUICK_SIDE, QUICK_SEEDS, QUICK_RUNS = (6,), ("wiener",), 36, 2, 4
WITHOUT_ERROR = ("linear",)
"""Methods that state no error, so that they fill hard alone."""
SIGMAS = 2.0
"""Half-width of the bounds of a filled voxel, in its standard errors, as `sayre phase` has it by default."""
ENOUGH = 0.98
"""Complex correlation of two starts from which on no more are made."""
Shown = tuple[NDArray[np.float32], NDArray[np.complexfloating]]
"""Counts, and the object found."""


class Way(NamedTuple):
    """What phase retrieval makes of a gap: counts, what it takes them for, and by which method."""

    gap: str
    method: str
    pattern: AnyPattern
    gaps: Gaps = "bounded"
    sigmas: float = SIGMAS


def make(settings: StudySettings, advance: Advance) -> StudyResult:
    """Phase a strained crystal with a cross beside its peak, in every way of treating the cross.

    Parameters
    ----------
    settings
        The quick form has fewer voxels, widths, methods, seeds and starts.
    advance
        Called with the fraction done.
    """
    quick = settings.quick
    side, widths = (QUICK_SIDE, QUICK_WIDTHS) if quick else (SIDE, WIDTHS)
    methods, seeds = (QUICK_METHODS, QUICK_SEEDS) if quick else (METHODS, SEEDS)
    kinds = 1 if settings.object is None else 2
    rows: list[tuple[Any, ...]] = []
    maps: dict[str, Map] = {}
    done, steps = 0, seeds * kinds * len(widths)
    objects: dict[str, Reference] = {}
    for seed in range(settings.seed, settings.seed + seeds):
        for reference in _objects(settings, side, np.random.default_rng(seed)):
            objects[reference.name] = reference
            whole = pattern_of(reference.counts)
            rows.append((reference.name, 0, *_phased(reference, Way("no gap", "", whole), seed, settings)[0]))
            for width in widths:
                shown: dict[str, Shown] = {"truth": (reference.counts, reference.truth)}
                gapped = pattern_of(reference.counts, cross_of(side, width))
                for way in _ways(gapped, methods, settings.device):
                    row, obj = _phased(reference, way, seed, settings)
                    rows.append((reference.name, width, *row))
                    if way.method in ("", methods[-1]):
                        shown[f"{way.gap} {way.method}".strip()] = (_given(way), obj)
                if width == widths[len(widths) // 2] and reference.name not in maps:
                    maps[reference.name] = _map(reference, width, shown)
                done += 1
                advance(done / steps)
    runs = Table(RUN_COLUMNS, rows)
    table = Table(COLUMNS, _means(runs, objects))
    return StudyResult(
        tables={"": table, "runs": runs},
        figures={"": retrieval_figure(table.records), "maps": maps_figure(list(maps.values()))},
        summary=_summary(table),
    )


def _objects(settings: StudySettings, side: int, generator: np.random.Generator) -> Iterator[Reference]:
    """Yield the simulated crystal, and the measured one where there is one."""
    yield strained(side, generator)
    if settings.object is not None:
        yield measured(settings.object, side, generator, sharp=False)


def _ways(gapped: Pattern, methods: Sequence[str], device: str) -> Iterator[Way]:
    """Yield every way of treating the gap."""
    yield Way("zeros", "", gapped, "zero")
    yield Way("free", "", gapped, "free")
    for method in methods:
        filled = inpaint(gapped, method=method, gain=1.0, device=device)
        yield Way("hard", method, filled, sigmas=0.0)
        if method not in WITHOUT_ERROR:
            yield Way("bounded", method, filled)


def _given(way: Way) -> NDArray[np.float32]:
    """Return the counts that phase retrieval is given, NaN where the gap is free."""
    counts = way.pattern.intensity
    return np.where(way.pattern.mask, np.float32(np.nan), counts) if way.gap == "free" else counts


def _phased(
    reference: Reference, way: Way, seed: int, settings: StudySettings
) -> tuple[tuple[Any, ...], NDArray[np.complex64]]:
    """Phase by the default recipe, and compare with the truth; doubts are told by the scores."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SayreWarning)
        found: Phased = phase(
            way.pattern,
            runs=QUICK_RUNS if settings.quick else RUNS,
            enough=ENOUGH,
            seed=seed,
            refine="none",
            gaps=way.gaps,
            sigmas=way.sigmas,
            device=settings.device,
        )
    obj = align(found.object, reference.truth.astype(np.complex64))
    errors = reference.gradient(obj), reference.phase_error(obj)[reference.support]
    scores = (float(np.sqrt(np.nanmean(values**2))) for values in errors)
    return (way.gap, way.method, seed, *scores, found.residual, found.agreement), obj


def _means(runs: Table, objects: dict[str, Reference]) -> list[tuple[Any, ...]]:
    """Average the seeds; the ratios to the gap as zeros and to the free gap are geometric means of pairs."""
    rows = []
    for key in dict.fromkeys((r["object"], r["gap_width"], r["gap"], r["method"]) for r in runs.records):
        name, width, gap, method = key
        reference = objects[name]
        mine = _values(runs, name, width, gap, method)
        gradient, slack = _mean_and_error([values[0] for values in mine])
        turned, slack_of_it = _mean_and_error([values[1] for values in mine])
        ratios: list[float | None] = [None] * 4
        if width:
            ratios = []
            for other in ("zeros", "free"):
                pairs = zip(_values(runs, name, width, other, ""), mine, strict=True)
                mean, error = _mean_and_error([float(np.log(theirs[0] / ours[0])) for theirs, ours in pairs])
                ratios += [float(np.exp(mean)), float(np.exp(mean) * error)]
        of = reference.displacement_of
        strain = reference.strain_of(gradient)
        rows.append((*key, len(mine), gradient, slack, strain, of(turned), of(slack_of_it), *ratios))
    return rows


def _values(runs: Table, name: str, width: int, gap: str, method: str) -> list[tuple[float, float]]:
    """Return the errors of derivative and phase of every seed."""
    return [
        (row["phase_gradient_rmse"], row["phase_rmse"])
        for row in runs.records
        if (row["object"], row["gap_width"], row["gap"], row["method"]) == (name, width, gap, method)
    ]


def _mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean and its standard error, NaN of a single value."""
    error = float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")
    return float(np.mean(values)), error


def _map(reference: Reference, width: int, shown: dict[str, Shown]) -> Map:
    """Counts, modulus and error of the phase derivative in the middle planes."""
    middle = len(reference.support) // 2
    columns = {
        name: (np.log10(1 + counts[middle]), np.abs(obj[middle]), reference.gradient(obj)[middle])
        for name, (counts, obj) in shown.items()
    }
    return Map(reference.name, width, columns)


def _summary(table: Table) -> str:
    """How far below the gap as zeros, and below the free one, each way is."""
    lines = []
    for row in table.records:
        if row["gap"] in ("free", "hard", "bounded"):
            lines.append(
                f"{row['object']}, gap of {row['gap_width']}, {row['gap']} {row['method']}".strip()
                + f": strain {row['empty_over']:.1f} ± {row['empty_over_error']:.1f} times below zeros, "
                f"{row['masked_over']:.2f} ± {row['masked_over_error']:.2f} times below a free gap"
            )
    return "\n  ".join(lines)
