"""A training run of a network for phase retrieval, from one configuration file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Discriminator, RootModel, Tag, model_validator

from sayre.data.toml import FromToml
from sayre.retrieval.prepare import first_fill
from sayre.simulation.strained.disturbed import Disturbances, disturbed
from sayre.simulation.strained.voxels import VoxelPopulation, draw
from sayre.training.crystals import train_on_crystals
from sayre.training.progress import Report
from sayre.training.published.train import PublishedTraining, Scattered
from sayre.training.published.train import Source as PublishedSource
from sayre.training.shape.train import Drawn, ShapeTraining, Source


class PhaseRun(FromToml, ShapeTraining):
    """How to train the network that sees the shape, and on which crystals."""

    population: VoxelPopulation = VoxelPopulation()
    disturbances: Disturbances | None = None

    @model_validator(mode="before")
    @classmethod
    def _named(cls, raw: Any) -> Any:
        if isinstance(raw, dict) and raw.get("network") == "shape":
            return {key: value for key, value in raw.items() if key != "network"}
        return raw

    @model_validator(mode="after")
    def _fits(self) -> Self:
        _same_dimensions(self.population, self.dimensions)
        return self


class PublishedRun(FromToml, PublishedTraining):
    """How to train the published network, and on which crystals."""

    network: Literal["published"] = "published"
    population: VoxelPopulation = VoxelPopulation()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        _same_dimensions(self.population, self.dimensions)
        return self


def _same_dimensions(population: VoxelPopulation, dimensions: int) -> None:
    if population.dimensions != dimensions:
        raise ValueError(f"population.dimensions: {population.dimensions}, not {dimensions}")


def _kind(raw: Any) -> Any:
    return raw.get("network", "shape") if isinstance(raw, dict) else None


_Run = Annotated[
    Annotated[PhaseRun, Tag("shape")] | Annotated[PublishedRun, Tag("published")],
    Discriminator(
        _kind,
        custom_error_type="network",
        custom_error_message="network is neither 'shape' nor 'published'",
    ),
]


class AnyPhaseRun(FromToml, RootModel[_Run]):
    """A configuration whose key `network` says what is trained: "shape" (the default) or "published"."""


def voxel_source(population: VoxelPopulation, disturbances: Disturbances | None = None) -> Source:
    """Photon counts of random strained crystals, with what they cover.

    Disturbed ones have their gaps filled linearly, as `sayre.retrieval.prepare.first_fill` does it: what that
    spreads over the autocorrelation is not to be taken for the crystal.
    """

    def source(generator: np.random.Generator) -> Drawn:
        made = draw(population, generator)
        expected = np.abs(made.amplitude) ** 2
        if disturbances is None:
            return Drawn(generator.poisson(expected).astype(np.float32), made.coverage)
        return Drawn(first_fill(disturbed(expected, disturbances, generator)), made.coverage)

    return source


def amplitude_source(population: VoxelPopulation) -> PublishedSource:
    """Photon counts of random strained crystals, with the amplitude behind them."""

    def source(generator: np.random.Generator) -> Scattered:
        made = draw(population, generator)
        counts = generator.poisson(np.abs(made.amplitude) ** 2).astype(np.float32)
        return Scattered(counts, made.amplitude)

    return source


def train_phase(
    run: PhaseRun | PublishedRun,
    folder: Path,
    *,
    resume: Path | None = None,
    force: bool = False,
    report: Report | None = None,
) -> Path:
    """Train as `run` says; returns the weights.

    Parameters
    ----------
    run
        The configuration.
    folder, resume, force
        As `sayre.training.folder.check_folder` takes them.
    report
        Told of every step.

    Raises
    ------
    InputError
        As `sayre.training.folder.check_folder`.
    """
    source = (
        amplitude_source(run.population)
        if isinstance(run, PublishedRun)
        else voxel_source(run.population, run.disturbances)
    )
    return train_on_crystals(run, source, folder, resume=resume, force=force, report=report)
