"""One sentence for a value of the wrong kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sayre.errors import InputError

_MADE_BY = {
    "Pattern": "sayre.load(path) reads one, sayre.Pattern.from_counts(counts, mask) makes one",
    "FilledPattern": "sayre.inpaint(pattern) makes one",
    "Crystal": "sayre.load_crystal(path) reads one, sayre.reconstruct(pattern) makes one",
    "Manifest": "sayre.Manifest.collect(command) makes one",
    "Geometry": "sayre.load_geometry(path) reads one",
    "Settings": "sayre.Settings(runs=20) makes one",
    "FillingSettings": "sayre.FillingSettings(method='wiener') makes one",
    "Scan": "sayre.Scan(geometry=sayre.load_geometry(path)) makes one",
    "Particle": "sayre.simulate makes one on the way",
}


def expect(value: Any, *kinds: type, argument: str) -> None:
    """Refuse a value that is of none of `kinds`.

    Parameters
    ----------
    value
        What a caller gave.
    kinds
        Classes that are accepted.
    argument
        Name of the argument, which opens the message.

    Raises
    ------
    InputError
        `value` is of another class; the message names it, and the function that makes the right one.
    """
    if isinstance(value, kinds):
        return
    wanted = " or ".join(kind.__name__ for kind in kinds)
    how = _MADE_BY.get(kinds[0].__name__)
    raise InputError(f"{argument}: must be a {wanted}, found {_described(value)}{f'; {how}' if how else ''}")


def _described(value: Any) -> str:
    if value is None:
        return "None"
    if isinstance(value, str | Path):
        return f"the text {str(value)!r}" if isinstance(value, str) else f"the path {value}"
    kind = type(value).__name__
    article = "an" if kind[0].lower() in "aeiou" else "a"
    shape = getattr(value, "shape", None)
    if shape is not None and hasattr(value, "dtype"):
        return f"an array of {value.dtype} and shape {tuple(shape)}"
    return f"{article} {kind}"
