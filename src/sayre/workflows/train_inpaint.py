"""A training run of a filling network, from one configuration file."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from sayre import files
from sayre.data.toml import FromToml
from sayre.errors import InputError
from sayre.simulation.dataset import dataset_source
from sayre.simulation.peak import Population, random_expectation
from sayre.training.filling.config import InpaintTraining
from sayre.training.filling.samples import Source, Truth
from sayre.training.filling.train import Result, train
from sayre.training.progress import Report


class InpaintRun(FromToml, InpaintTraining):
    """How to train, and on what: patterns of a data set, or simulated meanwhile; measured ones mixed in.

    `dataset_fraction` of the simulated patterns are of the data set, the rest of the `population`;
    `measured_fraction` of all are measured.
    """

    population: Population = Population()
    dataset: Path | None = Field(None, description="data set of `sayre simulate dataset`")
    dataset_fraction: float = Field(1.0, ge=0, le=1)
    measured: Path | None = Field(None, description="folder of measured patterns to mix in")
    measured_fraction: float = Field(0.5, ge=0, le=1)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if max(self.windows.shape) > self.population.size:
            raise ValueError("windows.shape: larger than population.size")
        return self


def simulated_source(population: Population) -> Source:
    """Noise-free patterns of random particles."""

    def source(generator: np.random.Generator) -> Truth:
        return Truth(random_expectation(population, generator)[0], False)

    return source


def stored_source(folder: Path, split: str, smallest: int) -> Source:
    """Noise-free patterns of one split of a data set; each draw reads one pattern.

    Raises
    ------
    InputError
        No data set, none of its patterns in the split, or patterns of less than `smallest` voxels a side.
    """
    drawn = dataset_source(folder, split=split)
    side = min(drawn(np.random.default_rng(0)).shape)
    if side < smallest:
        raise InputError(f"dataset: patterns of {folder} have {side} voxels a side, windows need {smallest}")

    def source(generator: np.random.Generator) -> Truth:
        return Truth(drawn(generator), False)

    return source


def truth_sources(run: InpaintRun) -> tuple[Source, Source]:
    """Simulated patterns for training and for validation, which share no particle."""
    simulated = simulated_source(run.population)
    if run.dataset is None:
        return simulated, simulated
    train, validation = (
        _mixed(stored_source(run.dataset, split, max(run.windows.shape)), simulated, run.dataset_fraction)
        for split in ("train", "validation")
    )
    return train, validation


def _mixed(some: Source, others: Source, fraction: float) -> Source:
    def source(generator: np.random.Generator) -> Truth:
        return (some if generator.random() < fraction else others)(generator)

    return source


def mixed_source(simulated: Source, folder: Path, fraction: float, smallest: int) -> Source:
    """`fraction` measured patterns of a folder, the rest simulated.

    Raises
    ------
    InputError
        No folder, or no pattern in it of at least `smallest` voxels a side.
    """
    if not folder.is_dir():
        raise InputError(f"measured: {folder} is not a folder of patterns")
    patterns = [files.load(path) for path in sorted(folder.iterdir()) if path.is_file()]
    truths = [
        Truth(p.intensity, True, p.mask if p.mask.any() else None)
        for p in patterns
        if len(p.shape) == 3 and min(p.shape) >= smallest
    ]
    if not truths:
        raise InputError(f"measured: {folder} has no 3D pattern of {smallest} voxels a side or more")

    return _mixed(lambda generator: truths[int(generator.integers(len(truths)))], simulated, fraction)


def train_inpaint(
    run: InpaintRun,
    folder: Path,
    *,
    resume: Path | None = None,
    force: bool = False,
    report: Report | None = None,
) -> Result:
    """Train as `run` says; validation is on simulated particles that training never draws.

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
        As `sayre.training.folder.check_folder`, `stored_source` and `mixed_source`.
    """
    source, validation = truth_sources(run)
    if run.measured is not None:
        source = mixed_source(source, run.measured, run.measured_fraction, max(run.windows.shape))
    return train(run, source, folder, validation=validation, resume=resume, force=force, report=report)
