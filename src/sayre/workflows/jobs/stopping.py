"""What a user who stops a job is told: what is kept of it, and what the same command then does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sayre.files.kept import KeptFolder

FILLED = "filled.npz"
"""Counts that a job has filled, in the folder where it keeps what it finished."""
_CONTENTS = (
    ("*.checkpoint", "the filling so far"),
    (FILLED, "the filled counts"),
    ("[0-9]*.npz", "finished starts"),
    ("running*.snapshot", "the running start"),
)
"""Files in a folder of what is kept, and what they hold."""


class Stopping:
    """How far a job is, as far as that decides what stopping it leaves.

    Attributes
    ----------
    kept
        The folder where the job keeps what it finished, once it is known to be of this job.
    """

    def __init__(self) -> None:
        self.kept: KeptFolder | None = None
        self._last: Path | None = None
        self._before: tuple[int, int] | None = None

    def begin(self, last: Path) -> None:
        """Begin a job whose result is whole once the file `last` is written."""
        self.kept, self._last, self._before = None, last, _identity(last)

    def sentence(self, folder: Path) -> str:
        """Tell what is kept in `folder`, and what the same command does."""
        if self._last is not None and _identity(self._last) != self._before:
            return f"{self._last} is written"
        if self.kept is None and folder.is_dir():
            return f"nothing was added to what {folder} holds; the same command begins where this one did"
        contents = _contents(folder) if self.kept is not None and self.kept.matches else []
        if not contents:
            return "nothing was kept; the same command begins anew"
        return f"kept in {folder}: {', '.join(contents)}; the same command resumes"


def _contents(folder: Path) -> list[str]:
    """Describe the files in a folder of what is kept."""
    described = []
    for pattern, text in _CONTENTS:
        count = len(list(folder.glob(pattern)))
        if count and text == "finished starts":
            described.append(f"{count} finished start{'s' if count > 1 else ''}")
        elif count:
            described.append(text)
    return described


def _identity(path: Path) -> tuple[int, int] | None:
    """What tells a file from one that was moved into its place."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns
