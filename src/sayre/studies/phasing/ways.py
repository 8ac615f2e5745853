"""Crystals phased in several ways; what was found is kept, so that a study that was stopped goes on."""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sayre.data import AnyPattern
from sayre.errors import InputError, SayreWarning
from sayre.files.atomic import replacing
from sayre.retrieval.learned.predictor import load_predictor
from sayre.retrieval.phased import Phased
from sayre.retrieval.phasing import phase
from sayre.studies.phasing.drawn import Case
from sayre.studies.phasing.judged import Score, judge
from sayre.studies.study import StudySettings

Ways = Mapping[str, Mapping[str, Any]]
"""Settings of `sayre.phase` by the name of the way."""
REFUSED = Score(0.0, 0.0, float("nan"), float("nan"), float("nan"), 0, 0.0)
"""Of counts that cannot be phased."""


class Store:
    """Scores by crystal and way in a file of the folder of trained networks.

    Parameters
    ----------
    study
        Name of the study.
    settings
        Of the study; scores of another form, seed or of other ways are not taken.
    ways
        The ways.
    """

    def __init__(self, study: str, settings: StudySettings, ways: Ways) -> None:
        self.file = settings.trained / f"{study}.json"
        told = {"quick": settings.quick, "seed": settings.seed, "ways": {k: dict(v) for k, v in ways.items()}}
        self.about = json.loads(json.dumps(told))
        self.scores: dict[str, dict[str, Score]] = {}
        if (kept := _read(self.file)) is not None and kept["about"] == self.about:
            self.scores = {
                case: {way: Score(*values) for way, values in found.items()}
                for case, found in kept["scores"].items()
            }

    def has(self, case: Case, ways: Ways) -> bool:
        """Return whether a crystal was phased in every way.

        Parameters
        ----------
        case
            The crystal.
        ways
            The ways.
        """
        return ways.keys() <= self.scores.get(case.name, {}).keys()

    def add(self, case: Case, way: str, score: Score) -> None:
        """Keep a score.

        Parameters
        ----------
        case
            The crystal.
        way
            How it was phased.
        score
            How near the truth it came.
        """
        self.scores.setdefault(case.name, {})[way] = score
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(self.file, force=True) as file:
            file.write(json.dumps({"about": self.about, "scores": self.scores}).encode())

    def score(self, case: Case, way: str, settings: Mapping[str, Any], device: str) -> Score:
        """Return the score of a crystal, which is phased if it was not before.

        Parameters
        ----------
        case
            The crystal.
        way
            Name of the way.
        settings
            Its settings of `sayre.phase`.
        device
            `auto`, `cpu` or `cuda`.
        """
        if way not in self.scores.get(case.name, {}):
            began = time.process_time()
            try:
                found = phased(case.pattern, settings, device)
                score = judge(found, case.amplitude, time.process_time() - began)
            except InputError:
                score = REFUSED
            self.add(case, way, score)
        return self.scores[case.name][way]


def phased(pattern: AnyPattern, settings: Mapping[str, Any], device: str) -> Phased:
    """Phase counts without refinement of beam and detector; the scores tell what warnings would.

    Parameters
    ----------
    pattern
        The counts.
    settings
        Of `sayre.phase`.
    device
        `auto`, `cpu` or `cuda`.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SayreWarning)
        return phase(pattern, device=device, **{"refine": "none", **settings})


def of_published(settings: StudySettings, dimensions: int) -> dict[str, dict[str, Any]]:
    """Return the ways of the published network, where one was trained into the folder of trained networks.

    Parameters
    ----------
    settings
        Of the study.
    dimensions
        2 or 3.

    Raises
    ------
    InputError
        The weights there are of another network.
    """
    weights = settings.trained / f"published-{dimensions}d" / "weights.safetensors"
    if not weights.is_file():
        return {}
    load_predictor(weights, dimensions)
    start: dict[str, Any] = {"init": "network", "init_weights": str(weights)}
    return {
        "published, predicted": {**start, "recipe": "ER*1", "runs": 1},
        "published, refined": {**start, "recipe": "strained"},
    }


def shares(correlations: Sequence[float], levels: Sequence[float]) -> list[float]:
    """Return the share of the correlations above each level.

    Parameters
    ----------
    correlations
        One for each crystal.
    levels
        The levels.
    """
    return [sum(value > level for value in correlations) / len(correlations) for level in levels]


def _read(file: Path) -> Any:
    """Read what was kept; None where there is nothing, or nothing that can be read."""
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return kept if isinstance(kept, dict) and {"about", "scores"} <= kept.keys() else None
