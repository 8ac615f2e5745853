"""What a user may have meant by a name that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Return the end of a message that suggests the nearest known name; empty where none is near.

    Parameters
    ----------
    name
        What was given.
    known
        Names that are known; case does not matter.
    """
    names = {one.lower(): one for one in known}
    close = difflib.get_close_matches(str(name).lower(), list(names), 1)
    return f"; did you mean {names[close[0]]}?" if close else ""
