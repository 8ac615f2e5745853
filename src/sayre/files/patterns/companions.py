"""Arrays beside the counts that tell of the detector, known by their names."""

from __future__ import annotations

from typing import Literal

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
