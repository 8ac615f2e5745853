"""Files that lead to other files: what they name outside their own folder is said, or refused."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path

from sayre.errors import InputError, warn

WITHIN = "SAYRE_WITHIN"
"""Variable of the environment that names the only folder to which files may lead."""


_folder: ContextVar[str | None] = ContextVar("folder", default=None)


def the_only_folder() -> str | None:
    """The only folder to which files may lead, where one is named."""
    return _folder.get() or os.environ.get(WITHIN)


@contextlib.contextmanager
def only_within(folder: Path | None) -> Iterator[None]:
    """Let files lead to a folder only inside the `with` block.

    Parameters
    ----------
    folder
        The folder; None is the one of `SAYRE_WITHIN`, if that names one.

    Raises
    ------
    InputError
        There is no such folder.
    """
    if folder is not None and not folder.is_dir():
        raise InputError(f"{folder}: is no folder; `within=` names the only one that may be read")
    token = _folder.set(None if folder is None else str(folder))
    try:
        yield
    finally:
        _folder.reset(token)


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
        The target is outside the folder that `only_within` or `SAYRE_WITHIN` names, or outside that of
        `path` where that is `refused`.

    Warns
    -----
    SayreWarning
        The target is outside the folder of `path`.
    """
    target, within = target.resolve(), the_only_folder()
    if within and not target.is_relative_to(Path(within).resolve()):
        raise InputError(
            f"{path}: {what} leads to {target}, outside {within}, the only folder that may be read"
        )
    if target.is_relative_to(path.resolve().parent):
        return
    if refused:
        raise InputError(f"{path}: {what} leads to {target}, outside its folder; copy that file beside it")
    warn(f"{path.name}: {what} leads to {target}, outside its folder")
