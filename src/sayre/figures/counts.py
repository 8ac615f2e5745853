"""Planes of counts: through the peak, and through the gap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sayre.data import AnyPattern, Pattern
from sayre.data.grid import Meta
from sayre.figures.drawn import drawn, logarithm
from sayre.figures.sheet import Colours, Plane, Sheet
from sayre.figures.style import COUNTS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

AXES = ("frame", "row", "column")
PLANES = ((1, 2), (0, 2), (1, 0))
"""Axes of the planes across frame, row and column: which runs down, which to the right."""
HALF = 96
"""Voxels shown on either side of the brightest one, at most."""

Place = tuple[int, ...]


class Numbering(NamedTuple):
    """Names of the axes of counts; number of their first voxel and step, in those of the file."""

    names: tuple[str, ...]
    first: tuple[float, ...]
    step: tuple[float, ...]

    def at(self, axis: int, index: float) -> float:
        """Number in the file of an index of the array.

        Parameters
        ----------
        axis
            Of the array.
        index
            Along it, of any fraction.
        """
        return self.first[axis] + index * self.step[axis]

    def text(self, axis: int, index: int) -> str:
        """`frame 33`.

        Parameters
        ----------
        axis
            Of the array.
        index
            Along it.
        """
        return f"{self.names[axis]} {self.at(axis, index):g}"


def numbering(meta: Meta, ndim: int) -> Numbering:
    """Numbers of voxels as the file has them; the middle of a block that was binned.

    Parameters
    ----------
    meta
        Of the pattern: its origin in the file, and its binning.
    ndim
        Of the counts.
    """
    step = tuple(float(b) for b in meta.binning or (1,) * ndim)
    origin = meta.origin or (0,) * ndim
    first = tuple(o + (s - 1) / 2 for o, s in zip(origin, step, strict=True))
    return Numbering(AXES[-ndim:], first, step)


def count_colours(*arrays: NDArray[Any]) -> Colours:
    """One scale of counts for several arrays, to the brightest of them."""
    top = max((float(np.nanmax(array)) for array in arrays if np.isfinite(array).any()), default=1.0)
    return Colours(label="counts", cmap=COUNTS, low=0.0, high=max(float(np.log10(1 + top)), 0.1), counts=True)


def plane_of(
    values: NDArray[Any],
    place: Place,
    across: int,
    numbers: Numbering,
    colours: Colours,
    title: str,
    *,
    region: NDArray[np.bool_] | None = None,
    half: int = HALF,
) -> Plane:
    """The plane of counts, or of what belongs to them, across an axis; of a 2D array the array itself.

    Parameters
    ----------
    values
        2D or 3D, NaN where nothing is known.
    place
        Index of a voxel in the plane.
    across
        Axis that the plane is normal to.
    numbers
        Of the axes.
    colours, title
        How it is shown; the number of the plane is added.
    region
        bool, same shape: what is outlined.
    half
        Voxels shown on either side of `place`, at most.
    """
    down, right = PLANES[across] if values.ndim == 3 else (0, 1)

    def cut(array: NDArray[Any]) -> NDArray[Any]:
        box = tuple(
            int(p) if values.ndim == 3 and axis == across else slice(max(int(p) - half, 0), int(p) + half + 1)
            for axis, p in enumerate(place)
        )
        return array[box] if down < right else array[box].T

    start = [numbers.at(axis, max(place[axis] - half, 0)) for axis in (down, right)]
    where = f", {numbers.text(across, place[across])}" if values.ndim == 3 else ""
    shown, outlined = cut(values), None if region is None else cut(region)
    if outlined is not None and outlined.all():
        where, outlined = where if np.isfinite(shown).any() else f"{where} (in the gap)", None
    return Plane(
        values=shown,
        colours=colours,
        title=title + where,
        down=numbers.names[down],
        across=numbers.names[right],
        start=(start[0], start[1]),
        step=(numbers.step[down], numbers.step[right]),
        outline=outlined,
    )


def brightest(pattern: AnyPattern) -> Place:
    """Index of the brightest voxel that was measured."""
    counts = np.where(pattern.mask, 0, pattern.measured.intensity)
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(counts)), counts.shape))


def counts_sheet(pattern: Pattern, *, half: int = HALF) -> Sheet:
    """Planes of the measured counts through their brightest voxel.

    Parameters
    ----------
    pattern
        2D or 3D.
    half
        Voxels shown on either side of the brightest.
    """
    pattern = pattern.numpy()
    place, numbers = brightest(pattern), numbering(pattern.meta, len(pattern.shape))
    seen = np.where(pattern.mask, np.nan, pattern.intensity)
    colours, shown = count_colours(seen), logarithm(seen)
    axes = range(3) if len(pattern.shape) == 3 else (0,)
    return Sheet(rows=[[plane_of(shown, place, a, numbers, colours, "measured", half=half) for a in axes]])


def counts_figure(pattern: Pattern, *, title: str = "") -> Figure:
    """Picture of the measured counts through their brightest voxel; what was not measured is grey.

    Parameters
    ----------
    pattern
        2D or 3D.
    title
        Written above.
    """
    return drawn(counts_sheet(pattern), title=title)
