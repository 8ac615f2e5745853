"""Files that lead to other files: what they name outside their own folder is said, or refused."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from pathlib import Path

from sayre.errors import InputError, warn

WITHIN = "SAYRE_WITHIN"
"""Variable of the environment that names the only folder to which files may lead."""


_folder: ContextVar[str | None] = ContextVar("folder", default=None)
_named: ContextVar[Path | None] = ContextVar("named", default=None)


def the_only_folder() -> str | None:
    """The only folder to which files may lead, where one is named."""
    return _folder.get() or os.environ.get(WITHIN)


@contextlib.contextmanager
def only_within(folder: Path | None) -> Iterator[None]:
    """Let files lead to a folder only inside the `with` block.

    Parameters
    ----------
    folder
        The folder; None leaves what was named before, or by `SAYRE_WITHIN`.

    Raises
    ------
    InputError
        There is no such folder.
    """
    if folder is not None and not folder.is_dir():
        raise InputError(f"{folder}: is no folder; `within=` names the only one that may be read")
    token = _folder.set(_folder.get() if folder is None else str(folder))
    try:
        yield
    finally:
        _folder.reset(token)


@contextlib.contextmanager
def looked_into(path: Path) -> Iterator[None]:
    """Tell what is read inside the `with` block which file was named.

    Parameters
    ----------
    path
        The file, whose links may lead to others.
    """
    token = _named.set(path)
    try:
        yield
    finally:
        _named.reset(token)


def require_linked(target: Path, what: str) -> None:
    """Refuse what a link in the file that is looked into leads to, where that may not be read.

    Parameters
    ----------
    target
        File that is read.
    what
        By which means, in words.

    Raises
    ------
    InputError
        It is another file than was named, outside the folder that `only_within` or `SAYRE_WITHIN` names.
    """
    path = _named.get()
    if the_only_folder() and path is not None and target.exists() and not os.path.samefile(path, target):
        require_within(path, target, what, told=False)


def require_frames(files: Iterable[Path]) -> None:
    """Refuse frames that are links to files outside the folder that `only_within` or `SAYRE_WITHIN` names.

    Parameters
    ----------
    files
        Frames of a folder that was named.

    Raises
    ------
    InputError
        Such a link.
    """
    if the_only_folder():
        for file in files:
            if file.resolve().parent != file.parent.resolve():
                require_within(file.parent, file, f"the link {file.name}", told=False)


def require_within(path: Path, target: Path, what: str, *, refused: bool = False, told: bool = True) -> None:
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
        Whether it may not leave the folder of the file at all.
    told
        Whether it is warned of where it does.

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
    if told:
        warn(f"{path.name}: {what} leads to {target}, outside its folder")
