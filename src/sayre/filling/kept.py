"""Where finished steps of a filling are kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Kept(Protocol):
    """Finished steps of one filling by name; `sayre.files.checkpoints.Checkpoints` is one in a folder.

    Steps are those of one pattern, one choice of settings and one device: whoever makes it sees to that.
    """

    @property
    def due(self) -> bool:
        """Whether it is time to save again."""
        ...

    def load(self, name: str) -> Mapping[str, NDArray[Any]] | None:
        """Return what an earlier, stopped call saved last under a name, if anything."""
        ...

    def save(self, name: str, /, **arrays: NDArray[Any]) -> None:
        """Keep arrays in place of those saved before under the name."""
        ...

    def finish(self, name: str, /, **arrays: NDArray[Any]) -> None:
        """Keep the arrays of a finished step, if that costs nothing or it is time."""
        ...


class InMemory:
    """Steps in memory, so that the same counts are filled again in no time by the same settings.

    Parameters
    ----------
    beyond
        Another place, where they are kept as well.
    """

    def __init__(self, beyond: Kept) -> None:
        self._beyond = beyond
        self._steps: dict[str, Mapping[str, NDArray[Any]]] = {}

    @property
    def due(self) -> bool:
        """Whether it is time to save again, as the other place says."""
        return self._beyond.due

    def load(self, name: str) -> Mapping[str, NDArray[Any]] | None:
        """Return a copy of what was saved last under a name, here or beyond by an earlier, stopped call."""
        here = self._steps.get(name)
        return {key: values.copy() for key, values in here.items()} if here else self._beyond.load(name)

    def save(self, name: str, /, **arrays: NDArray[Any]) -> None:
        """Keep copies of arrays in place of those saved before under the name."""
        self._steps[name] = {key: np.array(values) for key, values in arrays.items()}
        self._beyond.save(name, **arrays)

    def finish(self, name: str, /, **arrays: NDArray[Any]) -> None:
        """Keep copies of the arrays of a finished step here, and beyond if it is time there."""
        self._steps[name] = {key: np.array(values) for key, values in arrays.items()}
        self._beyond.finish(name, **arrays)
