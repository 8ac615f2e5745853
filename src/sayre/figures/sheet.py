"""Planes side by side: what is shown, in which colours, and where it lies on the sheet; drawn by others.

`sayre.figures.drawn` draws a sheet as a picture, `sayre.figures.interactive.planes` as a chart of a page, so
that both show the same. All planes of a sheet have one scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sayre.figures.style import INK, OUTLINE, UNSEEN

WIDTH = 1040.0
LEFT, TOP, BOTTOM, RIGHT = 62.0, 30.0, 46.0, 92.0
BETWEEN, UNDER, BESIDE_A_BAR = 66.0, 84.0, 124.0
"""Pixels: of a sheet, around its planes, between columns, between rows, between columns with a colour bar."""
LARGEST, HIGHEST = 330.0, 1150.0
"""Pixels of a plane's longer side, and of all planes of a sheet one above another, at most."""


@dataclass(frozen=True, kw_only=True)
class Colours:
    """Quantity and unit of values, their colour map, and its ends; `counts`: the values are log10(1 + n)."""

    label: str
    cmap: str
    low: float
    high: float
    counts: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Plane:
    """A plane of voxels.

    Attributes
    ----------
    values
        2D, NaN where nothing is known.
    colours, title
        How it is shown.
    down, across
        Names of its axes with their units.
    start, step
        Coordinates of the first voxel's middle, and from voxel to voxel.
    top
        Whether the first row is at the top, as on a detector, or at the bottom.
    outline, inner
        bool, same shape: regions whose borders are drawn, the second in dark; None draws none.
    """

    values: NDArray[Any]
    colours: Colours
    title: str
    down: str
    across: str
    start: tuple[float, float] = (0.0, 0.0)
    step: tuple[float, float] = (1.0, 1.0)
    top: bool = True
    outline: NDArray[np.bool_] | None = None
    inner: NDArray[np.bool_] | None = None

    @property
    def size(self) -> tuple[float, float]:
        """Height and width in the unit of the axes."""
        return self.values.shape[0] * self.step[0], self.values.shape[1] * self.step[1]

    @property
    def ends(self) -> tuple[float, float, float, float]:
        """Left, right, first and last edge, in the coordinates of the axes."""
        (down, across), (high, wide) = self.start, self.size
        left, first = across - self.step[1] / 2, down - self.step[0] / 2
        return left, left + wide, first, first + high


Rows = Sequence[Sequence[Plane | None]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Sheet:
    """Rows of planes; None leaves a place empty. `bar` is the unit of a scale bar in the first plane.

    `ground` is the colour of voxels of which nothing is known.
    """

    rows: Rows
    bar: str | None = None
    ground: str = UNSEEN


class Box(NamedTuple):
    """A place on a sheet, pixels from its upper left corner."""

    x: float
    y: float
    width: float
    height: float


class Arrangement(NamedTuple):
    """Where the planes and the colour bars of a sheet lie, and how large it is; `scale` in pixels a unit."""

    planes: list[tuple[Plane, Box]]
    bars: list[tuple[Colours, Box]]
    width: float
    height: float
    scale: float


def arranged(sheet: Sheet) -> Arrangement:
    """Lay out a sheet such that all of its planes have one scale."""
    columns = max(len(row) for row in sheet.rows)
    wide = [
        max((row[c].size[1] for row in sheet.rows if c < len(row) and row[c]), default=0.0)  # type: ignore[union-attr]
        for c in range(columns)
    ]
    high = [max(plane.size[0] for plane in row if plane) for row in sheet.rows]
    last = {
        plane.colours: max(
            c for row in sheet.rows for c, p in enumerate(row) if p and p.colours == plane.colours
        )
        for row in sheet.rows
        for plane in row
        if plane
    }
    gaps = [BESIDE_A_BAR if c in last.values() else BETWEEN for c in range(columns - 1)]
    free = WIDTH - LEFT - RIGHT - sum(gaps)
    scale = min(
        free / sum(wide), LARGEST / max(*wide, *high), (HIGHEST - UNDER * (len(high) - 1)) / sum(high)
    )
    x = LEFT + np.concatenate(([0.0], np.cumsum([w * scale + g for w, g in zip(wide, gaps, strict=False)])))
    y = TOP + np.concatenate(([0.0], np.cumsum([h * scale + UNDER for h in high])))
    placed = [
        (plane, Box(float(x[c]), float(y[r]), plane.size[1] * scale, plane.size[0] * scale))
        for r, row in enumerate(sheet.rows)
        for c, plane in enumerate(row)
        if plane
    ]
    bars = []
    for colours, column in last.items():
        boxes = [box for plane, box in placed if plane.colours == colours]
        upper, lower = min(box.y for box in boxes), max(box.y + box.height for box in boxes)
        right = float(x[column]) + wide[column] * scale
        bars.append((colours, Box(right + 12, upper, 14.0, min(lower - upper, 460.0))))
    height = float(y[-1]) - UNDER + BOTTOM
    width = (
        float(x[-1]) + wide[-1] * scale + RIGHT
    )  # less than WIDTH where the planes are as large as they may be
    return Arrangement(placed, bars, width, height, scale)


def border(region: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Edges between the voxels of a region and others, as lines (down, across) that NaN separates.

    Coordinates are indices: the voxel (i, j) reaches from i − ½ to i + ½. The rim of the array is no edge.

    Parameters
    ----------
    region
        bool, 2D.
    """
    down: list[float] = []
    across: list[float] = []
    for turned, edges in ((False, region[1:] != region[:-1]), (True, (region[:, 1:] != region[:, :-1]).T)):
        for at, line in enumerate(edges):
            steps = np.flatnonzero(np.diff(np.concatenate(([0], line.astype(np.int8), [0]))))
            for first, end in steps.reshape(-1, 2):
                level, along = [at + 0.5, at + 0.5, np.nan], [first - 0.5, end - 0.5, np.nan]
                down += along if turned else level
                across += level if turned else along
    return np.array(down), np.array(across)


class Line(NamedTuple):
    """A line over a plane, in the coordinates of its axes."""

    down: NDArray[np.float64]
    across: NDArray[np.float64]
    colour: str


def lines(plane: Plane) -> list[Line]:
    """Borders of the regions of a plane."""
    found = []
    for region, colour in ((plane.outline, OUTLINE), (plane.inner, INK)):
        down, across = (np.empty(0), np.empty(0)) if region is None else border(region)
        if len(down):
            places = [plane.start[i] + along * plane.step[i] for i, along in enumerate((down, across))]
            found.append(Line(places[0], places[1], colour))
    return found


def round_length(length: float) -> float:
    """The largest of 1, 2, 5 times a power of ten that is at most `length`."""
    power = 10.0 ** np.floor(np.log10(length))
    return float(max(m * power for m in (1, 2, 5) if m * power <= length))
