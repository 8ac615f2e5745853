"""Training of a 2D network, resumed from its last checkpoint if there is one."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, cast

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from sayre.errors import warn
from sayre.files.atomic import replacing
from sayre.networks.planar import NETWORKS
from sayre.numerics.progress import Advance
from sayre.simulation.planar import PlanarPopulation
from sayre.training.planar.losses import LOSSES, Loss

CHANNELS_LAST = ("unet",)
"""Networks that are faster on a GPU with the channels last in memory."""
CAPTURED, BEFORE_CAPTURE = True, 4
"""Whether steps on a GPU are captured and replayed, and after how many."""
BETWEEN_CHECKPOINTS = 60.0
"""Seconds after which the next epoch's end is kept."""
TOLD = 25
"""Steps after which progress is told."""


class PlanarTraining(BaseModel):
    """How a 2D network is trained; the defaults are those of the thesis.

    Attributes
    ----------
    network
        A name of `sayre.networks.planar.NETWORKS`.
    loss
        A name of `sayre.training.planar.losses.LOSSES`.
    gap
        Pixels across the gap.
    crosses
        Share of the patterns whose gap is a cross; the others have a vertical gap. The thesis has both and
        states no share.
    width
        Factor on the width of the network.
    patterns
        Number of patterns, which are drawn once.
    epochs, batch, rate
        Times that all patterns are seen, patterns in a step, and rate of Adam.
    seed
        Seed of weights, order and gaps.
    data_seed
        Seed of the patterns.
    population
        What the patterns are drawn from.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    network: Literal["unet", "msd", "modified"] = "unet"
    loss: Literal["mse", "mae", "ssim", "combined"] = "combined"
    gap: Annotated[int, Field(ge=1)] = 9
    crosses: Annotated[float, Field(ge=0, le=1)] = 0.5
    width: Annotated[float, Field(gt=0, le=4)] = 1.0
    patterns: Annotated[int, Field(ge=1)] = 12_000
    epochs: Annotated[int, Field(ge=1)] = 10
    batch: Annotated[int, Field(ge=1)] = 32
    rate: Annotated[float, Field(gt=0)] = 1e-4
    seed: Annotated[int, Field(ge=0)] = 0
    data_seed: Annotated[int, Field(ge=0)] = 0
    population: PlanarPopulation = PlanarPopulation()

    @property
    def name(self) -> str:
        """Name that tells this training from every other."""
        digest = hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:8]
        return f"{self.network}-{self.loss}-{self.gap}-seed{self.seed}-{digest}"


class Batch(NamedTuple):
    """Indices of patterns, and where the gap of each is: bool `(batch, side, side)`."""

    indices: Tensor
    gap: Tensor


def make_network(config: PlanarTraining) -> nn.Module:
    """Make the network of a training with the weights that it begins with."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return NETWORKS[config.network](config.width)


def begun_at_mean(network: nn.Module, patterns: Tensor) -> nn.Module:
    """Let a network begin with the mean of the patterns everywhere, by the bias of its last layer.

    Begun at 0.5, where a sigmoid without bias is, all weights are drawn towards smaller values for the first
    twenty steps: the sigmoid of a network of full width then reaches 0, where it has no gradient, and stays.

    Parameters
    ----------
    network
        One of `sayre.networks.planar.NETWORKS`.
    patterns
        As `train` takes them.
    """
    last = cast("nn.Conv2d", network.last)
    nn.init.constant_(cast("Tensor", last.bias), float(torch.logit(patterns.mean().cpu(), eps=1e-3)))
    return network


def batches(config: PlanarTraining, epoch: int, device: torch.device) -> Iterator[Batch]:
    """Yield the steps of an epoch, which depend on the seed and the number of the epoch alone.

    Parameters
    ----------
    config
        The training.
    epoch
        Number of the epoch from 0.
    device
        Where the tensors are.
    """
    generator = torch.Generator().manual_seed((config.seed << 20) + epoch)
    side, count = config.population.side, config.patterns
    order = torch.randperm(count, generator=generator).to(device)
    starts = torch.randint(side - config.gap + 1, (2, count), generator=generator).to(device)
    crossed = (torch.rand(count, generator=generator) < config.crosses).to(device)
    line = torch.arange(side, device=device)
    for first in range(0, count - config.batch + 1, config.batch) or (0,):
        part = slice(first, first + config.batch)
        column, row = (
            (line >= start[part, None]) & (line < start[part, None] + config.gap) for start in starts
        )
        yield Batch(order[part], column[:, None, :] | (row & crossed[part, None])[:, :, None])


