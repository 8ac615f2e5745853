"""Training of networks for phase retrieval on crystals that are drawn anew for every step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from sayre.errors import InputError
from sayre.networks.registry import read, write
from sayre.numerics.device import find_device
from sayre.numerics.progress import Advance
from sayre.training.config import Training
from sayre.training.folder import WEIGHTS
from sayre.training.loop import Data, fit, optimisers, prepare

Floats = NDArray[np.float32]
Pair = tuple[Floats, Floats]
"""Input of a network, and the output that is right."""
CrystalSource = Callable[[np.random.Generator], Any]
"""A function that draws a crystal, as `CrystalTraining.pair` takes it."""
Planner = Callable[[np.random.Generator], dict[str, Floats]]
"""A function that draws the numbers of which a crystal is rendered."""
Renderer = Callable[[Mapping[str, Tensor]], tuple[Tensor, Tensor]]
"""A function that makes inputs and right outputs of the network from stacked numbers, on their device."""
_VALIDATION = 0x5A
_BLOCKS = ("down", "up")
"""Modules whose further blocks are the identity before training."""


class CrystalTraining(Training):
    """How a network is trained on crystals.

    Attributes
    ----------
    kind
        Name of the network in the header of its weights.
    dimensions
        2 or 3.
    side
        Voxels of the network's input along each axis.
    validation_crystals
        Crystals to validate on, which training never draws.
    """

    kind: ClassVar[str]

    dimensions: int = Field(3, ge=2, le=3)
    side: int = Field(64, ge=16, multiple_of=16)
    validation_crystals: int = Field(64, ge=1)

    @abstractmethod
    def pair(self, drawn: Any) -> Pair:
        """Return input and right output of the network for a crystal."""

    @abstractmethod
    def module(self, validation: Sequence[tuple[Tensor, Tensor]]) -> CrystalModule:
        """Make the network with its loss."""

    @property
    @abstractmethod
    def options(self) -> dict[str, Any]:
        """Options of the network's constructor."""


class CrystalModule(L.LightningModule, ABC):
    """A network with its optimiser; a subclass adds the loss and the scores.

    Parameters
    ----------
    config
        How the network is trained.
    network
        The network.
    validation
        Inputs and right outputs to validate on.
    """

    render: Renderer | None = None
    """Where the training draws the numbers of crystals, what renders them on the device of the network."""

    def __init__(
        self, config: CrystalTraining, network: nn.Module, validation: Sequence[tuple[Tensor, Tensor]]
    ) -> None:
        super().__init__()
        self.config, self.network, self.validation = config, network, validation
        if config.initial is not None:
            begin_from(network, read(config.initial)[0])

    @abstractmethod
    def loss(self, predicted: Tensor, truth: Tensor, inputs: Tensor) -> Tensor:
        """Compute the loss of a batch.

        Parameters
        ----------
        predicted
            Output of the network, float32 `(batch, …)`.
        truth
            The right output, float32, same shape.
        inputs
            Input of the network, float32 `(batch, …)`.
        """

    @abstractmethod
    def scores(self, predicted: Tensor, truth: Tensor, inputs: Tensor) -> dict[str, Tensor]:
        """Compute the validation scores of a batch.

        Parameters
        ----------
        predicted, truth, inputs
            As `loss` takes them.

        Returns
        -------
        Scalars by name.
        """

    def training_step(self, batch: Any, _: int) -> Tensor:
        """Compute and record the loss of a batch.

        Parameters
        ----------
        batch
            Inputs and right outputs, or the numbers to render them from.
        _
            Index of the batch, which is not used.
        """
        inputs, truth = batch if self.render is None else self._rendered(batch)
        error = self.loss(self.network(inputs), truth, inputs)
        self.log("error", error, on_step=False, on_epoch=True, batch_size=len(inputs))
        return error

    @torch.no_grad()
    def _rendered(self, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        assert self.render is not None
        with torch.autocast(self.device.type, enabled=False):
            return self.render(batch)

    def validation_step(self, _: Any, index: int) -> None:
        """Compute and record the scores of a validation crystal.

        Parameters
        ----------
        _
            Batch of indices, which is not used.
        index
            Number of the crystal.
        """
        inputs, truth = (part.to(self.device)[None] for part in self.validation[index])
        scores = self.scores(self.network(inputs), truth, inputs)
        self.log_dict({k: v.float() for k, v in scores.items()}, batch_size=1, sync_dist=True)

    def configure_optimizers(self) -> Any:
        """Return optimiser and schedule, as Lightning takes them."""
        return optimisers(self.network, self.config)


def begin_from(network: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Load weights of the same network, or of one with fewer blocks, whose others begin as the identity.

    Parameters
    ----------
    network
        The network.
    tensors
        Weights by name.

    Raises
    ------
    InputError
        The weights are of another network.
    """
    own = network.state_dict()
    added = {name for name in own if name not in tensors and name.split(".")[0] in _BLOCKS}
    same = {name: tuple(tensor.shape) for name, tensor in own.items() if name not in added}
    if same != {name: tuple(tensor.shape) for name, tensor in tensors.items()}:
        raise InputError("initial: holds the weights of another network; one of the same width would do")
    network.load_state_dict({**own, **tensors})


def train_on_crystals(
    config: CrystalTraining,
    source: CrystalSource | Planner,
    folder: Path,
    *,
    render: Renderer | None = None,
    resume: Path | None = None,
    force: bool = False,
    progress: Advance | None = None,
) -> Path:
    """Train a network for phase retrieval.

    Every step draws new crystals; those to validate on have seeds that training never uses.

    Parameters
    ----------
    config
        How the network is trained.
    source
        Draws a crystal, as `config.pair` takes it, or the numbers that `render` takes.
    folder, resume, force
        As `sayre.training.folder.check_folder` takes them.
    render
        Renders crystals of the numbers that `source` draws, on the device of the network.
    progress
        Called after every step.

    Returns
    -------
    Path of the weights, which `sayre phase --weights` takes.

    Raises
    ------
    InputError
        As `sayre.training.folder.check_folder`.

    Warns
    -----
    SayreWarning
        As `sayre.training.folder.check_folder`.
    """

    device = find_device("auto")

    def stream(seeds: Sequence[int]) -> Iterator[Any]:
        generator = np.random.default_rng(seeds)
        while True:
            yield source(generator) if render else config.pair(source(generator))

    def held_out(index: int) -> tuple[Tensor, Tensor]:
        generator = np.random.default_rng([config.seed, _VALIDATION, 0, 0, index])
        drawn = source(generator)
        if render:
            numbers = {name: value.to(device) for name, value in _stacked([drawn]).items()}
            inputs, truth = render(numbers)
            return inputs[0].cpu(), truth[0].cpu()
        arrays = config.pair(drawn)
        return torch.from_numpy(arrays[0]), torch.from_numpy(arrays[1])

    prepare(config, folder, resume=resume, force=force)
    module = config.module([held_out(index) for index in range(config.validation_crystals)])
    module.render = render
    data = Data(config, stream, _stacked if render else _collate, len(module.validation))
    fit(module, data, config, folder, resume=resume, force=force, progress=progress)
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
    """Stack samples into tensors."""
    inputs, truths = zip(*samples, strict=True)
    return torch.from_numpy(np.stack(inputs)), torch.from_numpy(np.stack(truths))


def _stacked(samples: list[dict[str, Floats]]) -> dict[str, Tensor]:
    """Stack the numbers of crystals, by name."""
    return {name: torch.from_numpy(np.stack([one[name] for one in samples])) for name in samples[0]}
