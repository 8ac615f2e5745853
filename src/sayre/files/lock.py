"""Outputs that one command at a time writes; the lock of a killed command ends with it."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Iterator
from pathlib import Path

from sayre.errors import InputError

LOCK = ".lock"
"""End of the name of a lock; its whole name in a folder that is held."""


@contextlib.contextmanager
def folder_held(folder: Path) -> Iterator[None]:
    """Hold a folder inside the `with` block; it is made, and removed again where it stays empty.

    A folder that cannot be made or written to, or whose file system has no locks, is not held: whoever writes
    to it finds out.

    Raises
    ------
    InputError
        Another command holds the folder.
    """
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        with _held(folder / LOCK, folder):
            yield
    finally:
        with contextlib.suppress(OSError):
            for place in made:
                place.rmdir()


@contextlib.contextmanager
def file_held(path: Path) -> Iterator[None]:
    """Hold a file that is to be written inside the `with` block.

    Raises
    ------
    InputError
        Another command holds the file.
    """
    with _held(path.with_name(f".{path.name}{LOCK}"), path):
        yield


@contextlib.contextmanager
def _held(lock: Path, output: Path) -> Iterator[None]:
    descriptor = _acquired(lock, output)
    try:
        yield
    finally:
        if descriptor is not None:
            with contextlib.suppress(OSError):
                lock.unlink(missing_ok=True)  # while it is locked: whoever opened it sees that it is gone
            os.close(descriptor)


def _acquired(lock: Path, output: Path) -> int | None:
    """Lock a file and return its descriptor; None where there are no locks."""
    while True:
        try:
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError:
            return None
        try:
            _lock(descriptor)
            if _is_at(descriptor, lock):
                os.ftruncate(descriptor, 0)
                os.write(descriptor, f"process {os.getpid()} on {platform.node()}".encode())
                return descriptor
        except BlockingIOError:
            holder = os.read(descriptor, 1000).decode(errors="replace") or "another command"
            os.close(descriptor)
            raise InputError(
                f"{output}: is being written by {holder}; wait until that is done, or choose another output"
            ) from None
        except (OSError, ImportError):
            os.close(descriptor)
            lock.unlink(missing_ok=True)
            return None
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    """Lock an open file without waiting; the system unlocks it when this process ends."""
    import fcntl  # not on Windows

    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether an open file is still the one at a path."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
