"""Training of a network for phase retrieval, as one configuration file describes it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Discriminator, RootModel, Tag, model_validator

from sayre.data.toml import FromToml
from sayre.numerics.progress import Advance
from sayre.retrieval.prepare import first_fill
from sayre.simulation.strained.disturbed import Disturbances, disturbed
from sayre.simulation.strained.voxels import VoxelPopulation, draw
from sayre.training.crystals import train_on_crystals
from sayre.training.published.train import AmplitudeSample, AmplitudeSource, PublishedTraining
from sayre.training.shape.train import CoverageSample, CoverageSource, ShapeTraining


class PhaseRun(FromToml, ShapeTraining):
    """How the shape network is trained, and on which crystals.

    Attributes
    ----------
    population
        Ranges of the crystals.
    disturbances
        Background, blur, other grains and gaps of the patterns; None is none of them.
    """

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
    """How the published network is trained, and on which crystals.

    Attributes
    ----------
    population
        Ranges of the crystals.
    """

    network: Literal["published"] = "published"
    population: VoxelPopulation = VoxelPopulation()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        _same_dimensions(self.population, self.dimensions)
        return self


def _same_dimensions(population: VoxelPopulation, dimensions: int) -> None:
    """Refuse crystals of other dimensions than the network's."""
    if population.dimensions != dimensions:
        raise ValueError(
            f"population.dimensions: must be {dimensions}, as dimensions is, not {population.dimensions}"
        )


def _kind(raw: Any) -> Any:
    """Return which network a configuration is for."""
    return raw.get("network", "shape") if isinstance(raw, dict) else None


_Run = Annotated[
    Annotated[PhaseRun, Tag("shape")] | Annotated[PublishedRun, Tag("published")],
    Discriminator(
        _kind,
        custom_error_type="network",
        custom_error_message="network must be 'shape' or 'published'",
    ),
]


class AnyPhaseRun(FromToml, RootModel[_Run]):
    """A configuration whose key `network` selects what is trained: "shape" (the default) or "published"."""


def voxel_source(population: VoxelPopulation, disturbances: Disturbances | None = None) -> CoverageSource:
    """Return a function that draws photon counts of strained crystals, with the shapes of the crystals.

    Gaps are filled linearly, as `sayre.retrieval.prepare.first_fill` does, so that the network learns what
    that adds to the autocorrelation.

    Parameters
    ----------
    population
        Ranges of the crystals.
    disturbances
        Background, blur, other grains and gaps; None is none of them.
    """

    def source(generator: np.random.Generator) -> CoverageSample:
        made = draw(population, generator)
        expected = np.abs(made.amplitude) ** 2
        if disturbances is None:
            return CoverageSample(generator.poisson(expected).astype(np.float32), made.coverage)
        return CoverageSample(first_fill(disturbed(expected, disturbances, generator)), made.coverage)

    return source


def amplitude_source(population: VoxelPopulation) -> AmplitudeSource:
    """Return a function that draws photon counts of strained crystals, with the scattered amplitudes."""

    def source(generator: np.random.Generator) -> AmplitudeSample:
        made = draw(population, generator)
        counts = generator.poisson(np.abs(made.amplitude) ** 2).astype(np.float32)
        return AmplitudeSample(counts, made.amplitude)

    return source


def train_phase(
    run: PhaseRun | PublishedRun,
    folder: Path,
    *,
    resume: Path | None = None,
    force: bool = False,
    progress: Advance | None = None,
) -> Path:
    """Train a network for phase retrieval.

    Parameters
    ----------
    run
        The configuration.
    folder, resume, force
        As `sayre.training.folder.check_folder` takes them.
    progress
        Called after every step.

    Returns
    -------
    Path of the weights.

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
    return train_on_crystals(run, source, folder, resume=resume, force=force, progress=progress)
