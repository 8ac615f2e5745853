"""Settings of the training of a filling network, apart from its patterns."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from sayre.training.config import Training
from sayre.training.filling.samples import WindowRecipe


class InpaintTraining(Training):
    """How a filling network is trained.

    Attributes
    ----------
    network
        Sayre's own network ("slab") or the published one ("patch").
    width, blocks
        Size of the slab network, see `sayre.networks.slab.SlabNet`.
    windows
        How windows are drawn.
    uses
        Windows that are cut from one pattern, on average.
    held
        Patterns that a worker holds at the same time.
    spread_weight
        Weight of the likelihood of the predicted error in the loss.
    validation_patterns
        Patterns to validate on, which training never draws.
    """

    network: Literal["slab", "patch"] = "slab"
    width: int = Field(128, ge=4)
    blocks: tuple[int, int, int] = (2, 2, 2)
    windows: WindowRecipe = WindowRecipe()
    uses: int = Field(24, ge=1)
    held: int = Field(8, ge=1)
    spread_weight: float = Field(0.05, ge=0)
    validation_patterns: int = Field(10, ge=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        depth, rows, columns = self.windows.shape
        if self.network == "slab" and (depth != 32 or rows % 4 or columns % 4):
            raise ValueError(
                "windows.shape: a slab must have 32 planes, and rows and columns in multiples of 4, not "
                f"{list(self.windows.shape)}"
            )
        if self.network == "patch" and self.windows.shape != (32, 32, 32):
            raise ValueError(f"windows.shape: a patch must have 32³ voxels, not {list(self.windows.shape)}")
        return self
