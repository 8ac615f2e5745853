"""Checkpoints of a training, whole or not there on any file system."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO

from sayre.files.atomic import replacing


class Checkpoint(TorchCheckpointIO):
    """Writes a checkpoint beside its place and moves it there; Lightning writes it elsewhere."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write a checkpoint.

        Parameters
        ----------
        checkpoint
            What Lightning keeps of the training.
        path
            Where.
        storage_options
            Not used.
        """
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, force=True) as file:
            torch.save(checkpoint, file)
