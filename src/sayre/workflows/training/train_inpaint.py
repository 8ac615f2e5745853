"""Training of a filling network, as one configuration file describes it."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from sayre import files
from sayre.data.toml import FromToml
from sayre.errors import InputError
from sayre.numerics.progress import Advance
from sayre.simulation.dataset import dataset_source
from sayre.simulation.peak import Population, random_expectation
from sayre.training.filling.config import InpaintTraining
from sayre.training.filling.samples import Truth, TruthSource
from sayre.training.filling.train import TrainedWeights, train


class InpaintRun(FromToml, InpaintTraining):
    """How a filling network is trained, and on which patterns.

    Attributes
    ----------
    population
        Ranges of the patterns that are simulated during the training.
    dataset
        Folder of a data set of `sayre simulate dataset`.
    dataset_fraction
        Share of the simulated patterns that are of the data set, if there is one.
    measured
        Folder of measured patterns.
    measured_fraction
        Share of all patterns that are measured, if there are any.
    """

    population: Population = Population()
    dataset: Path | None = Field(None)
    dataset_fraction: float = Field(1.0, ge=0, le=1)
    measured: Path | None = Field(None)
    measured_fraction: float = Field(0.5, ge=0, le=1)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if max(self.windows.shape) > self.population.size:
            raise ValueError(
                f"windows.shape: {max(self.windows.shape)} voxels are larger than population.size "
                f"({self.population.size})"
            )
        return self


def simulated_source(population: Population) -> TruthSource:
    """Return a function that draws noise-free patterns of random particles."""

    def source(generator: np.random.Generator) -> Truth:
        return Truth(random_expectation(population, generator)[0], False)

    return source


def stored_source(folder: Path, split: str, smallest: int) -> TruthSource:
    """Return a function that draws noise-free patterns of a data set; each draw reads one pattern.

    Parameters
    ----------
    folder
        Folder of the data set.
    split
        Split to draw from.
    smallest
        Smallest number of voxels along an axis that the patterns may have.

    Raises
    ------
    InputError
        The folder holds no data set, the split has no pattern, or the patterns are too small.
    """
    drawn = dataset_source(folder, split=split)
    side = min(drawn(np.random.default_rng(0)).shape)
    if side < smallest:
        raise InputError(
            f"dataset: the patterns of {folder} have {side} voxels along an axis, but windows need "
            f"{smallest}; smaller windows, or a data set of larger patterns, would do"
        )

    def source(generator: np.random.Generator) -> Truth:
        return Truth(drawn(generator), False)

    return source


def truth_sources(run: InpaintRun) -> tuple[TruthSource, TruthSource]:
    """Return functions that draw simulated patterns to train and to validate on, which share no particle."""
    simulated = simulated_source(run.population)
    if run.dataset is None:
        return simulated, simulated
    train, validation = (
        _mixed(stored_source(run.dataset, split, max(run.windows.shape)), simulated, run.dataset_fraction)
        for split in ("train", "validation")
    )
    return train, validation


def _mixed(some: TruthSource, others: TruthSource, fraction: float) -> TruthSource:
    """Return a function that draws a fraction of its patterns from `some`, and the rest from `others`."""

    def source(generator: np.random.Generator) -> Truth:
        return (some if generator.random() < fraction else others)(generator)

    return source


def mixed_source(simulated: TruthSource, folder: Path, fraction: float, smallest: int) -> TruthSource:
    """Return a function that draws measured and simulated patterns.

    Parameters
    ----------
    simulated
        Draws simulated patterns.
    folder
        Folder of the measured patterns; those that are too small are left out.
    fraction
        Share of measured patterns.
    smallest
        Smallest number of voxels along an axis that a pattern may have.

    Raises
    ------
    InputError
        There is no such folder, or no pattern in it is large enough.
    """
    if not folder.is_dir():
        raise InputError(f"measured: {folder} is not a folder; a folder of patterns would do")
    patterns = [files.load(path) for path in sorted(folder.iterdir()) if path.is_file()]
    truths = [
        Truth(p.intensity, True, p.mask if p.mask.any() else None)
        for p in patterns
        if len(p.shape) == 3 and min(p.shape) >= smallest
    ]
    if not truths:
        raise InputError(
            f"measured: {folder} has no 3D pattern of {smallest} voxels or more along each axis; smaller "
            "windows or larger patterns would do"
        )

    return _mixed(lambda generator: truths[int(generator.integers(len(truths)))], simulated, fraction)


def train_inpaint(
    run: InpaintRun,
    folder: Path,
    *,
    resume: Path | None = None,
    force: bool = False,
    progress: Advance | None = None,
) -> TrainedWeights:
    """Train a filling network, and validate it on simulated particles that training never draws.

    Parameters
    ----------
    run
        The configuration.
    folder, resume, force
        As `sayre.training.folder.check_folder` takes them.
    progress
        Called after every step.

    Raises
    ------
    InputError
        As `sayre.training.folder.check_folder`, `stored_source` and `mixed_source`.
    """
    source, validation = truth_sources(run)
    if run.measured is not None:
        source = mixed_source(source, run.measured, run.measured_fraction, max(run.windows.shape))
    return train(run, source, folder, validation=validation, resume=resume, force=force, progress=progress)
