"""What a user can mend (`InputError`) and what a user should know (`SayreWarning`)."""

from __future__ import annotations

import os
import sys
import warnings

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep


class InputError(ValueError):
    """Input or options that cannot be used.

    The message is one line. It says where the fault is, what was found there, and what to give instead. The
    command line prints it and exits with status 2.
    """


class SayreWarning(UserWarning):
    """Something was changed or assumed on the way; the result is still valid."""


def warn(message: str) -> None:
    """Issue a `SayreWarning` that points at the caller's own line, however deep in Sayre it arises."""
    level, frame = 1, sys._getframe(0)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, SayreWarning, stacklevel=level)
