"""Finished steps of a long computation, kept now and then so that a stopped one resumes there."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from sayre.errors import InputError, warn
from sayre.files.kept import KeptFolder
from sayre.files.pace import Pace

ENDING = ".checkpoint"


class Checkpoints:
    """Arrays by name in a kept folder, written seldom enough to cost little time.

    Parameters
    ----------
    folder
        Of the configuration that the steps depend on.
    what
        What is kept, for the warning where it cannot be written.
    """

    def __init__(self, folder: KeptFolder, what: str) -> None:
        self._folder, self._what, self._pace = folder, what, Pace()

    @property
    def due(self) -> bool:
        """Whether it is time to save again."""
        return self._pace.due

    def load(self, name: str) -> dict[str, NDArray[Any]] | None:
        """Return what an earlier, stopped command saved last under a name, if anything."""
        return self._folder.load(name + ENDING)

    def save(self, name: str, /, **arrays: NDArray[Any]) -> None:
        """Keep arrays in place of those saved before under the name.

        Warns
        -----
        SayreWarning
            They cannot be written; the computation continues.
        """
        with self._pace.writing():
            try:
                self._folder.save(name + ENDING, **arrays)
            except InputError as error:
                warn(f"{self._what} was not kept: {error}")

    def finish(self, name: str, /, **arrays: NDArray[Any]) -> None:
        """Keep the arrays of a finished step, if it is time: what takes no time is soon done again."""
        if self.due:
            self.save(name, **arrays)

    def clear(self) -> None:
        """Remove what was saved, once the whole result is kept."""
        for path in self._folder.folder.glob("*" + ENDING):
            path.unlink(missing_ok=True)
