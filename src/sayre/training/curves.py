"""Validation curves as a CSV file, one row an epoch."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import lightning as L
from lightning.pytorch.callbacks import Callback


class Curves(Callback):
    """Append every logged number to `path` after each epoch; a resumed run goes on where it left off."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        numbers = {name: f"{float(value):.6g}" for name, value in sorted(trainer.callback_metrics.items())}
        if not numbers or not trainer.is_global_zero:  # a resumed run ends its last epoch once more, empty
            return
        row = {"step": str(trainer.global_step), **numbers}
        before = [r for r in self._rows() if int(r["step"]) < trainer.global_step]
        text = io.StringIO()
        writer = csv.DictWriter(text, list(row), extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows([*before, row])
        temporary = self.path.with_name(self.path.name + ".part")
        temporary.write_text(text.getvalue())
        temporary.replace(self.path)

    def _rows(self) -> list[dict[str, str]]:
        if not self.path.exists():
            return []
        with self.path.open(newline="") as file:
            return list(csv.DictReader(file))
