"""The training loop."""

from __future__ import annotations

import logging
import signal
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import EMAWeightAveraging, ModelCheckpoint
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from sayre.files.atomic import replacing
from sayre.numerics.progress import Advance
from sayre.training.checkpoint import Checkpoint
from sayre.training.config import Training
from sayre.training.curves import Curves
from sayre.training.folder import (
    CHECKPOINT,
    CONFIG,
    CURVES,
    check_folder,
    check_network,
    clear,
    read_checkpoint,
)
from sayre.training.optimizer import Muon
from sayre.training.progress import StepProgress

Stream = Callable[[Sequence[int]], Iterator[Any]]
"""A function from seeds to endless samples, which are the same for the same seeds."""


def optimisers(network: nn.Module, config: Training) -> Any:
    """Make the optimiser and the learning-rate schedule of a configuration.

    Parameters
    ----------
    network
        The network to train.
    config
        How it is trained.

    Returns
    -------
    Both, as Lightning takes them.
    """
    optimizer: torch.optim.Optimizer
    if config.optimizer == "muon":
        optimizer = Muon(
            network, config.learning_rate, adam_rate=config.adam_rate, weight_decay=config.weight_decay
        )
    else:
        optimizer = torch.optim.AdamW(
            network.parameters(), config.adam_rate, weight_decay=config.weight_decay, betas=(0.9, 0.98)
        )
    if config.schedule == "plateau":
        plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": plateau, "monitor": "error"}}

    def rate(step: int) -> float:
        left = (config.steps - step) / max(config.decay * config.steps, 1)
        return max(min((step + 1) / (config.warm_up + 1), left, 1.0), 1e-3)

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class Data(L.LightningDataModule):
    """Samples to train on, drawn anew in every epoch, and indices of the validation samples.

    Because every epoch has seeds of its own, a run that is resumed at an epoch draws the same samples as one
    that was not stopped.

    Parameters
    ----------
    config
        How the network is trained.
    stream
        Samples by seed.
    collate
        Function from a list of samples to a batch.
    validation
        Number of validation samples.
    """

    def __init__(
        self, config: Training, stream: Stream, collate: Callable[[list[Any]], Any], validation: int
    ) -> None:
        super().__init__()
        self.config, self.stream, self.collate, self.validation = config, stream, collate, validation

    def train_dataloader(self) -> DataLoader[Any]:
        """Return the batches of the coming epoch."""
        trainer, config = self.trainer, self.config
        assert trainer is not None
        epoch = trainer.global_step // config.epoch_steps
        return DataLoader(
            _Samples(self.stream, (config.seed, epoch, trainer.global_rank)),
            batch_size=config.batch,
            num_workers=config.workers,
            collate_fn=self.collate,
            worker_init_fn=_quiet_worker,
            prefetch_factor=8 if config.workers else None,
            multiprocessing_context="fork" if config.workers else None,
        )

    def val_dataloader(self) -> DataLoader[int]:
        """Return the indices of the validation samples."""
        return DataLoader(range(self.validation), batch_size=1)  # type: ignore[arg-type]


class _Samples(IterableDataset[Any]):
    """Endless samples, other ones in every worker."""

    def __init__(self, stream: Stream, seeds: tuple[int, ...]) -> None:
        self.stream, self.seeds = stream, seeds

    def __iter__(self) -> Iterator[Any]:
        info = get_worker_info()
        return self.stream([*self.seeds, info.id if info else 0])


def _quiet_worker(_: int) -> None:
    """Ignore Ctrl-C, for the process of the training ends its workers, and compute on one thread."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)


def prepare(config: Training, folder: Path, *, resume: Path | None = None, force: bool = False) -> None:
    """Check the folder, set the seed and the number of threads; call it before a module is made.

    Parameters
    ----------
    config, folder, resume, force
        As `sayre.training.folder.check_folder` takes them.

    Raises
    ------
    InputError
        As `sayre.training.folder.check_folder`.
    """
    check_folder(config, folder, resume=resume, force=force)
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    if config.threads:
        torch.set_num_threads(config.threads)
    L.seed_everything(config.seed, verbose=False)


def fit(
    module: L.LightningModule,
    data: Data,
    config: Training,
    folder: Path,
    *,
    resume: Path | None = None,
    force: bool = False,
    progress: Advance | None = None,
) -> Path:
    """Train, and write `config.json`, `last.ckpt` and `metrics.csv` to a folder.

    Parameters
    ----------
    module
        The network with its loss.
    data
        The samples.
    config, folder, force
        As given to `prepare`, which must be called before.
    resume
        Checkpoint to continue from, as if the run had not been stopped.
    progress
        Called after every step.

    Returns
    -------
    Path of the checkpoint; where `resume` is of a finished run, its averaged weights are taken as they are.

    Raises
    ------
    InputError
        `resume` is a checkpoint of another network.
    KeyboardInterrupt
        The user stopped the run; the checkpoint of the last complete epoch is kept.
    """
    if resume is not None:
        check_network(module, resume)
    folder.mkdir(parents=True, exist_ok=True)
    if force:
        clear(folder, resume=resume)
    with replacing(folder / CONFIG, force=True) as file:
        file.write(config.model_dump_json(indent=1).encode())
    name = CHECKPOINT.removesuffix(".ckpt")
    saver = ModelCheckpoint(folder, name, enable_version_counter=False, save_on_train_epoch_end=True)
    callbacks = [saver, EMAWeightAveraging(decay=config.average), Curves(folder / CURVES)]
    if progress is not None:
        callbacks.append(StepProgress(progress, steps=config.steps, epoch_steps=config.epoch_steps))
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
        callbacks=callbacks,
        plugins=Checkpoint(),
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    stored = None if resume is None else read_checkpoint(resume)
    if stored is not None and stored["global_step"] >= config.steps:
        module.load_state_dict(stored["state_dict"])  # the averaged weights: there is nothing left to train
        return Path(str(resume))
    _fit(trainer, module, data, resume)
    return folder / CHECKPOINT


def _fit(trainer: L.Trainer, module: L.LightningModule, data: Data, resume: Path | None) -> None:
    """Run the trainer, and raise KeyboardInterrupt when the user stops it.

    Lightning itself would end the process, and would leave Ctrl-C without effect afterwards. Two of its
    warnings are of no use to a user and are ignored: that `config.json` is beside the checkpoint, and that it
    uses a part of torch that will be removed.
    """
    handler = signal.getsignal(signal.SIGINT)
    try:
        with warnings.catch_warnings():
            for message in ("Checkpoint directory .* not empty", r".*isinstance\(treespec, LeafSpec\)"):
                warnings.filterwarnings("ignore", message)
            trainer.fit(module, datamodule=data, ckpt_path=resume, weights_only=True)
    except SystemExit as leave:
        if isinstance(leave.__context__, KeyboardInterrupt):
            signal.signal(signal.SIGINT, handler)
            raise KeyboardInterrupt from None
        raise
