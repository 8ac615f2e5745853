"""A part of the counts, as the option that selects it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sayre.errors import InputError
from sayre.viewer.regions.shapes import bounds, shape_of

Region = list[list[int]]
"""First index of each axis, and the one after the last."""


def region_of(
    drawn: Sequence[Mapping[str, Any]], axis: int, span: tuple[int, int], size: tuple[int, int, int]
) -> Region:
    """Return the region that a shape drawn on a slice bounds.

    Parameters
    ----------
    drawn
        Shapes as plotly describes them; the last counts.
    axis
        Across the slice.
    span
        First and last index across it, both included.
    size
        Of the counts.

    Raises
    ------
    InputError
        No shape, one without a pixel, or a span that the axis does not have.
    """
    if not drawn:
        raise InputError("region: draw a rectangle on the slice first")
    others = [other for other in range(3) if other != axis]
    found = bounds(shape_of(drawn[-1]), (size[others[0]], size[others[1]]))
    if found is None:
        raise InputError("region: the rectangle has no pixel in it; draw a larger one")
    if not 0 <= span[0] <= span[1] < size[axis]:
        raise InputError(f"region: slices {span[0]} to {span[1]} must lie within 0 to {size[axis] - 1}")
    region: Region = [[0, 0], [0, 0], [0, 0]]
    region[axis] = [span[0], span[1] + 1]
    for other, part in zip(others, found, strict=True):
        region[other] = [part.start, part.stop]
    return region


def option_of(region: Region, size: tuple[int, int, int], *, planar: bool = False) -> str:
    """Return the option that makes a command read a region.

    Parameters
    ----------
    region
        The region.
    size
        Of the counts.
    planar
        Whether the counts are 2D.
    """
    return f"--roi {text_of(region, size, planar=planar)}"


def text_of(region: Region, size: tuple[int, int, int], *, planar: bool = False) -> str:
    """Return the value of that option, as `sayre.load` takes it too.

    Parameters
    ----------
    region, size, planar
        As `option_of` takes them.
    """
    ranges = [
        ":" if (first, last) == (0, n) else f"{first}:{last}"
        for (first, last), n in zip(region, size, strict=True)
    ]
    return ",".join(ranges[1:] if planar else ranges)
