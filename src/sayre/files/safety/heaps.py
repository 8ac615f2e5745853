"""Heaps of HDF5 files, where texts are: HDF5 reads some damaged ones for ever, so they are checked before."""

from __future__ import annotations

import mmap
from functools import lru_cache
from pathlib import Path

from sayre.errors import InputError

LARGE = 2**28
"""Bytes of a file beyond which its heaps are not looked for."""
_SIGNATURE, _HEAD = b"GCOL\x01\x00\x00\x00", 16


def require_heaps(path: Path) -> None:
    """Refuse an HDF5 file one of whose global heaps has an object without a size, or one beyond its end.

    Parameters
    ----------
    path
        The file; one that is large is not looked at.

    Raises
    ------
    InputError
        Such a heap; HDF5 1.14 and before do not come to its end.
    """
    try:
        known = path.stat()
    except OSError:
        return
    if 0 < known.st_size <= LARGE and not _sound(path, known.st_size, known.st_mtime_ns):
        raise InputError(f"{path}: damaged, a heap of texts in it does not end; copy the file again")


@lru_cache(maxsize=64)
def _sound(path: Path, size: int, _: int) -> bool:
    with open(path, "rb") as file, mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) as data:
        at = data.find(_SIGNATURE)
        while at >= 0:
            if not _ends(data, at):
                return False
            at = data.find(_SIGNATURE, at + 1)
    return True


def _ends(data: mmap.mmap, start: int) -> bool:
    """Whether the objects of the heap at a place, each with its length, lead to the end of the heap."""
    end = start + int.from_bytes(data[start + 8 : start + 16], "little")
    if end > len(data):  # HDF5 says so
        return True
    at = start + _HEAD
    while at + _HEAD <= end:
        index = int.from_bytes(data[at : at + 2], "little")
        length = int.from_bytes(data[at + 8 : at + 16], "little")
        need = _HEAD + -(-length // 8) * 8 if index else length
        if need == 0 or at + need > end:
            return False
        at += need
    return True
