"""What a user can mend (`InputError`), what a user should know (`SayreWarning`) and news (`SayreNote`)."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep


class InputError(ValueError):
    """Input or options that cannot be used.

    The message is one line: where the fault is, what was found there, and what would work. The command line
    prints it and exits with status 2. Control characters are written as escapes.
    """

    def __str__(self) -> str:
        return printable(super().__str__())


class SayreWarning(UserWarning):
    """Something was changed or assumed on the way; the result is still valid."""


class SayreNote(SayreWarning):
    """Ordinary news: what was done as it should be, such as a correction that a file asks for."""


class StoppedJob(Exception):
    """A job was stopped by the user; the message states what is kept, and how to resume it."""


def printable(text: str) -> str:
    """Return a text as one line: control characters, as names in files may hold, are written as escapes."""
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)


@contextmanager
def understood(path: object) -> Iterator[None]:
    """Turn what libraries raise on a damaged file, which has no common base, into an `InputError`.

    Parameters
    ----------
    path
        The file that is read inside the `with` block.
    """
    try:
        yield
    except InputError as error:
        name = Path(str(path).partition("::")[0]).name
        if type(error) is not InputError or name in str(error):
            raise
        raise InputError(f"{path}: {error}") from error
    except Warning:
        raise
    except MemoryError as error:
        raise InputError(f"{path}: states more data than there is memory for; is it damaged?") from error
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path}: cannot be read, damaged or of another layout ({reason})") from error


Wording = Callable[[str], str]
"""Makes of a message what its reader knows, as flags of arguments."""

_wordings: list[Wording] = []


def worded(message: str) -> str:
    """Return a message in the words of the caller: inside `warnings_worded` as that words it."""
    for wording in _wordings:
        message = wording(message)
    return message


def wordings() -> tuple[Wording, ...]:
    """Return those of the `warnings_worded` blocks that this is in, for work that another process does."""
    return tuple(_wordings)


def warn(message: str) -> None:
    """Issue a `SayreWarning` that points at the caller's own line, however deep in Sayre it arises."""
    _issue(message, SayreWarning)


def note(message: str) -> None:
    """Issue a `SayreNote`, which is told as news and not as a doubt, in the way of `warn`."""
    _issue(message, SayreNote)


def _issue(message: str, category: type[SayreWarning]) -> None:
    level, frame = 1, sys._getframe(0)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        level, frame = level + 1, frame.f_back
    warnings.warn(printable(worded(message)), category, stacklevel=level)


@contextmanager
def warnings_worded(*wordings: Wording) -> Iterator[None]:
    """Issue the warnings inside the `with` block as the wordings make them of the messages."""
    _wordings.extend(wordings)
    try:
        yield
    finally:
        del _wordings[len(_wordings) - len(wordings) :]
