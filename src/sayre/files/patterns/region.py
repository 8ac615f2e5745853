"""A part of an array in a file: one slice an axis, so that no more than that is read."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sayre.errors import InputError
from sayre.numerics import memory

SMALL = 2**26
"""Bytes that there is always room for."""
Region = tuple[slice, ...]
"""One slice an axis of the counts, without a step."""


class BeyondEnd(InputError):
    """A region that reaches beyond an array, on `axis`, where the array has `length` voxels."""

    def __init__(self, message: str, axis: int, length: int) -> None:
        super().__init__(message)
        self.axis, self.length = axis, length

    def __reduce__(self) -> tuple[type[BeyondEnd], tuple[str, int, int]]:
        return BeyondEnd, (str(self), self.axis, self.length)


def within(region: Region | None, shape: Sequence[int], where: str) -> Region:
    """Return a region with its starts and stops as numbers; None is all of the array.

    Parameters
    ----------
    region
        What is wanted.
    shape
        Of the array.
    where
        File and array, for the message.

    Raises
    ------
    InputError
        Another number of axes, a step, or a part that leaves the array or is empty.
    """
    if region is None:
        return tuple(slice(0, n) for n in shape)
    if len(region) != len(shape) or any(part.step not in (None, 1) for part in region):
        raise InputError(
            f"{where}: the region must be one range for each of its {len(shape)} axes, found {region}"
        )
    found = []
    for axis, (part, n) in enumerate(zip(region, shape, strict=True)):
        start, stop = part.start or 0, n if part.stop is None else part.stop
        if not 0 <= start < stop <= n:
            raise BeyondEnd(
                f"{where}: region {start}:{stop} must lie within 0:{n}, the length of axis {axis}", axis, n
            )
        found.append(slice(start, stop))
    return tuple(found)


def squeezed(shape: Sequence[int]) -> tuple[int, ...]:
    """The shape without the axes of length 1 that make more than three."""
    shape = tuple(shape)
    while len(shape) > 3 and 1 in shape:
        axis = shape.index(1)
        shape = shape[:axis] + shape[axis + 1 :]
    return shape


def full(region: Region, shape: Sequence[int]) -> Region:
    """The region of an array of all its axes, from that of its squeezed ones.

    Parameters
    ----------
    region
        One slice an axis of `squeezed(shape)`.
    shape
        Of the array, axes of length 1 among them.
    """
    parts, spare = list(region), len(shape) - len(region)
    for axis, n in enumerate(shape):
        if spare and n == 1:
            parts.insert(axis, slice(0, 1))
            spare -= 1
    return tuple(parts)


def cut(array: NDArray[Any], region: Region | None, where: str) -> NDArray[Any]:
    """A part of an array that is in memory or mapped, without needless axes of length 1.

    Parameters
    ----------
    array
        Counts or mask; of a mask of one frame the last two slices are taken.
    region
        What is wanted; None is all.
    where
        File and array, for messages.
    """
    array = array.reshape(squeezed(array.shape))
    if region is None:
        return array
    return array[within(region[len(region) - array.ndim :], array.shape, where)]


def require_memory(where: str, region: Region, *, each: int = 4) -> None:
    """Refuse to read more counts than the machine has memory for, before the system ends the process.

    Parameters
    ----------
    where
        File and array, for the message.
    region
        What is to be read, in numbers.
    each
        Bytes of a number.
    """
    needed = each * math.prod(lengths(region))
    if needed > SMALL:
        memory.require(needed, where, "a part of it (`roi=`)")


def parsed(text: str | Region | None, where: object = "roi") -> Region | None:
    """The region that a text names: `10:50,:,100:356`, a range for each axis, empty ends for all.

    Parameters
    ----------
    text
        What a user gives; a tuple of slices is one already.
    where
        What opens the message.

    Raises
    ------
    InputError
        A text of another form.
    """
    if text is None:
        return None
    if not isinstance(text, str):
        if not (isinstance(text, tuple) and all(isinstance(part, slice) for part in text)):
            raise InputError(f"{where}: `roi=` must be a tuple of slices or a text, found {text!r}")
        return text
    parts = [re.fullmatch(r"\s*(\d*)\s*:\s*(\d*)\s*", part) for part in text.split(",")]
    if not all(parts):
        raise InputError(
            f"{where}: `roi=` must be one range for each axis, such as 10:50,:,100:356, found {text}"
        )
    numbers = [[int(n) if n else None for n in part.groups()] for part in parts if part]
    return tuple(slice(start, stop) for start, stop in numbers)


def indices(part: slice) -> NDArray[np.int64]:
    """Every index of a slice with numbers."""
    return np.arange(part.start, part.stop)


def of_frame(region: Region | None) -> tuple[slice, slice] | None:
    """Rows and columns of a region."""
    return None if region is None else (region[-2], region[-1])


def lengths(region: Region) -> tuple[int, ...]:
    """Voxels along each axis of a region with numbers."""
    return tuple(part.stop - part.start for part in region)
