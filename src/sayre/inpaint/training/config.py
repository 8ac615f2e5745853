"""What decides a training run, but for the patterns."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sayre.inpaint.training.samples import WindowRecipe


class InpaintTraining(BaseModel):
    """How a network is trained; `extra="forbid"` catches a misspelt key.

    `steps` is the whole run: warm-up, constant rate, then linear decay over the last `decay` of it, or with
    the schedule `plateau` a tenth of the rate whenever the training error stops falling.
    An epoch is `epoch_steps` steps; a checkpoint and a validation row are written after each.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    network: Literal["slab", "patch"] = "slab"
    width: int = Field(128, ge=4)
    blocks: tuple[int, int, int] = (2, 2, 2)
    windows: WindowRecipe = WindowRecipe()
    uses: int = Field(24, ge=1, description="windows cut from one pattern, on average")
    held: int = Field(8, ge=1, description="patterns held by a worker")
    initial: Path | None = Field(None, description="weights to start from")
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
        return self
