"""Values that stand for "not measured": the highest of a type, powers of two alone above all, cut-offs."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sayre.errors import InputError

Mask = NDArray[np.bool_]

ALONE = 4
"""How many times the next highest value a power of two less one is, to be taken for a mark."""
_OF_OTHERS = (2**31 - 1, 2**32 - 1, 2**63 - 1)
"""Highest values of other integers, looked for where counts are stored in a wider type or as real numbers."""
_NO_COUNTS = 1e18
"""Floating-point numbers above this are no counts."""
_TOO_MANY = 0.05
"""Share of the voxels at a cut-off beyond which it is not that of these counts."""


_BELOW, _SHARE, _MARKS = 64, 0.05, 3
"""Values below the highest of 16 bits that small counts of the other sign have, the share of the voxels with
counts that have them, and the different values near the top of a type that may all be marks."""


class Marks(NamedTuple):
    """Voxels that were not measured, and what is to be said of them."""

    mask: Mask
    remarks: tuple[str, ...]


def marks_in(
    counts: NDArray[Any], stored: np.dtype[Any], missing: Mask, cutoff: float | None = None
) -> Marks:
    """Find the values by which detectors and programs mark voxels that they did not measure.

    Parameters
    ----------
    counts
        Any real numbers.
    stored
        Their type in the file.
    missing
        Voxels that are masked already.
    cutoff
        Counts from which on the detector does not count right, if the file states them.
    """
    mask, remarks = np.zeros(counts.shape, bool), []
    most = np.fmax.reduce(counts, axis=None)
    for value in _highest(stored):
        if most < np.asarray(value).astype(counts.dtype):
            continue
        at = counts == np.asarray(value).astype(counts.dtype)
        if at.any():
            newly = int(np.count_nonzero(at & ~missing))
            if newly:
                remarks.append(f"{newly} voxels at {value}, the mark of dead or overflown pixels, masked")
            mask |= at
    for value in _of_others(counts.dtype, stored):
        if most < value:
            continue
        at = (counts == value) & ~mask
        newly = int(np.count_nonzero(at & ~missing))
        if newly:
            remarks.append(f"{newly} voxels at {value:.10g}, the mark of dead or overflown pixels, masked")
        mask |= at
    if counts.dtype.kind == "f" and counts.dtype.itemsize > 2 and most > _NO_COUNTS:
        with np.errstate(invalid="ignore"):
            huge = np.isfinite(counts) & (counts > _NO_COUNTS) & ~mask
        newly = int(np.count_nonzero(huge & ~missing))
        if newly:
            remarks.append(f"{newly} voxels above {_NO_COUNTS:g}, which are no counts, masked")
        mask |= huge
    alone = _alone(counts, missing | mask if mask.any() else missing)
    if alone is not None:
        at = (counts == alone) & ~mask
        remarks.append(
            f"{int(np.count_nonzero(at & ~missing))} voxels at {alone:.10g}, far above all others: the mark "
            "of dead or overflown pixels, masked"
        )
        mask |= at
    if cutoff is not None and most >= cutoff:
        with np.errstate(invalid="ignore"):
            over = (counts >= cutoff) & ~mask
        newly = int(np.count_nonzero(over & ~missing))
        if newly > _TOO_MANY * counts.size:
            remarks.append(
                f"the file states a cut-off of {cutoff:g} counts, but {newly / counts.size:.0%} of them "
                "are above it; it is not used"
            )
        elif newly:
            remarks.append(f"{newly} voxels at or above {cutoff:g}, the cut-off that the file states, masked")
            mask |= over
    return Marks(mask, tuple(remarks))


def refuse_negated(counts: NDArray[Any], stored: np.dtype[Any], known: Mask, where: str) -> None:
    """Refuse counts below zero that were stored in a type without a sign, where they are at its top.

    Parameters
    ----------
    counts
        As they were read.
    stored
        Their type in the file.
    known
        Voxels that hold no mark.
    where
        What opens the message.
    """
    if stored.kind != "u" or stored.itemsize < 2:
        return
    highest = int(np.iinfo(stored).max)
    above = highest - _BELOW if stored.itemsize == 2 else highest // 2
    if np.fmax.reduce(counts, axis=None) <= above:
        return
    values = counts[(counts > above) & known]
    enough = stored.itemsize > 2 or values.size > _SHARE * np.count_nonzero(counts)
    if enough and len(np.unique(values)) > _MARKS:
        raise InputError(
            f"{where}: {values.size} voxels near {highest}, the highest value of {stored.name}, up to "
            f"{int(values.max())}: counts below zero that were stored without a sign, or no counts; those of "
            "the detector as they were written would do"
        )


def _highest(stored: np.dtype[Any]) -> tuple[int, ...]:
    """The highest value of an integer type of 16 bits and more."""
    if stored.kind not in "ui" or stored.itemsize < 2:
        return ()
    return (int(np.iinfo(stored).max),)


def _of_others(kind: np.dtype[Any], stored: np.dtype[Any]) -> list[Any]:
    """Marks of other types as counts of a type have them."""
    if kind.itemsize < 4 or (stored.kind != "f" and stored.itemsize < 8):
        return []
    if kind.kind == "f":
        return sorted({float(kind.type(value)) for value in _OF_OTHERS} | {float(v) for v in _OF_OTHERS})
    return [value for value in _OF_OTHERS if value <= np.iinfo(kind).max]


def _alone(counts: NDArray[Any], missing: Mask) -> float | None:
    """A power of two less one that several voxels have, with nothing near below it; None if there is none."""
    top = _most(counts, missing)
    if top < 255 or top > 2**32 or not np.log2(top + 1).is_integer():
        return None
    at = (counts == top) & ~missing
    if int(at.sum()) < 2:
        return None
    below = _most(counts, missing | at)
    return top if 0 < below < top / ALONE else None


def _most(counts: NDArray[Any], missing: Mask) -> float:
    """Highest finite count that is not masked, 0 if there is none."""
    return max(
        float(np.max(frame, where=~masked & np.isfinite(frame), initial=0))
        for frame, masked in zip(counts, missing, strict=True)
    )
