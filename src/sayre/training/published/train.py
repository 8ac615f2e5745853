"""Training of the published network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from sayre.networks.published import REDUCTION, PublishedNet
from sayre.retrieval.learned.phase_features import Complexes, Floats, first_voxel, scaled, target, window
from sayre.training.crystals import CrystalTraining, Learner
from sayre.training.published.losses import coherent_average, wca_loss

ADAM = (0.9, 0.999)
"""Decay of the moments, as Keras has them."""


class Scattered(NamedTuple):
    """A noisy pattern and what scattered it: counts float32, amplitude complex64, of one shape."""

    counts: Floats
    amplitude: Complexes


Source = Callable[[np.random.Generator], Scattered]


class PublishedTraining(CrystalTraining):
    """How the published network is trained; the defaults are the published ones where those are known.

    Adam at a constant 1e-4, batches of 16, 60 epochs. What an epoch is depends on the authors' data set;
    here it is `epoch_steps` batches of crystals never seen before. Unlike theirs, gradients are clipped at
    norm 1 and the layers run in bfloat16 unless `precision` says otherwise.
    """

    kind: ClassVar[str] = "published"

    side: int = Field(64, ge=REDUCTION, multiple_of=REDUCTION, description="voxels along each axis")
    width: float = Field(1.0, gt=0, le=4, description="factor to the filters of each layer")
    optimizer: Literal["muon", "adamw"] = "adamw"
    batch: int = Field(16, ge=1)
    steps: int = Field(30_000, ge=1)
    adam_rate: float = Field(1e-4, gt=0)
    warm_up: int = Field(0, ge=0)
    decay: float = Field(0.0, ge=0, le=1)
    weight_decay: float = Field(0.0, ge=0)
    average: float = Field(0.0, ge=0, lt=1)

    def pair(self, drawn: Scattered) -> tuple[Floats, Floats]:
        return sample(drawn, self.side)

    def learner(self, validation: Sequence[tuple[Tensor, Tensor]]) -> Publishing:
        return Publishing(self, PublishedNet(**self.options), validation)

    @property
    def options(self) -> dict[str, Any]:
        """Options of the network's constructor."""
        return {"dimensions": self.dimensions, "width": self.width}


class Publishing(Learner):
    """The network, its loss, and its coherent average beside that of a phase of 0 everywhere."""

    def loss(self, found: Tensor, truth: Tensor, seen: Tensor) -> Tensor:
        return wca_loss(found, truth, seen)

    def scores(self, found: Tensor, truth: Tensor, seen: Tensor) -> dict[str, Tensor]:
        phases = {"wca": found, "wca_zero": torch.zeros_like(found)}
        return {name: coherent_average(phase, truth, seen).mean() for name, phase in phases.items()}

    def configure_optimizers(self) -> Any:
        made = super().configure_optimizers()
        if self.config.optimizer == "adamw":
            for group in made["optimizer"].param_groups:
                group["betas"] = ADAM
        return made


def sample(scattered: Scattered, side: int) -> tuple[Floats, Floats]:
    """What the network sees, and the phase it ought to find: float32, `side` voxels along each axis."""
    first, shape = first_voxel(scattered.counts, side), (side,) * scattered.counts.ndim
    seen = scaled(window(scattered.counts, first, shape))
    return seen, target(window(scattered.amplitude, first, shape))
