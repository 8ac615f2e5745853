"""Output files that are whole or absent: written beside their place, then moved there."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from sayre.errors import InputError

LONGEST = 255 - len("..01234567.tmp")
"""Bytes of a file's name, so that the name of its temporary file is one that file systems take."""


def check_place(path: Path, *, force: bool) -> None:
    """Raise `InputError` unless a file can be written at `path`.

    Parameters
    ----------
    path
        Where a file is to be written.
    force
        Whether a file that is there may be replaced.
    """
    if path.is_symlink() and not path.exists():  # where it leads is written
        path = Path(os.path.realpath(path))
    folder = path.parent
    if len(os.fsencode(path.name)) > LONGEST:
        raise InputError(
            f"{path}: a name of {len(os.fsencode(path.name))} bytes; one of {LONGEST} at most would do"
        )
    if path.is_dir():
        raise InputError(f"{path}: is a folder; name a file in it")
    if not folder.is_dir():
        found = "is not a folder" if folder.exists() else "does not exist"
        raise InputError(f"{path}: the folder {folder} {found}; make it first")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"{path}: the folder {folder} cannot be written to; choose another")
    if path.exists() and not force:
        raise InputError(f"{path}: exists; `force=True` overwrites")


@contextlib.contextmanager
def replacing(path: Path, *, force: bool) -> Iterator[BinaryIO]:
    """Open a temporary file in the folder of `path`; on success it becomes `path`, else it is removed.

    The bytes are synced to disk before the move, so that a crash leaves the old file or the new one.

    Parameters
    ----------
    path
        Where the file is to be written.
    force
        Whether a file that is there may be replaced.

    Raises
    ------
    InputError
        `path` cannot be written, exists without `force`, or the disk is full.
    """
    check_place(path, force=force)
    if path.is_symlink():
        path = Path(os.path.realpath(path))
        check_place(path, force=force)
    _clear_strays(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with open(temporary, "xb") as file:
            _locked(file.fileno())
            yield file
            file.flush()
            os.fsync(file.fileno())
        if not force:
            check_place(path, force=False)
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except OSError as error:
        reason = error.strerror or " ".join(str(error).split())
        raise InputError(
            f"{path}: cannot be written ({reason}); free space or choose another folder"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _clear_strays(path: Path) -> None:
    """Remove temporary files that a killed command left: those that no process holds locked."""
    stray = re.compile(re.escape(f".{path.name}.") + "[0-9a-f]{8}[.]tmp")
    with contextlib.suppress(OSError):
        for name in [name for name in os.listdir(path.parent) if stray.fullmatch(name)]:
            with open(path.parent / name, "rb") as file:
                if _locked(file.fileno()):
                    (path.parent / name).unlink()


def _locked(descriptor: int) -> bool:
    """Lock an open file for as long as it is open; False where another process holds it, or none can."""
    try:
        import fcntl  # not on Windows

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (OSError, ImportError):
        return False
    return True


def _sync_folder(folder: Path) -> None:
    """Make the move itself durable, where the system lets a folder be synced."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
