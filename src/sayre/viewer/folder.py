"""Which files the page may name: those inside one folder, wherever links lead."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sayre.errors import InputError
from sayre.files.formats import FORMATS, READ_ONLY

MOST, DEEPEST = 500, 4
"""Files that are listed at most, and folders one in another that are looked into."""


class Refused(InputError):
    """A file that the page must not read or write."""


@dataclass(frozen=True)
class Folder:
    """The only folder that the page reads and writes; `root` has no links in it."""

    root: Path

    @classmethod
    def of(cls, path: Path) -> Folder:
        """Return the folder at `path`.

        Raises
        ------
        InputError
            There is none.
        """
        if not path.is_dir():
            raise InputError(f"{path}: is no folder; `within=` names the only one that may be read")
        return cls(path.resolve())

    def inside(self, name: str) -> Path:
        """Return the place of a file that the page names, relative to the folder.

        Raises
        ------
        Refused
            The name, or a link on its way, leads out of the folder.
        """
        if not name or "\0" in name or Path(name).is_absolute() or ".." in Path(name).parts:
            raise Refused(f"{name!r}: names no file in {self.root}; a name relative to it would do")
        place = (self.root / name).resolve()
        if not place.is_relative_to(self.root) or place == self.root:
            raise Refused(f"{name!r}: leads out of {self.root}, the only folder that may be read")
        return place

    def holds(self, path: Path) -> bool:
        """Whether a file lies in the folder once links are followed."""
        return path.resolve().is_relative_to(self.root)

    def files(self) -> list[str]:
        """Names of the files that may hold counts or an object, relative to the folder."""
        found = []
        for path in _walk(self.root, DEEPEST):
            if path.suffix.lower() in (*FORMATS, *READ_ONLY) and self.holds(path):
                found.append(path.relative_to(self.root).as_posix())
            if len(found) == MOST:
                break
        return found


def _walk(folder: Path, depth: int) -> Iterator[Path]:
    """Files of a folder and of those in it, hidden ones and links to folders left out."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_file():
            yield Path(entry.path)
        elif depth > 1 and entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path), depth - 1)
