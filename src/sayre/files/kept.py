"""A folder beside an output where a long command keeps what it finished, until all is done."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sayre._version import __version__
from sayre.data.json_text import to_json
from sayre.errors import InputError, warn
from sayre.files.atomic import replacing

Arrays = Mapping[str, NDArray[Any]]

_CONFIG, _DIGEST = "resume.json", "sha256 of the others"
_TEMPORARY = re.compile(r"\.resume\.json\.[0-9a-f]+\.tmp")
_OURS = re.compile(r"\d+(-[0-9a-f]{8})?\.npz|filled\.npz|.*\.checkpoint|.*\.snapshot|\..*\.[0-9a-f]{8}\.tmp")
"""Names of the files that commands keep; nothing else in the folder is ever removed."""


_DERIVED = ("inputs",)
"""Files and their hashes: what they hold is compared as counts and options."""
_TOLD = 4
"""Differences of two configurations that a message names."""


class KeptFolder:
    """A folder of files that belong to one configuration; made with the first file that is kept.

    Parameters
    ----------
    folder
        Where it is made. A folder that holds anything else is never touched.
    config
        What the files depend on, as JSON can hold it; the version of Sayre is added.
    replace
        Remove files of another configuration when the first one is kept, rather than refuse them.

    Notes
    -----
    Callers keep files whose names `_OURS` has; a file of any other name is the user's, and stays.
    """

    def __init__(self, folder: Path, config: Mapping[str, Any], *, replace: bool = False) -> None:
        self.folder, self.replace = folder, replace
        self.config = to_json({**config, "version": __version__}, sort_keys=True)

    @property
    def matches(self) -> bool:
        """Whether the folder is there and of this configuration."""
        known = self.folder / _CONFIG
        return known.is_file() and known.read_bytes() == self.config.encode()

    def check(self) -> None:
        """Refuse a folder that cannot be used.

        Raises
        ------
        InputError
            It holds files of another configuration, unless they are to be replaced, or files of the user.
        """
        if self.matches or not self.folder.exists():
            return
        if not self._is_kept():
            raise InputError(
                f"{self.folder}: is needed for what is kept while the command runs; move it, or choose "
                "another output"
            )
        if not self.replace and (self.folder / _CONFIG).is_file():
            raise InputError(
                f"{self.folder}: holds an unfinished run of other options or counts, or of another version"
                f"{self._differences()}; give the same to resume it, or `force=True` to begin anew"
            )

    def _differences(self) -> str:
        """Name what differs from the configuration of the folder."""
        try:
            texts = (self.folder / _CONFIG).read_bytes(), self.config
            there, here = (dict(_settings(json.loads(text))) for text in texts)
        except (OSError, ValueError, RecursionError):
            return ""
        names = sorted(name for name in there.keys() | here.keys() if there.get(name) != here.get(name))
        told = [_difference(name, there.get(name), here.get(name)) for name in names]
        return f" ({', '.join(told[:_TOLD])}{', …' if len(told) > _TOLD else ''})" if told else ""

    def begin(self) -> None:
        """Make the folder, which tells a later command that this one was not finished.

        Raises
        ------
        InputError
            As `check`, or it cannot be made or written to.
        """
        if self.matches:
            return
        self.check()
        self.remove()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"{self.folder}: cannot be made ({error.strerror}); choose another output"
            ) from None
        with replacing(self.folder / _CONFIG, force=True) as file:
            file.write(self.config.encode())

    def save(self, name: str, /, **arrays: NDArray[Any]) -> None:
        """Keep arrays in a file of the folder, in place of those before; it appears whole or not at all.

        Raises
        ------
        InputError
            As `begin`, or the file cannot be written.
        """
        self.begin()
        with replacing(self.folder / name, force=True) as file:
            np.savez(file, **arrays, **{_DIGEST: np.array(_digest(arrays))})  # type: ignore[arg-type]

    def load(self, name: str) -> dict[str, NDArray[Any]] | None:
        """Return the arrays that a command of the same configuration kept in a file, if it did.

        Warns
        -----
        SayreWarning
            The file is damaged: it is removed, and what it held is computed again.
        """
        path = self.folder / name
        if not (self.matches and path.is_file()):
            return None
        try:
            with open(path, "rb") as stream, np.load(stream) as file:
                arrays = {key: file[key] for key in file.files}
            if str(arrays.pop(_DIGEST)) == _digest(arrays):
                return arrays
        except Exception:  # what NumPy raises on damaged files has no common base
            pass
        self.discard(name)
        return None

    def discard(self, name: str) -> None:
        """Remove a damaged file of the folder with a warning; what it held is computed again."""
        warn(f"{self.folder / name}: is damaged and removed; what it held is computed again")
        (self.folder / name).unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete the folder with all that was kept; a folder of the user stays."""
        if not self._is_kept():
            return
        with contextlib.suppress(OSError):
            ours = [path for path in self.folder.iterdir() if _OURS.fullmatch(path.name)]
            for path in ours:
                path.unlink()
            (self.folder / _CONFIG).unlink(missing_ok=True)  # last: an interrupted removal can be repeated
            self.folder.rmdir()

    def remove_unused(self) -> None:
        """Delete the folder if nothing was kept in it yet."""
        if self.matches and all(path.name == _CONFIG for path in self.folder.iterdir()):
            self.remove()

    def _is_kept(self) -> bool:
        """Whether the folder was made by `begin`, or `begin` was killed while it made it."""
        if not self.folder.is_dir() or self.folder.is_symlink():
            return False
        if (self.folder / _CONFIG).is_file():
            return _is_mark(self.folder / _CONFIG)
        return all(_TEMPORARY.fullmatch(path.name) for path in self.folder.iterdir())


def _settings(config: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each setting of a configuration with its value."""
    for name, value in config.items():
        if isinstance(value, dict) and name not in _DERIVED:
            yield from _settings(value)
        elif name not in _DERIVED:
            yield name, value


def _difference(name: str, there: Any, here: Any) -> str:
    """Name a difference of two configurations, with the values where they are short."""
    if name == "pattern":
        return "other counts"
    values = [to_json(value) for value in (there, here)]
    if max(map(len, values)) > 24:
        return f"another `{name}=`"
    old, new = ("none" if value == "null" else value.strip('"') for value in values)
    return f"`{name}={old}` there, {new} here"


def _is_mark(path: Path) -> bool:
    """Whether a file is one that `begin` writes, or damaged so far that it is no JSON."""
    try:
        found = json.loads(path.read_bytes())
    except OSError:
        return False
    except (ValueError, RecursionError):
        return True
    return isinstance(found, dict) and isinstance(found.get("version"), str)


def _digest(arrays: Arrays) -> str:
    """SHA-256 of arrays with their names, types and shapes."""
    found = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        found.update(f"{name} {array.dtype.str} {np.shape(arrays[name])};".encode())
        found.update(array.tobytes())
    return found.hexdigest()
