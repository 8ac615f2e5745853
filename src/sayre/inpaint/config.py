"""Configuration of a training run, read from TOML."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sayre.errors import InputError
from sayre.inpaint.samples import WindowRecipe
from sayre.simulate.simulate import Population


class InpaintTraining(BaseModel):
    """Everything that decides a training run; `extra="forbid"` catches a misspelt key.

    `steps` is the whole run: warm-up, constant rate, then linear decay over the last `decay` of it, or with
    the schedule `plateau` a tenth of the rate whenever the training error stops falling.
    An epoch is `epoch_steps` steps; a checkpoint and a validation row are written after each.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    network: Literal["slab", "patch"] = "slab"
    width: int = Field(128, ge=4)
    blocks: tuple[int, int, int] = (2, 2, 2)
    windows: WindowRecipe = WindowRecipe()
    population: Population = Population()
    uses: int = Field(24, ge=1, description="windows cut from one simulated pattern, on average")
    held: int = Field(8, ge=1, description="patterns held by a worker")
    measured: Path | None = Field(None, description="folder of measured patterns to mix in")
    measured_fraction: float = Field(0.5, ge=0, le=1)
    seed: int = Field(0, ge=0)
    batch: int = Field(4, ge=1)
    steps: int = Field(10_000, ge=1)
    epoch_steps: int = Field(500, ge=1)
    optimizer: Literal["muon", "adamw"] = "muon"
    learning_rate: float = Field(0.02, gt=0, description="of Muon")
    adam_rate: float = Field(1e-3, gt=0)
    warm_up: int = Field(200, ge=0)
    schedule: Literal["linear", "plateau"] = "linear"
    decay: float = Field(0.5, ge=0, le=1)
    weight_decay: float = Field(1e-2, ge=0)
    spread_weight: float = Field(0.05, ge=0)
    average: float = Field(0.998, ge=0, lt=1, description="decay of the running average of weights")
    workers: int = Field(1, ge=0)
    threads: int | None = Field(None, ge=1, description="CPU threads of the training process")
    devices: int | Literal["auto"] = "auto"
    precision: Literal["auto", "32-true", "bf16-mixed", "16-mixed"] = "auto"
    validation_patterns: int = Field(10, ge=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        depth, rows, columns = self.windows.shape
        if self.network == "slab" and (depth != 32 or rows % 4 or columns % 4):
            raise ValueError("windows.shape: a slab has 32 planes, rows and columns divisible by 4")
        if self.network == "patch" and self.windows.shape != (32, 32, 32):
            raise ValueError("windows.shape: a patch is 32³")
        if max(self.windows.shape) > self.population.size:
            raise ValueError("windows.shape: larger than population.size")
        return self

    @classmethod
    def from_toml(cls, path: Path) -> InpaintTraining:
        """Read a configuration.

        Raises
        ------
        InputError
            Missing file, not TOML, unknown key or a value out of range.
        """
        try:
            return cls.model_validate(tomllib.loads(path.read_text()))
        except FileNotFoundError:
            raise InputError(f"{path}: no such file; `examples/` has configurations to start from") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: not TOML: {error}") from None
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "configuration"
            raise InputError(f"{path}: {where}: {first['msg']}") from None
