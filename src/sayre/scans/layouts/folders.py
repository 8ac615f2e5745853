"""Folders of frames: which is that of a scan."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sayre.errors import InputError


def scan_folder(found: Sequence[Path], given: Path | None, what: str) -> Path:
    """Return the folder of the frames of a scan.

    Parameters
    ----------
    found
        Folders that are named like the scan.
    given
        What the user named.
    what
        File and scan, for the message.

    Raises
    ------
    InputError
        None, or several and none is named.
    """
    if given is not None:
        if not given.is_dir():
            raise InputError(f"{given}: is no folder; `frames=` names the folder of the frames")
        return given
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(str(folder) for folder in found[:4])
        raise InputError(
            f"{what}: {len(found)} folders could hold its frames ({names}); name one by `frames=`"
        )
    raise InputError(f"{what}: no folder of its frames is beside it; name it by `frames=`")
