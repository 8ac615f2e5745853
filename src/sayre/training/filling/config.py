"""What decides a training run, but for the patterns."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from sayre.training.config import Training
from sayre.training.filling.samples import WindowRecipe


class InpaintTraining(Training):
    """How a filling network is trained."""

    network: Literal["slab", "patch"] = "slab"
    width: int = Field(128, ge=4)
    blocks: tuple[int, int, int] = (2, 2, 2)
    windows: WindowRecipe = WindowRecipe()
    uses: int = Field(24, ge=1, description="windows cut from one pattern, on average")
    held: int = Field(8, ge=1, description="patterns held by a worker")
    spread_weight: float = Field(0.05, ge=0)
    validation_patterns: int = Field(10, ge=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        depth, rows, columns = self.windows.shape
        if self.network == "slab" and (depth != 32 or rows % 4 or columns % 4):
            raise ValueError("windows.shape: a slab has 32 planes, rows and columns divisible by 4")
        if self.network == "patch" and self.windows.shape != (32, 32, 32):
            raise ValueError("windows.shape: a patch is 32³")
        return self
