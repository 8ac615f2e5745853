"""Messages that name arguments of Python, in the flags of a command."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_NAMED = re.compile(r"`(?:Pattern\.(\w+)|(\w+)=([^`]*))`")
"""How messages name an argument or a setting: `mask=`, `method='wiener'`, `force=True`, `Pattern.crop`."""

_QUOTE = "'"

Flags = Mapping[str, Sequence[str]]


def in_flags(message: str, flags: Flags) -> str:
    """Return a message with the flags of a command in place of the arguments that it names.

    Parameters
    ----------
    message
        Text that names arguments as ``mask=``, with a value or without.
    flags
        Flags of a command by the name of the option; what is no option of it stays.
    """

    def flag(named: re.Match[str]) -> str:
        method, argument, value = named.groups()
        known = flags.get(method or argument)
        if not known:
            return named.group()
        return known[-1] if value in (None, "", "True") else f"{known[-1]} {value.strip(_QUOTE)}"

    return _NAMED.sub(flag, message)
