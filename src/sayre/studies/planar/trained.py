"""The networks of a 2D study: trained where they are not there yet, and loaded one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from torch import nn

from sayre.numerics.progress import Advance
from sayre.studies.study import StudySettings
from sayre.training.planar.several import load_trained, train_all
from sayre.training.planar.train import PlanarTraining

T = TypeVar("T")


class Trained(NamedTuple):
    """A network of a study; `network` is None where there was no time to train it."""

    config: PlanarTraining
    network: nn.Module | None


def trained(
    settings: StudySettings,
    trainings: Sequence[PlanarTraining],
    advance: Advance,
    share: float,
    meanwhile: Callable[[], T],
) -> tuple[T, Iterator[Trained]]:
    """Train what is missing.

    Parameters
    ----------
    settings
        Of the study.
    trainings
        The networks, in the order in which they are trained.
    advance
        Called with the fraction of the study that is done.
    share
        Fraction of the study that training is.
    meanwhile
        Called while other processes train, or afterwards.

    Returns
    -------
    What `meanwhile` returns, and the networks.
    """
    result = train_all(
        trainings,
        settings.trained,
        device=settings.device,
        processes=settings.processes,
        until=settings.until,
        progress=lambda fraction, note="": advance(share * fraction),
        meanwhile=meanwhile,
    )
    return result, (
        Trained(config, load_trained(config, settings.trained, settings.device)) for config in trainings
    )
