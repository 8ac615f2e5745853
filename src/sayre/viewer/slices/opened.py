"""Files that are shown: counts, all in memory or read slice by slice, and objects."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sayre.data import AnyPattern, Crystal, FilledPattern, Pattern
from sayre.errors import InputError
from sayre.figures.quantities import axis_names
from sayre.figures.style import reach
from sayre.files.patterns.region import Region
from sayre.viewer.slices.plane import Plane

Size = tuple[int, int, int]
AXES = ("rocking", "row", "column")
KEPT = 12
"""Slices of a large file that are kept."""
ALL_MASKED = "every voxel is masked"
"""Message where nothing was measured in the counts, or in a slice of them."""


class Opened(Protocol):
    """A file that is shown; `size` is that of 3D, 1 along the first axis of what is 2D."""

    @property
    def name(self) -> str: ...
    @property
    def size(self) -> Size: ...
    @property
    def planar(self) -> bool: ...
    @property
    def axes(self) -> tuple[str, ...]:
        """Names of the three axes."""
        ...

    @property
    def quantities(self) -> tuple[str, ...]: ...
    @property
    def start(self) -> tuple[int, int, int]:
        """The slices to begin with."""
        ...

    def plane(self, quantity: str, axis: int, index: int) -> Plane:
        """Return a slice.

        Parameters
        ----------
        quantity
            One of `quantities`.
        axis, index
            Which slice.
        """
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Counts:
    """Counts in memory."""

    name: str
    pattern: AnyPattern
    axes: tuple[str, ...] = AXES

    @property
    def planar(self) -> bool:
        return len(self.pattern.shape) == 2

    @property
    def size(self) -> Size:
        return as_size(self.pattern.shape)

    @property
    def quantities(self) -> tuple[str, ...]:
        return ("counts", "filled", "sigma") if isinstance(self.pattern, FilledPattern) else ("counts",)

    @property
    def start(self) -> tuple[int, int, int]:
        place = np.unravel_index(int(np.argmax(self.pattern.measured.intensity)), self.size)
        return int(place[0]), int(place[1]), int(place[2])

    def plane(self, quantity: str, axis: int, index: int) -> Plane:
        """Return a slice.

        Parameters
        ----------
        quantity
            One of `quantities`.
        axis, index
            Which slice.
        """
        return plane_of_pattern(self.pattern, quantity, axis, index)

    def masks(self) -> Iterator[NDArray[np.bool_]]:
        """The mask, frame by frame."""
        yield from self.pattern.measured.mask.reshape(self.size)


@dataclass(frozen=True, kw_only=True, eq=False)
class LargeCounts:
    """Counts of which no more than a slice is read; `read` reads a region of them."""

    name: str
    size: Size
    read: Callable[[Region], Pattern]
    planar: bool = False
    axes: tuple[str, ...] = AXES
    quantities: tuple[str, ...] = ("counts",)
    _kept: OrderedDict[tuple[int, int], Plane] = field(default_factory=OrderedDict, init=False)

    @property
    def start(self) -> tuple[int, int, int]:
        return self.size[0] // 2, self.size[1] // 2, self.size[2] // 2

    def plane(self, quantity: str, axis: int, index: int) -> Plane:
        """Return a slice.

        Parameters
        ----------
        quantity
            One of `quantities`.
        axis, index
            Which slice.
        """
        if (axis, index) not in self._kept:
            self._kept[axis, index] = self._plane(axis, index)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return self._kept[axis, index]

    def masks(self) -> Iterator[NDArray[np.bool_]]:
        """The mask, frame by frame."""
        for index in range(self.size[0]):
            plane = self._plane(0, index)
            if plane.remark and ALL_MASKED not in plane.remark:
                raise InputError(plane.remark)
            yield ~np.isfinite(plane.values)

    def _plane(self, axis: int, index: int) -> Plane:
        """A slice that cannot be used, as one of which nothing was measured, is shown as such."""
        region = tuple(slice(index, index + 1) if k == axis else slice(0, n) for k, n in enumerate(self.size))
        try:
            plane = plane_of_pattern(self.read(region), "counts", axis, 0)
        except InputError as error:
            shape = tuple(n for k, n in enumerate(self.size) if k != axis)
            return Plane(
                values=np.full(shape, np.nan, np.float32), quantity="counts", top=1, remark=str(error)
            )
        return plane


@dataclass(frozen=True, kw_only=True, eq=False)
class Shown:
    """An object: its amplitude and phase, and what its file or its frame tells of displacement and strain."""

    name: str
    crystal: Crystal

    @property
    def axes(self) -> tuple[str, ...]:
        return AXES if self.planar else axis_names(self.crystal)

    @property
    def planar(self) -> bool:
        return len(self.crystal.shape) == 2

    @property
    def size(self) -> Size:
        return as_size(self.crystal.shape)

    @property
    def quantities(self) -> tuple[str, ...]:
        known = [name for name in ("displacement", "strain") if getattr(self.crystal, name) is not None]
        return ("amplitude", "phase", *known)

    @property
    def start(self) -> tuple[int, int, int]:
        inside = np.argwhere(self.crystal.support.reshape(self.size))
        middle = inside.mean(axis=0).round() if len(inside) else np.array(self.size) // 2
        return int(middle[0]), int(middle[1]), int(middle[2])

    def plane(self, quantity: str, axis: int, index: int) -> Plane:
        """Return a slice.

        Parameters
        ----------
        quantity
            One of `quantities`.
        axis, index
            Which slice.
        """
        values = self.values(quantity).reshape(self.size)
        top = float(np.nanmax(np.abs(values), initial=0))
        if quantity in ("displacement", "strain"):
            top = reach(values)
        return Plane(values=np.take(values, index, axis=axis), quantity=quantity, top=top or 1.0)

    def values(self, quantity: str) -> NDArray[np.float32]:
        """The quantity in every voxel, NaN outside the support but for the amplitude."""
        if quantity not in self.quantities:
            raise InputError(f"{self.name}: {quantity} is not known; {', '.join(self.quantities)} would do")
        if quantity == "amplitude":
            return self.crystal.amplitude
        factor = 100 if quantity == "strain" else 1
        found = np.asarray(getattr(self.crystal, quantity), np.float32) * np.float32(factor)
        return np.where(self.crystal.support, found, np.float32(np.nan))


def as_size(shape: tuple[int, ...]) -> Size:
    """The shape of 3D, 1 along the first axis of what is 2D."""
    return (shape[-3] if len(shape) == 3 else 1, shape[-2], shape[-1])


def plane_of_pattern(
    pattern: AnyPattern, quantity: str, axis: int, index: int, corner: tuple[int, int] = (0, 0)
) -> Plane:
    """Return a slice of counts.

    Parameters
    ----------
    pattern
        Measured or filled.
    quantity
        `counts`, of a filled one `filled` and `sigma` too.
    axis, index
        Which slice.
    corner
        Row and column of its first pixel in the slice that is shown.
    """
    measured, size = pattern.measured, as_size(pattern.shape)
    mask = np.take(measured.mask.reshape(size), index, axis=axis)
    if quantity == "counts":
        whole = measured.intensity
        values = np.where(mask, np.float32(np.nan), np.take(whole.reshape(size), index, axis=axis))
    elif isinstance(pattern, FilledPattern) and quantity in ("filled", "sigma"):
        whole = pattern.intensity if quantity == "filled" else pattern.sigma
        values = np.take(whole.reshape(size), index, axis=axis)
        values = values if quantity == "filled" else np.where(mask, values, np.float32(np.nan))
    else:
        raise InputError(f"{pattern.name}: {quantity} is not known; nothing was filled")
    top = float(np.nanmax(whole, initial=0))
    return Plane(values=values, quantity=quantity, top=top or 1.0, corner=corner)
