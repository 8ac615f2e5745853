"""Where a mask is wide, and copies of its wide pieces in measured voxels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, maximum_filter1d

from sayre.numerics.gaps import Gap, find_gaps, run_lengths

Mask = NDArray[np.bool_]
Box = tuple[slice, ...]

NARROW = 2
"""Masked runs up to this many voxels are narrow: their neighbours tell all but everything."""
CLEARANCES = (8, 4, 2)
"""Voxels between a piece and its copy; the first for which a copy lies in the array."""
DEEPEST = 8
"""Planes of a border that are copied: voxels farther outside cannot be judged."""
APART = 4
"""Voxels between copies of different pieces, so that no copy is wider than its piece."""
LEAST = 0.3
"""Share of a piece that its copy must find measured."""


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A wide piece of a mask: its `box`, where it lies in it, and by how many voxels along `axis` its copies
    are moved (none where none fits)."""

    box: Box
    inside: Mask
    axis: int
    shifts: tuple[int, ...]

    def place(self, shift: int, shape: tuple[int, ...]) -> tuple[Box, Box]:
        """Return where a copy lies in an array of `shape`, and that part of the box of the piece.

        Parameters
        ----------
        shift
            Voxels along the axis.
        shape
            Of the pattern.
        """
        side, n = self.box[self.axis], shape[self.axis]
        low = min(max(side.start + shift, 0), n)
        high = max(min(side.stop + shift, n), low)
        box, part = list(self.box), [slice(None)] * len(shape)
        box[self.axis] = slice(low, high)
        part[self.axis] = slice(low - side.start - shift, high - side.start - shift)
        return tuple(box), tuple(part)

    def moved(self, array: NDArray[Any], shift: int, outside: float = 0) -> NDArray[Any]:
        """Return what an array of the pattern's shape has at a copy, in the shape of the box.

        Parameters
        ----------
        array
            Of the pattern's shape.
        shift
            Voxels along the axis.
        outside
            Value beyond the array.
        """
        box, part = self.place(shift, array.shape)
        there = np.full(self.inside.shape, outside, array.dtype)
        there[part] = array[box]
        return there


@dataclass(frozen=True, kw_only=True)
class Copies:
    """Hidden copies of a mask.

    Attributes
    ----------
    mask
        Measured voxels that the copies hide.
    narrow
        Those of them that are copies of narrow runs.
    wide
        Masked voxels that are no narrow run.
    pieces
        Of the wide voxels.
    """

    mask: Mask
    narrow: Mask
    wide: Mask
    pieces: tuple[Piece, ...]


def hidden_copies(mask: Mask) -> Copies:
    """Cut copies of a mask into the voxels that it leaves measured.

    A wide piece is copied to both of its sides, so many voxels away that some measured ones lie between; a
    border is continued inwards. Larger pieces come first; copies of others keep clear of theirs. Narrow runs
    are copied along a detector axis.

    Parameters
    ----------
    mask
        bool, 2D or 3D; True where not measured.
    """
    inner, padded = (slice(1, -1),) * mask.ndim, np.pad(mask, 1)  # so that runs at the border have a length
    wide = np.minimum.reduce([run_lengths(padded, axis)[inner] for axis in range(mask.ndim)]) > NARROW
    pieces = tuple(_pieces(wide, mask)) if wide.any() else ()
    hidden = np.zeros_like(mask)
    for piece in sorted(pieces, key=lambda piece: -int(piece.inside.sum())):
        others = hidden.copy()
        for shift in piece.shifts:
            box, part = piece.place(shift, mask.shape)
            hidden[box] |= piece.inside[part] & ~mask[box] & ~_near(others, box)
    narrow = _narrow_copies(mask & ~wide, mask | hidden)
    return Copies(mask=hidden | narrow, narrow=narrow, wide=wide, pieces=pieces)


def _near(hidden: Mask, box: Box) -> Mask:
    """Voxels of a box that are at most `APART` from hidden ones."""
    wider = tuple(slice(max(side.start - APART, 0), side.stop + APART) for side in box)
    near = hidden[wider]
    for axis in range(hidden.ndim):
        near = maximum_filter1d(near, 2 * APART + 1, axis, mode="constant")
    inner = (slice(s.start - w.start, s.stop - w.start) for s, w in zip(box, wider, strict=True))
    return np.asarray(near[tuple(inner)])


def _pieces(wide: Mask, mask: Mask) -> Iterator[Piece]:
    gaps, labels = find_gaps(wide)
    for gap in gaps:
        for box, axis in _boxes(gap, wide.shape):
            inside = labels[box] == gap.label
            if inside.any():
                piece = Piece(box=box, inside=inside, axis=axis, shifts=())
                yield Piece(box=box, inside=inside, axis=axis, shifts=_shifts(piece, mask))


def _boxes(gap: Gap, shape: tuple[int, ...]) -> Iterator[tuple[Box, int]]:
    """Box and axis across of each slab of a gap, or of the whole gap."""
    if not gap.slabs:
        sides = {axis: gap.bounds[axis].stop - gap.bounds[axis].start for axis in range(len(shape))[-2:]}
        yield gap.bounds, min(sides, key=lambda axis: sides[axis])
    for axis, start, stop in gap.slabs:
        yield tuple(slice(start, stop) if k == axis else side for k, side in enumerate(gap.bounds)), axis


def _shifts(piece: Piece, mask: Mask) -> tuple[int, ...]:
    side, n = piece.box[piece.axis], mask.shape[piece.axis]
    width = side.stop - side.start
    if side.start == 0 or side.stop == n:
        inwards = min(width, DEEPEST)
        choices: tuple[tuple[int, ...], ...] = ((inwards if side.start == 0 else -inwards,),)
    else:
        choices = tuple((-width - clear, width + clear) for clear in CLEARANCES)
    for shifts in choices:
        fits = tuple(shift for shift in shifts if _fits(piece, shift, mask))
        if fits:
            return fits
    return ()


def _fits(piece: Piece, shift: int, mask: Mask) -> bool:
    """Whether enough of a copy is measured, and it does not reach the border of the array."""
    side, n = piece.box[piece.axis], mask.shape[piece.axis]
    border = side.start == 0 or side.stop == n
    if not border and not 0 < side.start + shift <= side.stop + shift < n:
        return False
    measured = ~piece.moved(mask, shift, True) & piece.inside
    if border:
        return bool(measured.any() and n - (side.stop - side.start) > 3 * abs(shift))
    return bool(measured.sum() >= LEAST * piece.inside.sum())


def _narrow_copies(narrow: Mask, taken: Mask) -> Mask:
    """Narrow runs moved along the last axis, where they and their neighbours are measured."""
    copies, n, shift = np.zeros_like(narrow), narrow.shape[-1], CLEARANCES[0]
    if not narrow.any() or n <= shift:
        return copies
    copies[..., shift:] |= narrow[..., :-shift]
    copies[..., :-shift] |= narrow[..., shift:]
    clear: Mask = ~binary_dilation(taken)
    return copies & clear
