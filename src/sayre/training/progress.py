"""Progress of a training run, in the steps and epochs of the whole run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback
from torch import Tensor

Report = Callable[[float, str], None]
"""Called with the fraction of the run that is done, and where it is in words."""


class Steps(Callback):
    """Report every step.

    Parameters
    ----------
    report
        Whom to tell.
    steps, epoch_steps
        Of the whole run, and of an epoch; the last epoch may have fewer.
    """

    def __init__(self, report: Report, *, steps: int, epoch_steps: int) -> None:
        self.report, self.steps, self.epoch_steps = report, steps, epoch_steps

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Tensor | Mapping[str, Any] | None,
        batch: Any,
        batch_idx: int,
    ) -> None:
        if trainer.is_global_zero:
            self.report(trainer.global_step / self.steps, self.text(trainer.global_step))

    def text(self, step: int) -> str:
        """Where the run is once `step` steps are done."""
        epoch, epochs = (-(-count // self.epoch_steps) for count in (step, self.steps))
        return f"step {step} of {self.steps}, epoch {epoch} of {epochs}"
