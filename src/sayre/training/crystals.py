"""Training on crystals that are drawn anew for every step, and validation on a few that are held out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from sayre.networks.registry import read, write
from sayre.training.config import Training
from sayre.training.folder import WEIGHTS
from sayre.training.loop import Data, fit, optimisers, prepare
from sayre.training.progress import Report

Floats = NDArray[np.float32]
Pair = tuple[Floats, Floats]
"""What a network sees of a crystal, and what it ought to find."""
Source = Callable[[np.random.Generator], Any]
"""Draws a crystal, as `CrystalTraining.pair` takes it."""
_VALIDATION = 0x5A


class CrystalTraining(Training):
    """How a network is trained on crystals; `kind` is its name in the header of its weights."""

    kind: ClassVar[str]

    dimensions: int = Field(3, ge=2, le=3)
    side: int = Field(64, ge=16, multiple_of=16, description="voxels along each axis")
    validation_crystals: int = Field(64, ge=1)

    @abstractmethod
    def pair(self, drawn: Any) -> Pair:
        """From what a source draws."""

    @abstractmethod
    def learner(self, validation: Sequence[tuple[Tensor, Tensor]]) -> Learner:
        """What is trained."""

    @property
    @abstractmethod
    def options(self) -> dict[str, Any]:
        """Options of the network's constructor."""


class Learner(L.LightningModule, ABC):
    """A network and its optimiser; a subclass says what is lost and how it is validated."""

    def __init__(
        self, config: CrystalTraining, network: nn.Module, validation: Sequence[tuple[Tensor, Tensor]]
    ) -> None:
        super().__init__()
        self.config, self.network, self.validation = config, network, validation
        if config.initial is not None:
            network.load_state_dict(read(config.initial)[0])

    @abstractmethod
    def loss(self, found: Tensor, truth: Tensor, seen: Tensor) -> Tensor:
        """What is minimised."""

    @abstractmethod
    def scores(self, found: Tensor, truth: Tensor, seen: Tensor) -> dict[str, Tensor]:
        """What is told of a crystal held out."""

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        seen, truth = batch
        error = self.loss(self.network(seen), truth, seen)
        self.log("error", error, on_step=False, on_epoch=True, batch_size=len(seen))
        return error

    def validation_step(self, _: Any, index: int) -> None:
        seen, truth = (part.to(self.device)[None] for part in self.validation[index])
        scores = self.scores(self.network(seen), truth, seen)
        self.log_dict({k: v.float() for k, v in scores.items()}, batch_size=1, sync_dist=True)

    def configure_optimizers(self) -> Any:
        return optimisers(self.network, self.config)


def train_on_crystals(
    config: CrystalTraining,
    source: Source,
    folder: Path,
    *,
    resume: Path | None = None,
    force: bool = False,
    report: Report | None = None,
) -> Path:
    """Train a network; returns its `weights.safetensors` in `folder`, as `sayre phase --weights` takes them.

    Every step sees new crystals of `source`; those of validation come from seeds that training never draws.

    Parameters
    ----------
    config
        How to train.
    source
        Draws a crystal, as `config.pair` takes it.
    folder, resume, force
        As `sayre.training.folder.check_folder` takes them.
    report
        Told of every step.

    Raises
    ------
    InputError
        As `sayre.training.folder.check_folder`.
    """

    def stream(seeds: Sequence[int]) -> Iterator[Pair]:
        generator = np.random.default_rng(seeds)
        while True:
            yield config.pair(source(generator))

    def held_out(index: int) -> tuple[Tensor, Tensor]:
        generator = np.random.default_rng([config.seed, _VALIDATION, 0, 0, index])
        seen, truth = config.pair(source(generator))
        return torch.from_numpy(seen), torch.from_numpy(truth)

    prepare(config, folder, resume=resume, force=force)
    module = config.learner([held_out(index) for index in range(config.validation_crystals)])
    data = Data(config, stream, _collate, len(module.validation))
    fit(module, data, config, folder, resume=resume, force=force, report=report)
    path = folder / WEIGHTS
    header = {
        "network": config.kind,
        "options": config.options,
        "side": config.side,
        "training": config.named(),
    }
    write(path, module.network.state_dict(), header)
    return path


def _collate(samples: list[Pair]) -> tuple[Tensor, Tensor]:
    seen, truth = zip(*samples, strict=True)
    return torch.from_numpy(np.stack(seen)), torch.from_numpy(np.stack(truth))
