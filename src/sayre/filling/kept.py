"""What filling asks of a place where finished steps are kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

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
