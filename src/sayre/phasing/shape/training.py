"""Training of the shape network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from sayre.learning.config import Training
from sayre.learning.fit import Data, fit, optimisers, prepare
from sayre.phasing.shape.features import features
from sayre.phasing.shape.losses import cover_loss, nearer
from sayre.phasing.shape.network import ShapeNet
from sayre.weights import read, write

Floats = NDArray[np.float32]
_VALIDATION = 0x5A
LEVELS = (0.0, -2.0, -4.0)


class Drawn(NamedTuple):
    """A noisy pattern and the crystal behind it: counts and coverage, float32 of one shape, centred."""

    counts: Floats
    coverage: Floats


Source = Callable[[np.random.Generator], Drawn]


class ShapeTraining(Training):
    """How a shape network is trained."""

    dimensions: int = Field(3, ge=2, le=3)
    side: int = Field(64, ge=16, multiple_of=16, description="lags along each axis")
    width: int = Field(48, ge=8)
    blocks: tuple[int, ...] = (1, 2, 2)
    cover: float = Field(4.0, gt=0, description="weight of a voxel missed")
    validation_crystals: int = Field(64, ge=1)

    @property
    def network(self) -> dict[str, Any]:
        """Options of the network's constructor."""
        return {"dimensions": self.dimensions, "width": self.width, "blocks": self.blocks}


class Shaping(L.LightningModule):
    """A shape network, its loss and its optimiser; validated on fixed crystals."""

    def __init__(self, config: ShapeTraining, validation: Sequence[tuple[Tensor, Tensor]]) -> None:
        super().__init__()
        self.config, self.validation = config, validation
        self.network = ShapeNet(**config.network)
        if config.initial is not None:
            self.network.load_state_dict(read(config.initial)[0])

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        seen, coverage = batch
        loss = cover_loss(self.network(seen), coverage, self.config.cover)
        self.log("loss", loss, on_step=False, on_epoch=True, batch_size=len(seen))
        return loss

    def validation_step(self, _: Any, index: int) -> None:
        seen, coverage = (part.to(self.device)[None] for part in self.validation[index])
        logits = self.network(seen)
        truth = nearer(logits, coverage, self.config.cover) > 0.5
        scores = {"validation": cover_loss(logits, coverage, self.config.cover)}
        for level in LEVELS:
            found = logits > level
            scores[f"covered_{level:g}"] = (found & truth).sum() / truth.sum().clamp(min=1)
            scores[f"volume_{level:g}"] = found.sum() / truth.sum().clamp(min=1)
        self.log_dict({k: v.float() for k, v in scores.items()}, batch_size=1, sync_dist=True)

    def configure_optimizers(self) -> Any:
        return optimisers(self.network, self.config)


def sample(drawn: Drawn, side: int) -> tuple[Floats, Floats]:
    """What the network sees, and what it ought to find: coverage of the middle `side / 2` voxels a side."""
    middle = tuple(slice(n // 2 - side // 4, n // 2 + side // 4) for n in drawn.coverage.shape)
    return features(drawn.counts, side), np.ascontiguousarray(drawn.coverage[middle])


def train_shape(
    config: ShapeTraining,
    source: Source,
    folder: Path,
    *,
    resume: Path | None = None,
    progress: bool = True,
) -> Path:
    """Train a shape network on crystals of `source`; returns its `weights.safetensors` in `folder`.

    Every step sees new crystals; those of validation come from seeds that training never draws.
    """

    def stream(seeds: Sequence[int]) -> Iterator[tuple[Floats, Floats]]:
        generator = np.random.default_rng(seeds)
        while True:
            yield sample(source(generator), config.side)

    def held_out(index: int) -> tuple[Tensor, Tensor]:
        generator = np.random.default_rng([config.seed, _VALIDATION, 0, 0, index])
        seen, coverage = sample(source(generator), config.side)
        return torch.from_numpy(seen), torch.from_numpy(coverage)

    prepare(config)
    module = Shaping(config, [held_out(index) for index in range(config.validation_crystals)])
    data = Data(config, stream, _collate, len(module.validation))
    fit(module, data, config, folder, resume=resume, progress=progress)
    return export(config, module, folder / "weights.safetensors")


def export(config: ShapeTraining, module: Shaping, path: Path) -> Path:
    """Write the weights as a file that `sayre phase --init network --weights` takes."""
    header = {"network": "shape", "options": config.network, "side": config.side, "training": config.named()}
    write(path, module.network.state_dict(), header)
    return path


def _collate(samples: list[tuple[Floats, Floats]]) -> tuple[Tensor, Tensor]:
    seen, coverage = zip(*samples, strict=True)
    return torch.from_numpy(np.stack(seen)), torch.from_numpy(np.stack(coverage))
