"""Checks, before a computation starts, that it fits in the memory."""

from __future__ import annotations

import io
import os
from pathlib import Path

from sayre.errors import InputError

_EACH = 8
"""Bytes of memory that a byte of a text may take: itself, in a line, in a number."""
_UNKNOWN = 2**28
"""Bytes that are read of what has no size, as a pipe or a device."""


def available() -> int | None:
    """Return the bytes that this process may still allocate; None where the system does not report them.

    On Linux they are the free and the reclaimable memory, or less where a control group limits the process.
    """
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
        known = {name: int(rest.split()[0]) * 1024 for name, rest in (line.split(":", 1) for line in lines)}
        free = known["MemAvailable"]
    except (OSError, KeyError, ValueError, IndexError):
        names = getattr(os, "sysconf_names", {})
        if "SC_AVPHYS_PAGES" not in names:
            return None
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    group = Path("/sys/fs/cgroup")
    try:
        limit = int((group / "memory.max").read_text(encoding="utf-8"))
        return max(min(free, limit - int((group / "memory.current").read_text(encoding="utf-8"))), 0)
    except (OSError, ValueError):
        return free


def require(needed: int, what: str, mend: str = "fewer voxels or atoms") -> None:
    """Refuse a computation that needs more memory than is available.

    Parameters
    ----------
    needed
        Bytes that the computation needs.
    what
        The computation, which opens the message.
    mend
        What would need less.

    Raises
    ------
    InputError
        `needed` is more than `available()`.
    """
    free = available()
    if free is not None and needed > free:
        raise InputError(
            f"{what} needs {needed / 2**30:.1f} GiB of memory, {free / 2**30:.1f} GiB are free; "
            f"{mend} would do"
        )


def whole(path: Path, *, each: int = _EACH) -> bytes:
    """Return the bytes of a file that is read as a whole, once it is known that they fit in the memory.

    Parameters
    ----------
    path
        The file; of a pipe or a device 256 MiB are read at most.
    each
        Bytes of memory that a byte of it takes.

    Raises
    ------
    InputError
        There is not the memory for it.
    OSError
        It cannot be read.
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        require(each * size, f"{path}: reading {size / 2**30:.1f} GiB", "a smaller file")
        data = file.read() if size else file.read(_UNKNOWN)
        if not size and len(data) == _UNKNOWN:
            raise InputError(f"{path}: has no end; a file would do")
    return data


def whole_text(path: Path, *, errors: str = "strict") -> str:
    """Return the text of a file as `whole` reads it, in UTF-8.

    Parameters
    ----------
    path
        The file.
    errors
        What becomes of bytes that are no UTF-8, as `bytes.decode` has it.
    """
    return io.TextIOWrapper(io.BytesIO(whole(path)), encoding="utf-8", errors=errors).read()
