"""Files that lead to other files: what they name outside their own folder is said, or refused."""

from __future__ import annotations

import os
from pathlib import Path

from sayre.errors import InputError, warn

WITHIN = "SAYRE_WITHIN"
"""Variable of the environment that names the only folder to which files may lead."""


def require_within(path: Path, target: Path, what: str, *, refused: bool = False) -> None:
    """Say that a file leads out of its folder, or refuse it.

    Parameters
    ----------
    path
        File that was named by the user.
    target
        File that it leads to.
    what
        By which means, in words.
    refused
        Whether it may not leave the folder at all.

    Raises
    ------
    InputError
        The target is outside the folder that `SAYRE_WITHIN` names, or outside that of `path` where that is
        `refused`.

    Warns
    -----
    SayreWarning
        The target is outside the folder of `path`.
    """
    target, within = target.resolve(), os.environ.get(WITHIN)
    if within and not target.is_relative_to(Path(within).resolve()):
        raise InputError(
            f"{path}: {what} leads to {target}, outside {within}, the only folder that may be read"
        )
    if target.is_relative_to(path.resolve().parent):
        return
    if refused:
        raise InputError(f"{path}: {what} leads to {target}, outside its folder; copy that file beside it")
    warn(f"{path.name}: {what} leads to {target}, outside its folder")
