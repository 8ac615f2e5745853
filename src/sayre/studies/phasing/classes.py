"""Sections 5.2 and 5.6 to 5.8: crystals of each class of strain phased with a network and without."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sayre.figures.studies.phasing import classes_figure
from sayre.numerics.progress import Advance
from sayre.simulation.strained.testset import CLASSES
from sayre.studies.phasing.compared import (
    Claim,
    Form,
    Found,
    by_class,
    claims_of,
    compare,
    crystals_of,
    summary_of,
    table_of,
)
from sayre.studies.phasing.shape import judge_shape
from sayre.studies.phasing.ways import Ways, of_published
from sayre.studies.study import StudyResult, StudySettings, Table

SHAPES = ("dimensions", "phase_range", "crystals", "covered", "least_covered", "volume_ratio")
HIGHLY = ("2-4", "4-8")
"""Classes that are taken for the highly strained crystals of the article, which states no limit."""
FULL = {2: Form(tuple(CLASSES), 100, 20), 3: Form(tuple(CLASSES), 100, 6)}
QUICK = {2: Form(tuple(CLASSES), 3, 4), 3: Form(("0-1", "2-4"), 2, 4)}


def make_2d(settings: StudySettings, advance: Advance) -> StudyResult:
    """Phase 2D crystals of each class of strain.

    Parameters
    ----------
    settings, advance
        As `make` takes them.
    """
    return make(2, settings, advance)


def make_3d(settings: StudySettings, advance: Advance) -> StudyResult:
    """Phase 3D crystals of each class of strain.

    Parameters
    ----------
    settings, advance
        As `make` takes them.
    """
    return make(3, settings, advance)


def make(dimensions: int, settings: StudySettings, advance: Advance) -> StudyResult:
    """Phase crystals by the network alone, by iterations from what it predicts, and without it.

    Parameters
    ----------
    dimensions
        2 or 3.
    settings
        The quick form has fewer crystals and starts, and in 3D fewer voxels.
    advance
        Called with the fraction done.
    """
    form = (QUICK if settings.quick else FULL)[dimensions]
    ways = ways_of(settings, dimensions, form.starts)
    found = compare(f"phase-classes-{dimensions}d", settings, dimensions, form, ways, advance)
    shapes = [_shape(name, mine, settings.device) for name, mine in by_class(found).items()]
    table, crystals = table_of(found), crystals_of(found)
    claims = claims_of(found, [Claim("refined", "random", HIGHLY), Claim("refined", "predicted", HIGHLY)])
    return StudyResult(
        tables={"": table, "claims": claims, "shapes": Table(SHAPES, shapes), "crystals": crystals},
        figures={"": classes_figure(crystals.records)},
        summary=summary_of(table, claims),
    )


def ways_of(settings: StudySettings, dimensions: int, starts: int) -> Ways:
    """Return the ways that are compared.

    Parameters
    ----------
    settings
        Of the study.
    dimensions
        2 or 3.
    starts
        Starts without a network.
    """
    return {
        "predicted": {"init": "network", "recipe": "ER*1", "runs": 1},
        "refined": {"init": "network", "recipe": "strained"},
        **of_published(settings, dimensions),
        "random": {"init": "random", "runs": starts},
    }


def _shape(name: tuple[int, str], mine: Sequence[Found], device: str) -> tuple[Any, ...]:
    """Say how well the network knows the shapes of a class."""
    scores = [judge_shape(one.case, device) for one in mine]
    covered = [score.covered for score in scores]
    volume = float(np.mean([score.volume for score in scores]))
    return *name, len(mine), float(np.mean(covered)), min(covered), volume
