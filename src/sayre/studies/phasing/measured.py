"""Section 5.9: phasing of measured patterns with a network and without."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sayre import files
from sayre.data import AnyPattern, Pattern
from sayre.figures.studies.spatial import Column, slices_figure
from sayre.filling.fill import inpaint
from sayre.numerics.fourier import to_object
from sayre.numerics.progress import Advance
from sayre.retrieval.choice.align import align, correlation
from sayre.retrieval.phased import Phased
from sayre.retrieval.prepare import around_peak
from sayre.simulation.strained.disturbed import Disturbances, disturbed
from sayre.simulation.strained.testset import CLASSES
from sayre.simulation.strained.voxels import VoxelPopulation, draw
from sayre.studies.intervals import verdict
from sayre.studies.phasing.judged import INSIDE, part_of
from sayre.studies.phasing.ways import Ways, phased
from sayre.studies.spatial.patterns import cross
from sayre.studies.study import StudyResult, StudySettings, Table

Objects = NDArray[np.complex64]
COLUMNS = (
    "pattern",
    "way",
    "seed",
    "residual",
    "free_likelihood",
    "agreement",
    "starts",
    "seconds",
    "between_seeds",
    "with_random",
    "with_truth",
)
CLAIMS = ("claim", "pattern", "seeds", "difference", "low", "high", "published", "verdict")
AS_MEASURED = Disturbances(
    with_background=1.0,
    background=(0.05, 0.05),
    with_blur=1.0,
    blur=(0.3, 0.3),
    with_grain=1.0,
    grain=(1e-4, 1e-4),
    with_gaps=0.0,
)
"""Background, blur and another grain of the simulated patterns, which have a cross too."""
PEAK, OVERSAMPLING = (1e6, 1e6), (2.5, 3.0)
STRAINS = {"weak": "0-1", "strained": "2-4"}
WIDTH, FROM_PEAK = 3, 5
"""Voxels across each plane of the cross, and from the peak to the first of them."""
SIDE, QUICK_SIDE = 64, 40
QUICK_STARTS, STARTS, SEEDS = 6, 20, 3


class Case(NamedTuple):
    """Counts with their gaps filled, and the true amplitude where it is known."""

    name: str
    pattern: AnyPattern
    amplitude: Objects | None


class Result(NamedTuple):
    """What a way found from one seed."""

    found: Phased
    seconds: float


def make(settings: StudySettings, advance: Advance) -> StudyResult:
    """Phase disturbed patterns of which the truth is known, and a measured one, from several seeds.

    Parameters
    ----------
    settings
        The quick form has fewer voxels, seeds and starts.
    advance
        Called with the fraction done.
    """
    ways = ways_of(QUICK_STARTS if settings.quick else STARTS)
    seeds = range(1 if settings.quick else SEEDS)
    rows: list[tuple[Any, ...]] = []
    claims: list[tuple[Any, ...]] = []
    figures = {}
    cases = list(_cases(settings))
    for place, case in enumerate(cases):
        found: dict[str, list[Result]] = {}
        for number, (way, told) in enumerate(ways.items()):
            found[way] = []
            for seed in seeds:
                began = time.process_time()
                result = phased(case.pattern, {**told, "seed": seed + settings.seed}, settings.device)
                found[way].append(Result(result, time.process_time() - began))
                done = number + (seed + 1) / len(seeds)
                advance((place + done / len(ways)) / len(cases), case.name)
        aligned = _aligned(case, found)
        rows += _rows(case, found, aligned)
        claims.append(_claim(case, found))
        columns = [_column(way, found[way][0], aligned[way][0]) for way in found]
        figures[case.name] = slices_figure([*_true_column(case, found["random"][0].found), *columns])
    table = Table(COLUMNS, rows)
    return StudyResult(
        tables={"": table, "claims": Table(CLAIMS, claims)},
        figures={name if number else "": figure for number, (name, figure) in enumerate(figures.items())},
        summary="\n  ".join(_said(row) for row in table.records),
    )


def ways_of(starts: int) -> Ways:
    """Return the ways that are compared.

    Parameters
    ----------
    starts
        Starts at most.
    """
    return {
        "random": {"runs": starts},
        "network": {"init": "network", "recipe": "strained", "runs": starts},
        "network, default": {"init": "network", "recipe": "default", "runs": starts},
    }


def _cases(settings: StudySettings) -> Iterator[Case]:
    """Yield a weakly and a highly strained crystal, disturbed, and the measured pattern."""
    side = QUICK_SIDE if settings.quick else SIDE
    generator = np.random.default_rng(settings.seed)
    for name, strain in STRAINS.items():
        population = VoxelPopulation(
            side=side,
            oversampling=OVERSAMPLING,
            phase_range=CLASSES[strain],
            dislocation=0.0,
            misfit=0.0,
            max_counts=PEAK,
        )
        crystal = draw(population, generator)
        counts = disturbed(np.abs(crystal.amplitude) ** 2, AS_MEASURED, generator)
        gapped = counts.with_mask(cross(counts.shape, WIDTH, side // 2 + FROM_PEAK))
        yield Case(name, inpaint(gapped, method="wiener", device=settings.device), crystal.amplitude)
    if settings.pattern is not None:
        cut = around_peak(files.load_filled(settings.pattern), 48 if settings.quick else 96)
        if isinstance(cut, Pattern) and cut.mask.any():
            cut = inpaint(cut, method="wiener", device=settings.device)
        yield Case("measured", cut, None)


def _aligned(case: Case, found: Mapping[str, Sequence[Result]]) -> dict[str, list[Objects]]:
    """Align every object with the true one, or with the first of those from random starts."""
    first = found["random"][0].found
    fixed = first.object if case.amplitude is None else _truth(case.amplitude, first)
    return {way: [align(one.found.object, fixed) for one in results] for way, results in found.items()}


def _rows(
    case: Case, found: Mapping[str, Sequence[Result]], aligned: Mapping[str, Sequence[Objects]]
) -> list[tuple[Any, ...]]:
    rows = []
    for way, results in found.items():
        objects = aligned[way]
        between = [correlation(align(a, b), b) for a, b in pairwise(objects)]
        for seed, (result, ours) in enumerate(zip(results, objects, strict=True)):
            one, others = result.found, aligned["random"]
            truth = None if case.amplitude is None else correlation(ours, _truth(case.amplitude, one))
            with_random = float(np.mean([correlation(align(ours, other), other) for other in others]))
            rows.append(
                (
                    case.name,
                    way,
                    seed,
                    one.residual,
                    one.free_likelihood,
                    one.agreement,
                    len(one.runs),
                    result.seconds,
                    float(np.mean(between)) if between else None,
                    None if way == "random" else with_random,
                    truth,
                )
            )
    return rows


def _truth(amplitude: Objects, found: Phased) -> Objects:
    return np.asarray(to_object(part_of(found, amplitude)), np.complex64)


def _claim(case: Case, found: Mapping[str, Sequence[Result]]) -> tuple[Any, ...]:
    """Compare how well voxels that were kept back are predicted; the interval is that of pairs of seeds."""
    network, random = ([one.found.free_likelihood for one in found[way]] for way in ("network", "random"))
    low, high = min(random) - max(network), max(random) - min(network)
    text = "free likelihood of random less that of network"
    difference = float(np.mean(random) - np.mean(network))
    judged = verdict(low, high) if len(network) > 1 else "one seed"
    published = "above 0" if case.amplitude is None else ""
    return text, case.name, len(network), difference, low, high, published, judged


def _column(way: str, result: Result, ours: Objects) -> Column:
    """Return what is drawn of a way."""
    one = result.found
    counts = np.where(one.pattern.measured.mask, np.nan, one.pattern.intensity)
    inside = np.abs(ours) > INSIDE * np.abs(ours).max()
    return Column(way, counts, one.expected, ours, inside)


def _true_column(case: Case, found: Phased) -> list[Column]:
    """Return what is drawn of the truth, where it is known; nothing else has its counts without a gap."""
    if case.amplitude is None:
        return []
    truth, expected = _truth(case.amplitude, found), np.abs(part_of(found, case.amplitude)) ** 2
    return [Column("truth", expected, expected, truth, np.abs(truth) > INSIDE * np.abs(truth).max())]


def _said(row: dict[str, Any]) -> str:
    truth = "" if row["with_truth"] is None else f", correlation with the truth {row['with_truth']:.3f}"
    return (
        f"{row['pattern']}, {row['way']}, seed {row['seed']}: R {row['residual']:.3f}, agreement "
        f"{row['agreement']:.3f}, {row['starts']} starts, {row['seconds']:.0f} s{truth}"
    )
