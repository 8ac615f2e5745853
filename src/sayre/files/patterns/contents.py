"""What every format carries: arrays by name, and the few known facts about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sayre.data import FilledPattern, Pattern, SimulatedPattern
from sayre.data.plausible import complaint
from sayre.errors import warn

Output = FilledPattern | Pattern | SimulatedPattern

NOT_COUNTS = {
    "sigma",
    "expectation",
    "amplitude",
    "support",
    "whitefield",
    "darkfield",
    "flatfield",
}


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What was found in a file, before it is checked.

    `stored` is the dtype on disk, `known` maps names as in `known_of` to whatever the file says, `sigma` is
    the stated error of counts that were filled. `beside` holds white fields, dark fields and bad pixels by
    their names (`companions.kind_of`), `remarks` what a user should know of the rest. `addresses` are those
    of the arrays beside that are files of their own. `region` is the part of the detector, rows and columns,
    that the frames are. `cutoff` is the counts from which on the detector saturates, if the file states them,
    and `frame` the rows and columns of whole frames, where they are known.
    """

    counts: NDArray[Any]
    stored: np.dtype[Any]
    mask: NDArray[Any] | None = None
    known: Mapping[str, Any] = field(default_factory=dict)
    sigma: NDArray[Any] | None = None
    method: str | None = None
    beside: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    addresses: Mapping[str, str] = field(default_factory=dict)
    region: tuple[slice, slice] | None = None
    cutoff: float | None = None
    frame: tuple[int, int] | None = None


def may_be_counts(name: str) -> bool:
    """False for the names of masks, uncertainties and other companions of the counts."""
    last = name.rsplit("/", 1)[-1].lower()
    return "mask" not in last and last not in NOT_COUNTS


def pattern_of(what: Output) -> Pattern:
    return what if isinstance(what, Pattern) else what.pattern


def arrays_of(what: Output) -> dict[str, NDArray[Any]]:
    """Arrays of an output by name, `intensity` first."""
    match what:
        case FilledPattern():
            return {"intensity": what.intensity, "sigma": what.sigma, "mask": what.pattern.mask}
        case SimulatedPattern():
            return {
                "intensity": what.pattern.intensity,
                "mask": what.pattern.mask,
                "expectation": what.expectation,
                "amplitude": what.amplitude,
                "oversampling": np.asarray(what.oversampling, np.float64),
            }
        case Pattern():
            return {"intensity": what.intensity, "mask": what.mask}


_FACTS = (
    "energy",
    "distance",
    "pixel_size",
    "hkl",
    "detector",
    "origin",
    "binning",
    "corrections",
    "divided_by",
    "geometry",
    "left",
)


def known_of(pattern: Pattern) -> dict[str, Any]:
    """Facts worth keeping, by the name they have in an npz; only those that are known.

    `energy` eV, `distance` m, `pixel_size` (row, column) m, `hkl`, `detector`, `grid_step` 1/Å, `origin`,
    the first voxel in the file that a part was taken from, `binning`, the voxels of that file in one,
    `corrections` of the counts in words, `divided_by`, the white field among them, `geometry`, TOML text, and
    `left`, what of doubtful counts was left as it is. `readout` is the standard deviation of dark voxels in
    counts, where they may be negative.
    """
    meta = pattern.meta
    facts = {name: getattr(meta, name) for name in _FACTS}
    facts["readout"] = pattern.readout or None
    if pattern.grid.unit == "1/angstrom":
        facts["grid_step"] = pattern.grid.step
    return {name: value for name, value in facts.items() if value is not None and value != ""}


_CHECKED = {"energy": 1, "distance": 1, "pixel_size": 2}
"""Facts that have a range, and how many numbers they are."""


def plausible(known: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What a file says, without values that no measurement has: in the wrong unit they would mislead.

    Parameters
    ----------
    known
        As `Contents.known`.
    name
        Of the file, for the warnings.

    Warns
    -----
    SayreWarning
        What was left out, and the unit that it is probably in.
    """
    kept = dict(known)
    for fact, length in _CHECKED.items():
        numbers = positive(known.get(fact), length) or ()
        wrong = next(filter(None, (complaint(fact.replace("_", " "), value) for value in numbers)), None)
        if wrong is not None:
            warn(f"{name}: {wrong}; taken as unknown")
            del kept[fact]
    return kept


def positive(value: Any, length: int) -> tuple[float, ...] | None:
    """`value` as `length` positive finite numbers (one number stands for all); None if it is not.

    Parameters
    ----------
    value
        What a file holds.
    length
        How many numbers are wanted.
    """
    try:
        numbers = np.asarray(value, np.float64).ravel()
    except (TypeError, ValueError):
        return None
    if numbers.size not in (1, length) or not (np.isfinite(numbers).all() and numbers.min() > 0):
        return None
    return tuple(float(n) for n in np.broadcast_to(numbers, length))


def integers(value: Any, length: int) -> tuple[int, ...] | None:
    """`value` as `length` integers; None if it is not.

    Parameters
    ----------
    value
        What a file holds.
    length
        How many numbers are wanted.
    """
    try:
        numbers = np.asarray(value, np.float64).ravel()
    except (TypeError, ValueError):
        return None
    if numbers.size != length or not np.array_equal(numbers, np.rint(numbers)):
        return None
    return tuple(int(n) for n in numbers)
