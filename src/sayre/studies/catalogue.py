"""Every study by name, in the order of the thesis."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

from sayre.data.hints import did_you_mean
from sayre.errors import InputError
from sayre.studies.study import Make, Study

_ALL = (
    Study(
        "simulation-2d",
        "Figure 4.3",
        "the five steps of simulating a 2D pattern",
        "sayre.studies.simulation_2d:make",
    ),
)

STUDIES: Mapping[str, Study] = {study.name: study for study in _ALL}


def find(name: str) -> Study:
    """Return a study by name.

    Raises
    ------
    InputError
        No study has that name; the message suggests the nearest.
    """
    if name not in STUDIES:
        hint = did_you_mean(name, STUDIES) or f"; known are {', '.join(STUDIES)} and all"
        raise InputError(f"{name}: is no study{hint}")
    return STUDIES[name]


def function_of(study: Study) -> Make:
    """Import the function that makes a study."""
    module, _, name = study.make.partition(":")
    made: Make = getattr(importlib.import_module(module), name)
    return made
