"""A training run of a filling network, from one configuration file."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Self

import numpy as np
import torch
from pydantic import Field, ValidationError, model_validator

from sayre import io
from sayre.errors import InputError
from sayre.inpaint.training.config import InpaintTraining
from sayre.inpaint.training.samples import Source, Truth
from sayre.inpaint.training.train import Filling, Result, export, train
from sayre.simulate.simulate import Population, random_expectation


class InpaintRun(InpaintTraining):
    """How to train, and on what: simulated patterns, mixed with the measured ones of a folder."""

    population: Population = Population()
    measured: Path | None = Field(None, description="folder of measured patterns to mix in")
    measured_fraction: float = Field(0.5, ge=0, le=1)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if max(self.windows.shape) > self.population.size:
            raise ValueError("windows.shape: larger than population.size")
        return self

    @classmethod
    def from_toml(cls, path: Path) -> InpaintRun:
        """Read a configuration.

        Raises
        ------
        InputError
            Missing file, not TOML, unknown key or a value out of range.
        """
        try:
            return cls.model_validate(tomllib.loads(path.read_text()))
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}; examples/ has some to start from") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: not TOML: {error}") from None
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "configuration"
            raise InputError(f"{path}: {where}: {first['msg']}") from None


def simulated_source(population: Population) -> Source:
    """Noise-free patterns of random particles."""

    def source(generator: np.random.Generator) -> Truth:
        return Truth(random_expectation(population, generator)[0], False)

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
    patterns = [io.load(path) for path in sorted(folder.iterdir()) if path.is_file()]
    truths = [
        Truth(p.intensity, True, p.mask if p.mask.any() else None)
        for p in patterns
        if len(p.shape) == 3 and min(p.shape) >= smallest
    ]
    if not truths:
        raise InputError(f"measured: {folder} has no 3D pattern of {smallest} voxels a side or more")

    def source(generator: np.random.Generator) -> Truth:
        if generator.random() < fraction:
            return truths[int(generator.integers(len(truths)))]
        return simulated(generator)

    return source


def train_inpaint(
    run: InpaintRun, folder: Path, *, resume: Path | None = None, progress: bool = True
) -> Result:
    """Train as `run` says; validation is on simulated particles that training never draws."""
    simulated = simulated_source(run.population)
    source = simulated
    if run.measured is not None:
        source = mixed_source(simulated, run.measured, run.measured_fraction, max(run.windows.shape))
    return train(run, source, folder, validation=simulated, resume=resume, progress=progress)


def export_checkpoint(checkpoint: Path, path: Path) -> Path:
    """Write the averaged weights of a checkpoint; its `config.json` lies beside it."""
    run = InpaintRun.model_validate_json((checkpoint.parent / "config.json").read_text())
    module = Filling(run, [])
    module.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=True)["state_dict"])
    return export(run, module, path)
