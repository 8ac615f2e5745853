"""Training of the filling networks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import lightning as L
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sayre.networks import build
from sayre.networks.layers import channels_last
from sayre.networks.patch import patch_range
from sayre.networks.registry import read, write
from sayre.numerics.progress import Advance
from sayre.training.filling.config import InpaintTraining
from sayre.training.filling.losses import mean_and_spread_loss, published_loss
from sayre.training.filling.samples import (
    TruthSource,
    Window,
    WindowRecipe,
    collate,
    draw_scene,
    draw_window,
    windows,
)
from sayre.training.folder import WEIGHTS
from sayre.training.loop import Data, Stream, fit, optimisers, prepare

Floats = NDArray[np.float32]

_VALIDATION = 0x5A
VALIDATION_WIDTHS = (3, 6, 9, 12, 16)
"""Gap widths that are validated, in voxels."""


def network_options(config: InpaintTraining) -> dict[str, Any]:
    """Return the options of the constructor of a configuration's network."""
    return {"width": config.width, "blocks": config.blocks} if config.network == "slab" else {}


class FillingModule(L.LightningModule):
    """A filling network with its loss, scores and optimiser.

    Parameters
    ----------
    config
        How the network is trained.
    validation
        Gap widths and windows to validate on.
    """

    def __init__(self, config: InpaintTraining, validation: list[tuple[int, Window[Tensor]]]) -> None:
        super().__init__()
        self.config, self.validation = config, validation
        self.network = build(config.network, **network_options(config))
        if config.initial is not None:
            self.network.load_state_dict(read(config.initial)[0])

    def forward(self, window: Window[Tensor]) -> tuple[Tensor, Tensor]:
        """Predict mean and log variance of `log(1 + I)` in a batch of windows."""
        mean, log_variance = self.network(*window[:6])
        return mean, log_variance

    def training_step(self, batch: Window[Tensor], _: int) -> Tensor:
        """Compute and record the loss of a batch.

        Parameters
        ----------
        batch
            Windows.
        _
            Index of the batch, which is not used.
        """
        window = Window(*batch)
        mean, log_variance = self(window)
        if self.config.network == "patch":
            low, span = patch_range(window.filled, window.mask)
            loss = published_loss((mean - low) / span, (window.target - low) / span, window.wanted)
            self.log("error", loss, on_step=False, on_epoch=True)
            return loss
        error, likelihood = mean_and_spread_loss(
            mean, log_variance, window.target, window.wanted, window.noise, window.filled
        )
        self.log_dict({"error": error, "likelihood": likelihood}, on_step=False, on_epoch=True)
        return error + self.config.spread_weight * likelihood

    def validation_step(self, _: Any, index: int) -> None:
        """Record the squared error over that of the first fill, and the coverage of one and two errors.

        Parameters
        ----------
        _
            Batch of indices, which is not used.
        index
            Number of the validation window.
        """
        width, window = self.validation[index]
        batch = Window(*(part.to(self.device) for part in window))
        mean, log_variance = self(batch)
        wanted = batch.wanted > 0
        residual = (mean - batch.target)[wanted].abs()
        linear = (batch.filled - batch.target)[wanted]
        sigma = (log_variance / 2).exp()[wanted]
        scores = {
            f"ratio_{width}": residual.square().mean() / linear.square().mean(),
            "covered_1": (residual <= sigma).float().mean(),
            "covered_2": (residual <= 2 * sigma).float().mean(),
        }
        self.log_dict(scores, batch_size=1, sync_dist=True)

    def configure_optimizers(self) -> Any:
        """Return optimiser and schedule, as Lightning takes them."""
        return optimisers(self.network, self.config)


def window_stream(config: InpaintTraining, source: TruthSource) -> Stream:
    """Return a function from seeds to endless windows, which are the same for the same seeds.

    Parameters
    ----------
    config
        How windows are drawn.
    source
        Draws a pattern.
    """

    def stream(seeds: Sequence[int]) -> Iterator[Window[Floats]]:
        generator = np.random.default_rng(seeds)
        return windows(source, config.windows, generator, uses=config.uses, held=config.held)

    return stream


def validation_windows(config: InpaintTraining, source: TruthSource) -> list[tuple[int, Window[Tensor]]]:
    """Draw windows with a plane gap of each validation width, from seeds that training never uses.

    Parameters
    ----------
    config
        How windows are drawn.
    source
        Draws a pattern.

    Returns
    -------
    Widths and windows.
    """
    drawn: list[tuple[int, Window[Tensor]]] = []
    for index in range(config.validation_patterns):
        generator = np.random.default_rng([config.seed, _VALIDATION, 0, 0, index])
        truth = source(generator)
        for width in VALIDATION_WIDTHS:
            recipe = _plain(config, width)
            scene = draw_scene(truth, recipe, generator)
            drawn.append((width, collate([draw_window(scene, recipe, generator)])))
    return drawn


def _plain(config: InpaintTraining, width: int) -> WindowRecipe:
    """Return the recipe of windows with photon noise and a plane gap, and nothing else."""
    return WindowRecipe(
        shape=config.windows.shape,
        baseline=config.windows.baseline,
        widths=(width, width),
        max_counts=(1e5, 1e8),
        noise_free=0,
        background=0,
        gains=0,
        frames=0,
        cross=0,
        beamstop=0,
        isolated=0,
        border=0,
        dead=0,
    )


class TrainedWeights(NamedTuple):
    """Files of a finished run: the checkpoint to resume from, and the averaged weights in half precision."""

    checkpoint: Path
    weights: Path


def train(
    config: InpaintTraining,
    source: TruthSource,
    folder: Path,
    *,
    validation: TruthSource | None = None,
    resume: Path | None = None,
    force: bool = False,
    progress: Advance | None = None,
) -> TrainedWeights:
    """Train a filling network; the checkpoint and `metrics.csv` are written after every epoch.

    The same configuration gives the same weights on the same machine; a run that is resumed from a checkpoint
    continues as if it had not been stopped.

    Parameters
    ----------
    config
        How the network is trained.
    source
        Draws patterns to train on.
    validation
        Draws patterns to validate on; by default `source`.
    folder, resume, force
        As `sayre.training.folder.check_folder` takes them.
    progress
        Called after every step.

    Raises
    ------
    InputError
        As `sayre.training.folder.check_folder`.

    Warns
    -----
    SayreWarning
        As `sayre.training.folder.check_folder`.
    """
    prepare(config, folder, resume=resume, force=force)
    module = FillingModule(config, validation_windows(config, validation or source))
    channels_last(module.network)
    data = Data(config, window_stream(config, source), collate, len(module.validation))
    checkpoint = fit(module, data, config, folder, resume=resume, force=force, progress=progress)
    return TrainedWeights(checkpoint, export(config, module, folder / WEIGHTS))


def export(config: InpaintTraining, module: FillingModule, path: Path) -> Path:
    """Write the weights of a network as a file that `sayre inpaint --weights` takes.

    Parameters
    ----------
    config
        How the network was trained, for the record.
    module
        The trained network.
    path
        File to write.

    Returns
    -------
    The path.
    """
    header = {
        "network": config.network,
        "options": network_options(config),
        "window": config.windows.shape,
        "baseline": config.windows.baseline,
        "widths": config.windows.widths,
        "training": config.named(),
    }
    write(path, module.network.state_dict(), header)
    return path
