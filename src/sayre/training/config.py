"""What every training run decides."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Training(BaseModel):
    """How a network is trained; `extra="forbid"` catches a misspelt key.

    `steps` is the whole run: warm-up, constant rate, then linear decay over the last `decay` of it, or with
    the schedule `plateau` a tenth of the rate whenever the training error stops falling.
    An epoch is `epoch_steps` steps; a checkpoint and a validation row are written after each.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

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
    average: float = Field(0.998, ge=0, lt=1, description="decay of the running average of weights")
    workers: int = Field(1, ge=0)
    threads: int | None = Field(None, ge=1, description="CPU threads of the training process")
    devices: int | Literal["auto"] = "auto"
    precision: Literal["auto", "32-true", "bf16-mixed", "16-mixed"] = "auto"

    def named(self) -> dict[str, object]:
        """All settings as JSON holds them; of paths the names, which travel, not the folders of a machine."""
        dumped = self.model_dump(mode="json")
        return {key: value.name if isinstance(value, Path) else dumped[key] for key, value in self}
