"""A training run of a network for phase retrieval, from one configuration file."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
from pydantic import model_validator

from sayre.data.toml import FromToml
from sayre.phasing.shape.training import Drawn, ShapeTraining, Source, train_shape
from sayre.simulate.voxels import VoxelPopulation, draw


class PhaseRun(FromToml, ShapeTraining):
    """How to train, and on which crystals."""

    population: VoxelPopulation = VoxelPopulation()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.population.dimensions != self.dimensions:
            raise ValueError(f"population.dimensions: {self.population.dimensions}, not {self.dimensions}")
        return self


def voxel_source(population: VoxelPopulation) -> Source:
    """Photon counts of random strained crystals, with what they cover."""

    def source(generator: np.random.Generator) -> Drawn:
        made = draw(population, generator)
        counts = generator.poisson(np.abs(made.amplitude) ** 2).astype(np.float32)
        return Drawn(counts, made.coverage)

    return source


def train_phase(run: PhaseRun, folder: Path, *, resume: Path | None = None, progress: bool = True) -> Path:
    """Train as `run` says; returns the weights."""
    return train_shape(run, voxel_source(run.population), folder, resume=resume, progress=progress)
