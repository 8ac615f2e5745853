"""Training curves in a CSV file, with a row for every epoch."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import lightning as L
from lightning.pytorch.callbacks import Callback

from sayre.files.atomic import replacing


class Curves(Callback):
    """A callback that appends every logged number to a file after each epoch; a resumed run continues it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Write the row of the epoch, in place of rows of the same or later steps.

        Parameters
        ----------
        trainer, pl_module
            As Lightning passes them.
        """
        numbers = {name: f"{float(value):.6g}" for name, value in sorted(trainer.callback_metrics.items())}
        if not numbers or not trainer.is_global_zero:  # a resumed run ends its last epoch once more, empty
            return
        row = {"step": str(trainer.global_step), **numbers}
        before = [r for r in self._rows() if int(r["step"]) < trainer.global_step]
        text = io.StringIO()
        writer = csv.DictWriter(text, list(row), extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows([*before, row])
        with replacing(self.path, force=True) as file:
            file.write(text.getvalue().encode())

    def _rows(self) -> list[dict[str, str]]:
        if not self.path.exists():
            return []
        with self.path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
