"""What a user can mend (`InputError`) and what a user should know (`SayreWarning`)."""

from __future__ import annotations


class InputError(ValueError):
    """Input or options that cannot be used.

    The message is one line: where, what was found, what would do. The command line prints
    it and exits with status 2.
    """


class SayreWarning(UserWarning):
    """Something was changed or assumed on the way; the result is still valid."""
