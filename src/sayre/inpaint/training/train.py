"""Training of the filling networks."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import EMAWeightAveraging, ModelCheckpoint
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from sayre.inpaint.networks import build
from sayre.inpaint.networks.patch import patch_range
from sayre.inpaint.training.config import InpaintTraining
from sayre.inpaint.training.curves import Curves
from sayre.inpaint.training.losses import mean_and_spread_loss, published_loss
from sayre.inpaint.training.optimizer import Muon
from sayre.inpaint.training.samples import (
    Source,
    Window,
    WindowRecipe,
    collate,
    draw_scene,
    draw_window,
    windows,
)
from sayre.weights import read, write

Floats = NDArray[np.float32]

_VALIDATION = 0x5A
VALIDATION_WIDTHS = (3, 6, 9, 12, 16)


def network_options(config: InpaintTraining) -> dict[str, Any]:
    """Constructor options of the network a configuration names."""
    return {"width": config.width, "blocks": config.blocks} if config.network == "slab" else {}


class SimulatedWindows(IterableDataset[Window[Floats]]):
    """Endless windows, the same for the same seed, epoch, rank and worker."""

    def __init__(self, config: InpaintTraining, source: Source, epoch: int, rank: int) -> None:
        self.config, self.source, self.epoch, self.rank = config, source, epoch, rank

    def __iter__(self) -> Iterator[Window[Floats]]:
        info = get_worker_info()
        worker = info.id if info else 0
        generator = np.random.default_rng([self.config.seed, self.epoch, self.rank, worker])
        return windows(
            self.source, self.config.windows, generator, uses=self.config.uses, held=self.config.held
        )


class Filling(L.LightningModule):
    """A slab network, its loss and its optimiser."""

    def __init__(self, config: InpaintTraining, validation: list[tuple[int, Window[Tensor]]]) -> None:
        super().__init__()
        self.config, self.validation = config, validation
        self.network = build(config.network, **network_options(config))
        if config.initial is not None:
            self.network.load_state_dict(read(config.initial)[0])

    def forward(self, window: Window[Tensor]) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.network(*window[:5])
        return mean, log_variance

    def training_step(self, batch: Window[Tensor], _: int) -> Tensor:
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
        config = self.config
        optimizer: torch.optim.Optimizer
        if config.optimizer == "muon":
            optimizer = Muon(
                self.network,
                config.learning_rate,
                adam_rate=config.adam_rate,
                weight_decay=config.weight_decay,
            )
        else:
            optimizer = torch.optim.AdamW(
                self.network.parameters(),
                config.adam_rate,
                weight_decay=config.weight_decay,
                betas=(0.9, 0.98),
            )

        def rate(step: int) -> float:
            left = (config.steps - step) / max(config.decay * config.steps, 1)
            return max(min((step + 1) / (config.warm_up + 1), left, 1.0), 1e-3)

        if config.schedule == "plateau":
            plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
            return {"optimizer": optimizer, "lr_scheduler": {"scheduler": plateau, "monitor": "error"}}
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class Windows(L.LightningDataModule):
    """A fresh stream an epoch, so that a run resumed at an epoch sees what it would have seen."""

    def __init__(self, config: InpaintTraining, source: Source) -> None:
        super().__init__()
        self.config, self.source = config, source

    def train_dataloader(self) -> DataLoader[Window[Floats]]:
        trainer = self.trainer
        assert trainer is not None
        epoch = trainer.global_step // self.config.epoch_steps
        dataset = SimulatedWindows(self.config, self.source, epoch, trainer.global_rank)
        return DataLoader(
            dataset,
            batch_size=self.config.batch,
            num_workers=self.config.workers,
            collate_fn=collate,
            worker_init_fn=_quiet_worker,
            prefetch_factor=8 if self.config.workers else None,
            multiprocessing_context="fork" if self.config.workers else None,
        )

    def val_dataloader(self) -> DataLoader[int]:
        count = self.config.validation_patterns * len(VALIDATION_WIDTHS)
        return DataLoader(range(count), batch_size=1)  # type: ignore[arg-type]


def _quiet_worker(_: int) -> None:
    torch.set_num_threads(1)


def validation_windows(config: InpaintTraining, source: Source) -> list[tuple[int, Window[Tensor]]]:
    """Fixed plane gaps of each validation width, in patterns drawn from seeds that training never uses."""
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
    return WindowRecipe(
        shape=config.windows.shape,
        baseline=config.windows.baseline,
        widths=(width, width),
        max_counts=(1e5, 1e8),
        noise_free=0,
        background=0,
        cross=0,
        beamstop=0,
        isolated=0,
        border=0,
    )


class Result(NamedTuple):
    """What a run left: the checkpoint to resume from, and the averaged weights in half precision."""

    checkpoint: Path
    weights: Path


def train(
    config: InpaintTraining,
    source: Source,
    folder: Path,
    *,
    validation: Source | None = None,
    resume: Path | None = None,
    progress: bool = True,
) -> Result:
    """Train a network; checkpoints and `metrics.csv` are written to `folder` after every epoch.

    Patterns come from `source`, those of validation from `validation` where it differs. The same
    configuration gives the same weights on the same machine; a run resumed from a checkpoint goes on as if
    it had not stopped.
    """
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    if config.threads:
        torch.set_num_threads(config.threads)
    L.seed_everything(config.seed, verbose=False)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(config.model_dump_json(indent=1))
    module = Filling(config, validation_windows(config, validation or source))
    module.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    saver = ModelCheckpoint(folder, "last", enable_version_counter=False, save_on_train_epoch_end=True)
    trainer = L.Trainer(
        default_root_dir=folder,
        max_steps=config.steps,
        max_epochs=-1,
        limit_train_batches=config.epoch_steps,
        reload_dataloaders_every_n_epochs=1,
        devices=config.devices,
        precision="bf16-mixed" if config.precision == "auto" else config.precision,
        gradient_clip_val=1.0,
        logger=False,
        callbacks=[saver, EMAWeightAveraging(decay=config.average), Curves(folder / "metrics.csv")],
        enable_progress_bar=progress,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(module, datamodule=Windows(config, source), ckpt_path=resume, weights_only=True)
    return Result(folder / "last.ckpt", export(config, module, folder / "weights.safetensors"))


def export(config: InpaintTraining, module: Filling, path: Path) -> Path:
    """Write the network's weights as a file that `sayre inpaint --weights` takes."""
    widths = config.windows.widths
    training = config.model_dump(mode="json")
    for key, value in config:
        if isinstance(value, Path):  # names travel, paths of this machine do not
            training[key] = value.name
    header = {
        "network": config.network,
        "options": network_options(config),
        "window": config.windows.shape,
        "baseline": config.windows.baseline,
        "widths": widths,
        "training": training,
    }
    write(path, module.network.state_dict(), header)
    return path
