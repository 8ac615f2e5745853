"""A place in memory for the steps of a filling, in place of `sayre.files.checkpoints.Checkpoints`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


class Steps:
    """Keeps every step of one filling; `from_step` is the same place when it was stopped after so many."""

    due = True

    def __init__(self) -> None:
        self.saved: list[tuple[str, dict[str, Any]]] = []

    def save(self, name: str, /, **arrays: Any) -> None:
        self.saved.append((name, {key: np.array(array) for key, array in arrays.items()}))

    finish = save

    def load(self, name: str) -> Mapping[str, Any] | None:
        return next((arrays for saved, arrays in reversed(self.saved) if saved == name), None)

    def from_step(self, number: int) -> Steps:
        stopped = Steps()
        stopped.saved = self.saved[:number]
        return stopped
