"""Training of the published network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import lightning as L
import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from sayre.learning.config import Training
from sayre.learning.fit import Data, fit, optimisers, prepare
from sayre.phasing.published.features import Complexes, Floats, first_voxel, scaled, target, window
from sayre.phasing.published.losses import coherent_average, wca_loss
from sayre.phasing.published.network import REDUCTION, PublishedNet
from sayre.weights import read, write

_VALIDATION = 0x5A
ADAM = (0.9, 0.999)
"""Decay of the moments, as Keras has them."""


class Scattered(NamedTuple):
    """A noisy pattern and what scattered it: counts float32, amplitude complex64, of one shape."""

    counts: Floats
    amplitude: Complexes


Source = Callable[[np.random.Generator], Scattered]


class PublishedTraining(Training):
    """How the published network is trained; the defaults are the published ones where those are known.

    Adam at a constant 1e-4, batches of 16, 60 epochs. What an epoch is depends on the authors' data set;
    here it is `epoch_steps` batches of crystals never seen before. Unlike theirs, gradients are clipped at
    norm 1 and the layers run in bfloat16 unless `precision` says otherwise.
    """

    dimensions: int = Field(3, ge=2, le=3)
    side: int = Field(64, ge=REDUCTION, multiple_of=REDUCTION, description="voxels along each axis")
    width: float = Field(1.0, gt=0, le=4, description="factor to the filters of each layer")
    validation_crystals: int = Field(64, ge=1)
    optimizer: Literal["muon", "adamw"] = "adamw"
    batch: int = Field(16, ge=1)
    steps: int = Field(30_000, ge=1)
    adam_rate: float = Field(1e-4, gt=0)
    warm_up: int = Field(0, ge=0)
    decay: float = Field(0.0, ge=0, le=1)
    weight_decay: float = Field(0.0, ge=0)
    average: float = Field(0.0, ge=0, lt=1)

    @property
    def options(self) -> dict[str, Any]:
        """Options of the network's constructor."""
        return {"dimensions": self.dimensions, "width": self.width}


class Publishing(L.LightningModule):
    """The network, its loss and its optimiser; validated on fixed crystals."""

    def __init__(self, config: PublishedTraining, validation: Sequence[tuple[Tensor, Tensor]]) -> None:
        super().__init__()
        self.config, self.validation = config, validation
        self.network = PublishedNet(**config.options)
        if config.initial is not None:
            self.network.load_state_dict(read(config.initial)[0])

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        seen, truth = batch
        loss = wca_loss(self.network(seen), truth, seen)
        self.log("error", loss, on_step=False, on_epoch=True, batch_size=len(seen))
        return loss

    def validation_step(self, _: Any, index: int) -> None:
        """Coherent average of the prediction, and beside it that of a phase of 0 everywhere."""
        seen, truth = (part.to(self.device)[None] for part in self.validation[index])
        phase = self.network(seen)
        scores = {
            "wca": coherent_average(phase, truth, seen),
            "wca_zero": coherent_average(torch.zeros_like(phase), truth, seen),
        }
        self.log_dict({k: v.mean() for k, v in scores.items()}, batch_size=1, sync_dist=True)

    def configure_optimizers(self) -> Any:
        made = optimisers(self.network, self.config)
        if self.config.optimizer == "adamw":
            for group in made["optimizer"].param_groups:
                group["betas"] = ADAM
        return made


def sample(scattered: Scattered, side: int) -> tuple[Floats, Floats]:
    """What the network sees, and the phase it ought to find: float32, `side` voxels along each axis."""
    first, shape = first_voxel(scattered.counts, side), (side,) * scattered.counts.ndim
    seen = scaled(window(scattered.counts, first, shape))
    return seen, target(window(scattered.amplitude, first, shape))


def train_published(
    config: PublishedTraining,
    source: Source,
    folder: Path,
    *,
    resume: Path | None = None,
    progress: bool = True,
) -> Path:
    """Train on crystals of `source`; returns the network's `weights.safetensors` in `folder`.

    Every step sees new crystals; those of validation come from seeds that training never draws.
    """

    def stream(seeds: Sequence[int]) -> Iterator[tuple[Floats, Floats]]:
        generator = np.random.default_rng(seeds)
        while True:
            yield sample(source(generator), config.side)

    def held_out(index: int) -> tuple[Tensor, Tensor]:
        generator = np.random.default_rng([config.seed, _VALIDATION, 0, 0, index])
        seen, truth = sample(source(generator), config.side)
        return torch.from_numpy(seen), torch.from_numpy(truth)

    prepare(config)
    module = Publishing(config, [held_out(index) for index in range(config.validation_crystals)])
    data = Data(config, stream, _collate, len(module.validation))
    fit(module, data, config, folder, resume=resume, progress=progress)
    return export(config, module, folder / "weights.safetensors")


def export(config: PublishedTraining, module: Publishing, path: Path) -> Path:
    """Write the weights with what `predict.load` needs to know of them."""
    header = {
        "network": "published",
        "options": config.options,
        "side": config.side,
        "training": config.named(),
    }
    write(path, module.network.state_dict(), header)
    return path


def _collate(samples: list[tuple[Floats, Floats]]) -> tuple[Tensor, Tensor]:
    seen, truth = zip(*samples, strict=True)
    return torch.from_numpy(np.stack(seen)), torch.from_numpy(np.stack(truth))
