"""Copies of the gaps in what was measured: there the crystal and the statistics of the fringes are judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sayre.filling.stacking.pieces import Copies, Piece

Mask = NDArray[np.bool_]

REACH = 3
"""Voxels around the peak that no copy hides: nothing else tells as much of the crystal."""


@dataclass(frozen=True, kw_only=True)
class Copy:
    """A part of the gaps, and where its copy lies.

    Attributes
    ----------
    gap
        bool, masked voxels.
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


def copies_beside(copies: Copies, peak: tuple[int, ...]) -> tuple[list[Copy], Mask]:
    """Choose one copy of each piece of the gaps, and return where these copies lie.

    It is that on the side of the peak, unless it would hide the peak. The crystal has to be phased without
    the counts in it, so that one is enough.

    Parameters
    ----------
    copies
        Copies on both sides, as the statistical filling has hidden them.
    peak
        Voxel of the peak.
    """
    chosen, hidden = [], np.zeros_like(copies.mask)
    shape, known = hidden.shape, copies.mask & ~copies.narrow
    for piece in copies.pieces:
        if not piece.shifts:
            continue
        shift = _best(piece, peak[piece.axis])
        gap = np.zeros_like(hidden)
        gap[piece.box] = piece.inside
        chosen.append(Copy(gap=gap, axis=piece.axis, shift=shift))
        box, part = piece.place(shift, shape)
        hidden[box] |= piece.inside[part] & known[box]
    near = tuple(slice(max(p - REACH, 0), p + REACH + 1) for p in peak)
    hidden[near] = False
    return chosen, hidden


def _best(piece: Piece, peak: int) -> int:
    """Return the shift to the copy nearest to the peak of those that spare it, or else to the farthest."""
    side = piece.box[piece.axis]
    apart = {shift: abs((side.start + side.stop - 1) / 2 + shift - peak) for shift in piece.shifts}
    sparing = [shift for shift in piece.shifts if apart[shift] > (side.stop - side.start) / 2 + REACH]
    if not sparing:
        return max(piece.shifts, key=lambda shift: apart[shift])
    return min(sparing, key=lambda shift: apart[shift])
