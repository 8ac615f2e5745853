"""Checks, before a computation starts, that it fits in the memory."""

from __future__ import annotations

import os
from pathlib import Path

from sayre.errors import InputError


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
