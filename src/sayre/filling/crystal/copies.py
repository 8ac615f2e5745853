"""Copies of the gaps in what was measured: there the crystal and the statistics of the fringes are judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sayre.numerics.gaps import UNBOUNDED, run_lengths

Mask = NDArray[np.bool_]

CLEARANCE = 4
"""Measured voxels between a gap and its copy."""
REACH = 3
"""Voxels around the peak that no copy hides: nothing else tells as much of the crystal."""


@dataclass(frozen=True, kw_only=True)
class Copy:
    """A part of the gaps, and where its copy lies.

    Attributes
    ----------
    gap
        bool, the masked voxels whose shortest run of masked voxels lies along `axis`.
    axis, shift
        The copy of a voxel is `shift` voxels away along `axis`.
    """

    gap: Mask
    axis: int
    shift: int

    def of_gap(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return what an array holds in the copy of each voxel; the border is repeated outside.

        Parameters
        ----------
        values
            Of the shape of the pattern.
        """
        n = values.shape[self.axis]
        return np.take(values, np.clip(np.arange(n) + self.shift, 0, n - 1), self.axis)


def copies_of(mask: Mask, peak: tuple[int, ...]) -> tuple[list[Copy], Mask]:
    """Copy each part of the gaps by their thickness and some clearance, and return where the copies lie.

    The copy lies on the side of the peak, unless it would hide the peak.

    Parameters
    ----------
    mask
        bool, true where not measured.
    peak
        Voxel of the peak.
    """
    lengths = np.stack([run_lengths(mask, axis) for axis in range(mask.ndim)])
    across = np.where(mask & (lengths.min(0) < UNBOUNDED), lengths.argmin(0), -1)
    copies, hidden = [], np.zeros_like(mask)
    for axis, n in enumerate(mask.shape):
        gap = across == axis
        if not gap.any():
            continue
        thickness = int(np.ceil(np.mean(np.minimum(lengths[axis][gap], n))))
        middle = float(np.mean(np.nonzero(gap)[axis]))
        shift = _shift(middle, thickness, peak[axis], n)
        copies.append(Copy(gap=gap, axis=axis, shift=shift))
        moved = Copy(gap=gap, axis=axis, shift=-shift).of_gap(gap)
        hidden |= _inside(moved, axis, shift) & ~mask
    near = tuple(slice(max(p - REACH, 0), p + REACH + 1) for p in peak)
    hidden[near] = False
    return copies, hidden


def _shift(middle: float, thickness: int, peak: int, size: int) -> int:
    """Distance along an axis from a gap to a copy that hides neither the peak nor the border."""
    toward = 1 if middle <= peak else -1
    least, reach = thickness + CLEARANCE, thickness / 2 + REACH
    for shift in (toward * least, -toward * least, *(toward * further for further in range(least, size))):
        place = middle + shift
        if abs(place - peak) > reach and reach < place < size - 1 - reach:
            return shift
    return toward * least


def _inside(moved: Mask, axis: int, shift: int) -> Mask:
    """Return a moved mask without what the border repeated."""
    moved = moved.copy()
    edge = slice(0, shift) if shift > 0 else slice(shift, None)
    moved[tuple(edge if i == axis else slice(None) for i in range(moved.ndim))] = False
    return moved
