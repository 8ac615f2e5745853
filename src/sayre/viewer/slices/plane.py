"""A slice as it is shown: values, which are unknown, and what they are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sayre.figures.style import AMPLITUDE, COUNTS, CYCLIC, SHIFTED, SIGMA, SIGNED

PIXELS = 1024
"""Pixels a side that a browser is sent; more are shown as the brightest of several."""


class Quantity(NamedTuple):
    """What a slice shows: its name and unit, its colours, and whether its scale is about zero."""

    label: str
    colours: str
    signed: bool = False
    counts: bool = False


QUANTITIES = {
    "counts": Quantity("counts", COUNTS, counts=True),
    "filled": Quantity("filled counts", COUNTS, counts=True),
    "sigma": Quantity("standard error of log(1 + counts)", SIGMA),
    "amplitude": Quantity("amplitude (√counts)", AMPLITUDE),
    "phase": Quantity("phase (rad)", CYCLIC, signed=True),
    "displacement": Quantity("displacement (Å)", SHIFTED, signed=True),
    "strain": Quantity("strain (%)", SIGNED, signed=True),
}
"""By the name that a page asks for."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Plane:
    """A slice.

    Attributes
    ----------
    values
        2D, NaN where unknown.
    quantity
        Name of what they are.
    top
        Highest value of the scale: of all that is in memory, else of the slice.
    corner
        Row and column of the first pixel.
    remark
        What the user should know of it.
    """

    values: NDArray[np.float32]
    quantity: str
    top: float
    corner: tuple[int, int] = (0, 0)
    remark: str = ""

    @property
    def shape(self) -> tuple[int, int]:
        return self.values.shape[0], self.values.shape[1]


def put_into(around: Plane, part: Plane) -> Plane:
    """Return a slice with a part of it in its place.

    Parameters
    ----------
    around
        The slice.
    part
        Whose `corner` is a pixel of the slice.
    """
    values = around.values.copy()
    (top, left), (rows, columns) = part.corner, part.shape
    values[top : top + rows, left : left + columns] = part.values
    return replace(part, values=values, corner=around.corner, top=max(around.top, part.top))


def thinned(values: NDArray[np.float32], most: int = PIXELS) -> tuple[NDArray[np.float32], int]:
    """Return a slice with at most so many pixels a side, each the highest of its block, and the block's side.

    Parameters
    ----------
    values
        2D, NaN where unknown; blocks without a known value are NaN.
    most
        Pixels a side.
    """
    step = -(-max(values.shape) // most)
    if step == 1:
        return values, 1
    rows, columns = (-(-n // step) for n in values.shape)
    padded = np.full((rows * step, columns * step), -np.inf, np.float32)
    padded[: values.shape[0], : values.shape[1]] = np.where(np.isnan(values), -np.inf, values)
    highest = padded.reshape(rows, step, columns, step).max(axis=(1, 3))
    return np.where(np.isneginf(highest), np.float32(np.nan), highest), step


def agreement(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Return the correlation of two slices where both are known; NaN where that tells nothing.

    Parameters
    ----------
    first, second
        2D; of different shapes, the part that both have is compared.
    """
    rows, columns = (min(a, b) for a, b in zip(first.shape, second.shape, strict=True))
    one, other = first[:rows, :columns], second[:rows, :columns]
    known = np.isfinite(one) & np.isfinite(other)
    a, b = one[known].astype(np.float64), other[known].astype(np.float64)
    if a.size < 2 or not (np.ptp(a) > 0 and np.ptp(b) > 0):
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])
