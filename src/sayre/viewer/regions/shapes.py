"""Shapes drawn on a slice, and the pixels in them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sayre.errors import InputError

Mask = NDArray[np.bool_]
Shape = dict[str, Any]
"""`{"rectangle": [top, left, bottom, right]}` or `{"outline": [[row, column], …]}`, in pixels: the centre of
pixel `k` is at `k`."""

MOST = 20_000
"""Corners of an outline."""
_CORNER = re.compile(r"[ML]\s*([-+.\deE]+)[,\s]+([-+.\deE]+)\s*")
_EDIT = re.compile(r"shapes\[(\d+)\]\.(x0|x1|y0|y1|path)")


def drawn_after(drawn: Sequence[Mapping[str, Any]], told: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Return the shapes of a chart after the user drew, moved or erased one.

    Parameters
    ----------
    drawn
        Shapes before, as plotly describes them.
    told
        What plotly tells of a change: all shapes, or one number of one of them.
    """
    after = [dict(shape) for shape in drawn]
    for key, value in (told or {}).items():
        edit = _EDIT.fullmatch(key)
        if key == "shapes":
            after = [dict(shape) for shape in value if shape.get("type") in ("rect", "path")]
        elif edit and int(edit[1]) < len(after):
            after[int(edit[1])][edit[2]] = value
    return after


def shape_of(drawn: Mapping[str, Any]) -> Shape:
    """Return a shape from plotly's description.

    Raises
    ------
    InputError
        Neither a rectangle nor a closed outline of straight lines.
    """
    if drawn.get("type") == "rect":
        left, right = sorted((_number(drawn.get("x0")), _number(drawn.get("x1"))))
        top, bottom = sorted((_number(drawn.get("y0")), _number(drawn.get("y1"))))
        return {"rectangle": [top, left, bottom, right]}
    path = str(drawn.get("path", ""))
    corners = [[_number(y), _number(x)] for x, y in _CORNER.findall(path)]
    if drawn.get("type") != "path" or not 3 <= len(corners) <= MOST or _CORNER.sub("", path) not in ("", "Z"):
        raise InputError("mask: a shape must be a rectangle or a closed outline of straight lines")
    return {"outline": corners}


def pixels_in(shape: Shape, size: tuple[int, int]) -> Mask:
    """Return the pixels whose centres lie in a shape.

    Parameters
    ----------
    shape
        Rectangle or outline.
    size
        Rows and columns of the mask.

    Raises
    ------
    InputError
        No shape.
    """
    mask = np.zeros(size, np.bool_)
    if "rectangle" in shape:
        top, left, bottom, right = (_number(value) for value in shape["rectangle"])
        rows, columns = _between(top, bottom, size[0]), _between(left, right, size[1])
        mask[rows, columns] = True
        return mask
    corners = np.array([[_number(value) for value in corner] for corner in shape.get("outline", ())])
    if corners.ndim != 2 or corners.shape[1] != 2 or not 3 <= len(corners) <= MOST:
        raise InputError("mask: an outline must have three corners or more, each a row and a column")
    (top, left), (bottom, right) = corners.min(axis=0), corners.max(axis=0)
    rows, columns = _between(top, bottom, size[0]), _between(left, right, size[1])
    mask[rows, columns] = _even_odd(corners, np.arange(size[0])[rows], np.arange(size[1])[columns])
    return mask


def bounds(shape: Shape, size: tuple[int, int]) -> tuple[slice, slice] | None:
    """Return the rows and columns of the pixels in a shape; None where there are none.

    Parameters
    ----------
    shape, size
        As `pixels_in` takes them.
    """
    inside = pixels_in(shape, size)
    if not inside.any():
        return None
    ends = [np.flatnonzero(inside.any(axis=axis))[[0, -1]] for axis in (1, 0)]
    return slice(int(ends[0][0]), int(ends[0][1]) + 1), slice(int(ends[1][0]), int(ends[1][1]) + 1)


def _even_odd(corners: NDArray[np.float64], rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Mask:
    """Points of a grid from which a ray to the right crosses an outline an odd number of times."""
    inside = np.zeros((len(rows), len(columns)), np.bool_)
    for (row, column), (after, beyond) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        crossed = (row > rows) != (after > rows)
        if crossed.any():
            at = column + (rows[crossed] - row) * (beyond - column) / (after - row)
            inside[crossed] ^= columns[None, :] < at[:, None]
    return inside


def _between(low: float, high: float, length: int) -> slice:
    """Indices from `low` to `high`, both included, that an axis has."""
    return slice(min(max(math.ceil(low), 0), length), min(max(math.floor(high) + 1, 0), length))


def _number(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"mask: a shape has {value!r} where a number must be")
    return number
