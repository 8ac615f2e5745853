"""Crystals of each class of strain phased in several ways, and the tables of what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from sayre.numerics.progress import Advance
from sayre.studies.intervals import mean_with_interval, verdict
from sayre.studies.phasing.drawn import Case, case
from sayre.studies.phasing.judged import Score
from sayre.studies.phasing.ways import Store, Ways, shares
from sayre.studies.study import StudySettings, Table

LEVELS = (0.9, 0.95, 0.98)
COLUMNS = (
    "dimensions",
    "phase_range",
    "way",
    "crystals",
    "refused",
    "above_0.9",
    "above_0.95",
    "above_0.98",
    "median_correlation",
    "wca",
    "strain_rmse",
    "starts",
    "seconds",
)
CLAIMS = (
    "claim",
    "dimensions",
    "phase_range",
    "crystals",
    "difference",
    "low",
    "high",
    "published",
    "verdict",
)
FEWEST = 5
"""Crystals from which on a claim is judged."""


class Form(NamedTuple):
    """Size of a study: crystals of each class, and starts without a network."""

    classes: Sequence[str]
    crystals: int
    starts: int


class Found(NamedTuple):
    """A crystal and the score of each way."""

    case: Case
    scores: Mapping[str, Score]


class Claim(NamedTuple):
    """That one way is better than another, and the classes for which it is published."""

    better: str
    worse: str
    published: Sequence[str]


def compare(
    study: str, settings: StudySettings, dimensions: int, form: Form, ways: Ways, advance: Advance
) -> list[Found]:
    """Phase crystals in several ways; those that were phased before are not phased again.

    One crystal of each class after the other, so that a study that ends early has as many of each.

    Parameters
    ----------
    study
        Name of the study.
    settings
        Of the study.
    dimensions
        2 or 3.
    form
        Which crystals, and how many.
    ways
        How they are phased.
    advance
        Called with the fraction done.
    """
    store = Store(study, settings, ways)
    found: list[Found] = []
    steps = form.crystals * len(form.classes) * len(ways)
    for number in range(form.crystals):
        drawn = [case(dimensions, c, number, seed=settings.seed, quick=settings.quick) for c in form.classes]
        if number and settings.out_of_time and not all(store.has(one, ways) for one in drawn):
            break
        for one in drawn:
            scores = {}
            for way, told in ways.items():
                scores[way] = store.score(one, way, told, settings.device)
                advance((len(found) * len(ways) + len(scores)) / steps, one.name)
            found.append(Found(one, scores))
    advance(1.0)
    return found


def by_class(found: Sequence[Found]) -> dict[tuple[int, str], list[Found]]:
    """Return the crystals of each number of dimensions and class of strain.

    Parameters
    ----------
    found
        All crystals.
    """
    classes: dict[tuple[int, str], list[Found]] = {}
    for one in found:
        classes.setdefault((one.case.dimensions, one.case.strain), []).append(one)
    return classes


def table_of(found: Sequence[Found]) -> Table:
    """Return the table of the ways by class.

    Parameters
    ----------
    found
        Every crystal.
    """
    rows = [
        (*name, way, len(mine), *_means([one.scores[way] for one in mine]))
        for name, mine in by_class(found).items()
        for way in mine[0].scores
    ]
    return Table(COLUMNS, rows)


def claims_of(found: Sequence[Found], claims: Sequence[Claim]) -> Table:
    """Return the mean difference of the correlations, crystal by crystal, of the ways that are compared.

    Parameters
    ----------
    found
        Every crystal.
    claims
        Which ways.
    """
    rows = []
    for claim in claims:
        for name, mine in by_class(found).items():
            values = [o.scores[claim.better].correlation - o.scores[claim.worse].correlation for o in mine]
            mean, low, high = mean_with_interval(np.array(values))
            published = name[1] in claim.published
            judged = verdict(low, high) if len(mine) >= FEWEST else "too few crystals"
            text = f"{claim.better} above {claim.worse}"
            rows.append((text, *name, len(mine), mean, low, high, "above" if published else "", judged))
    return Table(CLAIMS, rows)


def crystals_of(found: Sequence[Found]) -> Table:
    """Return the table of every crystal and way.

    Parameters
    ----------
    found
        Every crystal.
    """
    columns = ("dimensions", "phase_range", "crystal", "kind", "way", *Score._fields)
    rows = [
        (one.case.dimensions, one.case.strain, one.case.number, one.case.crystal.crystal.kind, way, *score)
        for one in found
        for way, score in one.scores.items()
    ]
    return Table(columns, rows)


def summary_of(table: Table, claims: Table) -> str:
    """Say what was found.

    Parameters
    ----------
    table, claims
        As `table_of` and `claims_of` return them.
    """
    lines = [
        f"{row['dimensions']}D, phase range {row['phase_range']} π, {row['way']}: {row['above_0.95']:.0%} of "
        f"{row['crystals']} above 0.95, median {row['median_correlation']:.3f}"
        for row in table.records
    ]
    lines += [
        f"{row['claim']}, {row['dimensions']}D, {row['phase_range']} π: {row['difference']:+.3f} "
        f"[{row['low']:+.3f}, {row['high']:+.3f}], {row['verdict']}"
        for row in claims.records
    ]
    return "\n  ".join(lines)


def _means(scores: Sequence[Score]) -> tuple[Any, ...]:
    values = [score.correlation for score in scores]
    made = [score for score in scores if score.starts]
    means = (
        float(np.mean([getattr(score, name) for score in made])) if made else None
        for name in ("wca", "strain", "starts", "seconds")
    )
    return len(scores) - len(made), *shares(values, LEVELS), float(np.median(values)), *means