def train(
    config: PlanarTraining,
    patterns: Tensor,
    *,
    checkpoint: Path | None = None,
    progress: Advance | None = None,
    until: float | None = None,
) -> nn.Module | None:
    """Train a network; on a GPU its layers are computed in bfloat16.

    Parameters
    ----------
    config
        The training.
    patterns
        `log(1 + I)` scaled to [0, 1], float32 `(patterns, side, side)`, on the device of the training.
    checkpoint
        File that is resumed from if it exists, and written after epochs.
    progress
        Called with the fraction done.
    until
        Reading of `time.monotonic()` from which on training stops.

    Returns
    -------
    The trained network, or None where it was stopped by `until`.
    """
    device = patterns.device
    fast = device.type == "cuda"
    network = begun_at_mean(make_network(config), patterns).to(device)
    if fast and config.network in CHANNELS_LAST:
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.Adam(network.parameters(), config.rate, fused=fast, capturable=fast)
    begun = _resumed(checkpoint, network, optimizer)
    kept = time.monotonic()
    steps = max(config.patterns // config.batch, 1)
    step = _Step(network, optimizer, LOSSES[config.loss], patterns)
    with torch.backends.cudnn.flags(enabled=True, benchmark=True):
        for epoch in range(begun, config.epochs):
            for number, batch in enumerate(batches(config, epoch, device)):
                if number % TOLD == 0:
                    if until is not None and time.monotonic() >= until:
                        return None
                    if progress:
                        progress((epoch + number / steps) / config.epochs)
                step(batch)
            if checkpoint is not None and time.monotonic() - kept > BETWEEN_CHECKPOINTS:
                kept = time.monotonic()
                state = {
                    "epochs": epoch + 1,
                    "network": network.state_dict(),
                    "optimizer": optimizer.state_dict(),
                }
                with replacing(checkpoint, force=True) as file:
                    torch.save(state, file)
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    return network.eval()


class _Step:
    """A step of training; on a GPU it is captured after a few, and replayed, which saves its launches."""

    def __init__(
        self, network: nn.Module, optimizer: torch.optim.Optimizer, loss: Loss, patterns: Tensor
    ) -> None:
        self.network, self.optimizer, self.loss, self.patterns = network, optimizer, loss, patterns
        self.device = patterns.device.type
        self.captured = self.device == "cuda" and CAPTURED
        self.count = 0
        self.graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, batch: Batch) -> None:
        if not self.captured:
            self.optimizer.zero_grad(set_to_none=True)
            self._do(batch)
            return
        if self.count == 0:
            self.batch = Batch(batch.indices.clone(), batch.gap.clone())
            self.stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        self.batch.indices.copy_(batch.indices)
        self.batch.gap.copy_(batch.gap)
        self.count += 1
        if self.count <= BEFORE_CAPTURE:
            self.stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(self.stream):
                self.optimizer.zero_grad(set_to_none=True)
                self._do(self.batch)
            torch.cuda.current_stream().wait_stream(self.stream)
            return
        if self.graph is None:
            self.graph = torch.cuda.CUDAGraph()
            self.optimizer.zero_grad(set_to_none=True)
            try:
                with torch.cuda.graph(self.graph):
                    self._do(self.batch)
            except RuntimeError as error:
                why = error.__context__ or error
                warn(f"this GPU cannot capture a step ({why}); steps are launched one by one")
                self.captured = False
                self(batch)
                return
        self.graph.replay()

    def _do(self, batch: Batch) -> None:
        truth = self.patterns[batch.indices]
        fast = self.device == "cuda"
        with torch.autocast(self.device, dtype=torch.bfloat16, enabled=fast, cache_enabled=False):
            predicted = self.network(truth.masked_fill(batch.gap, 0.0))
        self.loss(predicted, truth, batch.gap).backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()


def _resumed(checkpoint: Path | None, network: nn.Module, optimizer: torch.optim.Optimizer) -> int:
    """Load a checkpoint, if there is one, and return the epochs that are done."""
    if checkpoint is None or not checkpoint.exists():
        return 0
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    network.load_state_dict(state["network"])
    optimizer.load_state_dict(state["optimizer"])
    return int(state["epochs"])
