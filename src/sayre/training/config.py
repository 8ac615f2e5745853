"""Settings of every training run."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Training(BaseModel):
    """How a network is trained; an unknown key is refused.

    Attributes
    ----------
    initial
        File of weights to start from.
    seed
        Seed of every random number.
    batch
        Samples in a step.
    steps
        Steps of the whole run.
    epoch_steps
        Steps of an epoch, after which a checkpoint and the scores are written.
    optimizer
        Muon for the convolutions and AdamW for the rest, or AdamW for all.
    learning_rate
        Learning rate of Muon.
    adam_rate
        Learning rate of AdamW.
    warm_up
        Steps over which the learning rate rises at first.
    schedule
        Whether the learning rate is constant and then falls linearly, or falls to a tenth whenever the error
        stops falling ("plateau").
    decay
        Share of the steps, at the end, over which the learning rate falls linearly.
    weight_decay
        Relative decay of the weights in a step, over the learning rate.
    average
        Decay of the running average of the weights, which is what is saved.
    workers
        Processes that draw samples.
    threads
        CPU threads of the training process; None leaves the number to torch.
    devices
        Number of devices, GPUs where there are any; "auto" takes all.
    precision
        Precision of the layers; "auto" is "bf16-mixed".
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    initial: Path | None = Field(None)
    seed: int = Field(0, ge=0)
    batch: int = Field(4, ge=1)
    steps: int = Field(10_000, ge=1)
    epoch_steps: int = Field(500, ge=1)
    optimizer: Literal["muon", "adamw"] = "muon"
    learning_rate: float = Field(0.02, gt=0)
    adam_rate: float = Field(1e-3, gt=0)
    warm_up: int = Field(200, ge=0)
    schedule: Literal["linear", "plateau"] = "linear"
    decay: float = Field(0.5, ge=0, le=1)
    weight_decay: float = Field(1e-2, ge=0)
    average: float = Field(0.998, ge=0, lt=1)
    workers: int = Field(1, ge=0)
    threads: int | None = Field(None, ge=1)
    devices: int | Literal["auto"] = "auto"
    precision: Literal["auto", "32-true", "bf16-mixed", "16-mixed"] = "auto"

    def named(self) -> dict[str, object]:
        """Return all settings as plain values; of paths only the names, because folders differ by machine."""
        dumped = self.model_dump(mode="json")
        return {key: value.name if isinstance(value, Path) else dumped[key] for key, value in self}
