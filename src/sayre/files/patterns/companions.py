"""Arrays beside the counts that tell of the detector, known by their names."""

from __future__ import annotations

from typing import Literal

from sayre.errors import InputError

Kind = Literal["flat", "dark", "bad"]

NAMES: dict[Kind, tuple[str, ...]] = {
    "flat": ("whitefield", "flatfield", "flat"),
    "dark": ("darkfield", "dark"),
    "bad": ("bad_pixels", "bad", "hot_pixels", "dead_pixels"),
}
"""Names by what an array is: an even illumination, an exposure without beam, pixels not to be used."""

_KINDS = {name.replace("_", ""): kind for kind, names in NAMES.items() for name in names}


def kind_of(name: str) -> Kind | None:
    """What the array of a name is, also at the end of a path; case, `_` and `-` do not matter."""
    last = name.rsplit("/", 1)[-1].lower()
    return _KINDS.get(last.replace("_", "").replace("-", ""))


def refuse_other(kind: Kind, name: str, where: str) -> None:
    """Refuse a white field that is given as a dark one, and the reverse, where the name of the array tells.

    Parameters
    ----------
    kind
        What the array is given as.
    name
        Of the array, or of its file where arrays have no names.
    where
        What the user gave, for the message.

    Raises
    ------
    InputError
        The name is that of the other.
    """
    found = kind_of(name)
    words = {"flat": "white field", "dark": "dark field"}
    if found is not None and {found, kind} == set(words):
        raise InputError(
            f"{where}: given as a {words[kind]}, but {name} is the name of a {words[found]}; "
            f"give it by `{found}=`, or rename it"
        )
