"""Training of a network for phase retrieval, as one configuration file describes it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Discriminator, RootModel, Tag, model_validator
from torch import Tensor

from sayre.data.toml import FromToml
from sayre.numerics.progress import Advance
from sayre.retrieval.learned.shape_features import features_of_many
from sayre.retrieval.prepare import first_fill
from sayre.simulation.strained.disturbed import Disturbances, disturbed
from sayre.simulation.strained.plans import Plan, WidePopulation, plan
from sayre.simulation.strained.rendered import rendered
from sayre.simulation.strained.voxels import VoxelPopulation, draw
from sayre.training.crystals import Planner, Renderer, train_on_crystals
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
    wide
        Ranges of the wider population, in 3D, in place of `population`: its crystals are drawn as plans and
        rendered on the device of the network.
    """

    population: VoxelPopulation = VoxelPopulation()
    disturbances: Disturbances | None = None
    wide: WidePopulation | None = None

    @model_validator(mode="before")
    @classmethod
    def _named(cls, raw: Any) -> Any:
        if isinstance(raw, dict) and raw.get("network") == "shape":
            return {key: value for key, value in raw.items() if key != "network"}
        return raw

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.wide is None:
            _same_dimensions(self.population, self.dimensions)
        elif self.dimensions != 3 or self.wide.dimensions != 3 or self.wide.side != self.side:
            raise ValueError("wide: its crystals have 3 dimensions, as dimensions must be, and side voxels")
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


def planned(population: WidePopulation, disturbances: Disturbances | None = None) -> tuple[Planner, Renderer]:
    """Return a function that draws plans of strained crystals, and one that renders them.

    Parameters
    ----------
    population
        Ranges of the crystals.
    disturbances
        Background, blur, other grains and gaps; None is none of them.

    Returns
    -------
    The second function returns inputs and right outputs of the shape network.
    """
    none = Disturbances(with_background=0, with_blur=0, with_grain=0, with_gaps=0)

    def draw_plan(generator: np.random.Generator) -> Plan:
        return plan(population, disturbances or none, generator)

    def render(plans: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        made = rendered(plans, population.side)
        return features_of_many(made.counts), made.coverage

    return draw_plan, render


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
    if isinstance(run, PhaseRun) and run.wide is not None:
        plans, render = planned(run.wide, run.disturbances)
        return train_on_crystals(
            run, plans, folder, render=render, resume=resume, force=force, progress=progress
        )
    source = (
        amplitude_source(run.population)
        if isinstance(run, PublishedRun)
        else voxel_source(run.population, run.disturbances)
    )
    return train_on_crystals(run, source, folder, resume=resume, force=force, progress=progress)
