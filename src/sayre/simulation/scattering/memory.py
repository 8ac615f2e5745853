"""Whether something fits in memory, asked before it starts."""

from __future__ import annotations

import os
from pathlib import Path

from sayre.errors import InputError


def available() -> int | None:
    """Bytes that this process may still take; None where the system does not say.

    On Linux the memory free or reclaimable, or what the control group leaves if that is less.
    """
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        known = {name: int(rest.split()[0]) * 1024 for name, rest in (line.split(":", 1) for line in lines)}
        free = known["MemAvailable"]
    except (OSError, KeyError, ValueError, IndexError):
        names = getattr(os, "sysconf_names", {})
        if "SC_AVPHYS_PAGES" not in names:
            return None
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    group = Path("/sys/fs/cgroup")
    try:
        limit = int((group / "memory.max").read_text())
        return max(min(free, limit - int((group / "memory.current").read_text())), 0)
    except (OSError, ValueError):
        return free


def require(needed: int, what: str) -> None:
    """Refuse what needs more than is available.

    Raises
    ------
    InputError
        `needed` bytes are more than `available()`.
    """
    free = available()
    if free is not None and needed > free:
        raise InputError(
            f"{what} needs {needed / 2**30:.1f} GiB of memory, {free / 2**30:.1f} GiB are free; "
            "fewer voxels or atoms would do"
        )
