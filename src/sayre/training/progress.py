"""Progress of a training run, in steps and epochs of the whole run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from sayre.numerics.progress import Advance


class StepProgress(Callback):
    """A callback that reports every step of a run.

    Parameters
    ----------
    progress
        Called with the fraction of the run that is done, and with the step and the epoch in words.
    steps
        Steps of the whole run.
    epoch_steps
        Steps of an epoch; the last one may have fewer.
    """

    def __init__(self, progress: Advance, *, steps: int, epoch_steps: int) -> None:
        self.progress, self.steps, self.epoch_steps = progress, steps, epoch_steps

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Tensor | Mapping[str, Any] | None,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Report the step.

        Parameters
        ----------
        trainer, pl_module, outputs, batch, batch_idx
            As Lightning passes them.
        """
        if trainer.is_global_zero:
            self.progress(trainer.global_step / self.steps, self.text(trainer.global_step))

    def text(self, step: int) -> str:
        """Return step and epoch in words, after so many steps."""
        epoch, epochs = (-(-count // self.epoch_steps) for count in (step, self.steps))
        return f"step {step} of {self.steps}, epoch {epoch} of {epochs}"
