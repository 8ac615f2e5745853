"""Which format a file has: its ending says so, or that it is a folder or a glob of frames."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

from sayre.errors import InputError

FORMATS = {
    ".npz": "npz",
    ".npy": "npz",
    ".cxi": "cxi",
    ".h5": "hdf5",
    ".hdf5": "hdf5",
    ".nxs": "hdf5",
    ".tif": "tiff",
    ".tiff": "tiff",
}
READ_ONLY = {".mat": "mat"}
_LONGEST = 255
"""Bytes of a name that file systems take."""
_INSIDE = (".npz", ".mat", ".h5", ".hdf5", ".nxs", ".cxi")
"""Endings of files that hold several arrays by name."""


def split_path(path: str | Path) -> tuple[Path, str | None]:
    """Split `file.h5::/inside` into the file and the path inside it, None where there is none.

    Raises
    ------
    InputError
        A path that no file can have.
    """
    file, _, inside = str(path).partition("::")
    if "\0" in file or max(len(os.fsencode(part)) for part in (*Path(file).parts, "")) > _LONGEST:
        raise InputError(f"{file[:80]}…: no file has such a name; one of {_LONGEST} bytes at most would do")
    return Path(file), inside or None


def readable(file: Path, inside: str | None) -> Any:
    """Return the module that reads a file, after checking that the file can be opened.

    Parameters
    ----------
    file
        Where it is.
    inside
        Path of a dataset inside it, or name of an array in an `.npz`.

    Raises
    ------
    InputError
        No such file, a folder, an empty or unreadable file, an unknown ending.
    """
    if not file.exists():
        raise InputError(f"{file}: no such file")
    if file.is_dir():
        raise InputError(f"{file}: is a folder; name a file in it")
    if file.is_file() and not file.stat().st_size:
        raise InputError(f"{file}: empty file; copy or write it again")
    module = module_of(file, reading=True)
    if inside and file.suffix.lower() not in _INSIDE:
        raise InputError(
            f"{file}::{inside}: only {', '.join(_INSIDE)} have paths inside; name the file alone"
        )
    try:
        with open(file, "rb") as stream:
            empty = not stream.read(1)
    except OSError as error:
        raise InputError(f"{file}: cannot be opened ({error.strerror}); check its permissions") from error
    if empty:
        raise InputError(f"{file}: empty file; copy or write it again")
    if module.__name__.endswith(".hdf5") and inside is None and module.states_cxi(file):
        return importlib.import_module("sayre.files.patterns.cxi")
    return module


def module_of(path: Path, *, reading: bool = False) -> Any:
    """Return the module that reads and writes files with the ending of `path`.

    Parameters
    ----------
    path
        A file.
    reading
        Whether a format that is not written will do.
    """
    ending, known = path.suffix.lower(), FORMATS | READ_ONLY if reading else FORMATS
    if ending not in known:
        found = f"unknown ending {ending}" if ending else "no ending"
        raise InputError(f"{path}: {found}; {', '.join(known)} would do")
    return importlib.import_module(f"sayre.files.patterns.{known[ending]}")
