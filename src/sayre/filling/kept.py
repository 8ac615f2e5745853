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


class Prefixed:
    """Steps of one of several fillings that are kept in the same place.

    Parameters
    ----------
    kept
        Where.
    prefix
        Of the names of its steps.
    """

    def __init__(self, kept: Kept, prefix: str) -> None:
        self._kept, self._prefix = kept, prefix

    @property
    def due(self) -> bool:
        """Whether it is time to save again."""
        return self._kept.due

    def load(self, name: str) -> Mapping[str, NDArray[Any]] | None:
        """Return what an earlier, stopped call saved last under a name, if anything."""
        return self._kept.load(self._prefix + name)

    def save(self, name: str, /, **arrays: NDArray[Any]) -> None:
        """Keep arrays in place of those saved before under the name."""
        self._kept.save(self._prefix + name, **arrays)


def prefixed(kept: Kept | None, prefix: str) -> Kept | None:
    """Return a place for the steps of one of several fillings; None where there is none.

    Parameters
    ----------
    kept
        Where.
    prefix
        Of the names of its steps.
    """
    return None if kept is None else Prefixed(kept, prefix)
