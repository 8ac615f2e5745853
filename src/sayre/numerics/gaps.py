"""Gaps of a mask: where they are, how wide across, and what made them.

`run_lengths` measures a mask along one axis. `find_gaps` takes it apart: slabs that cross the whole
array are module gaps (or the masked rim), what remains falls into connected pieces.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Kind = Literal["plane", "cross", "border", "beamstop", "isolated"]
Slab = tuple[int, int, int]

UNBOUNDED = int(np.iinfo(np.int32).max)
"""Run length of a masked run that reaches the border of the array: its far side is not known."""

ISOLATED = 8
"""Pieces up to this many pixels on both detector axes are clusters of bad pixels."""

_SCATTERED = 0.1  # share of its bounding box below which a piece is no single area, as bands that move
_FULL = 0.95  # share of a slice that must be masked for the slice to belong to a slab
_MOST = 0.9  # share of a piece that must fit a description


@dataclass(frozen=True, kw_only=True)
class Gap:
    """One gap of a mask.

    Attributes
    ----------
    kind
        plane: one slab normal to one axis, with measured voxels on both sides.
        cross: slabs normal to two or three axes, joined (a quad, a grid of modules).
        border: masked up to the border of the array, so that it can only be extrapolated.
        beamstop: any other blob, with its holder. isolated: a cluster of bad pixels, at most
        `ISOLATED` pixels on both detector axes, in one frame or in many.
    bounds
        Bounding box, one slice an axis.
    axes
        Normal axes of the slabs, ascending; empty where the gap is no slab.
    widths
        Thickness in voxels along each of `axes`, the larger where several slabs share one.
    width
        Voxels across: the largest of `widths`, or for a blob the shorter side of its bounding box
        on the detector.
    slabs
        `(axis, start, stop)` of every slab.
    voxels
        Number of voxels.
    label
        `labels == label` selects the gap.
    """

    kind: Kind
    bounds: tuple[slice, ...]
    axes: tuple[int, ...]
    widths: tuple[int, ...]
    width: int
    slabs: tuple[Slab, ...]
    voxels: int
    label: int


_NAMES: dict[Kind, str] = {
    "plane": "gap of {}",
    "cross": "cross of {}",
    "border": "masked area {} across at the border",
    "beamstop": "masked area {} across",
}


def describe_gaps(gaps: Sequence[Gap], most: int = 3) -> str:
    """Return what is masked in the words of a user: gaps, crosses, edges, and how many dead pixels.

    Single voxels that are measured in the first frame of three axes are no dead pixels.

    Parameters
    ----------
    gaps
        As `find_gaps` returns them.
    most
        Kinds of gaps that are named; the other gaps, and dead pixels, are counted.
    """
    named = [_named(gap) for gap in gaps if gap.kind != "isolated"]
    dead = len(gaps) - len(named)
    times = Counter(named)
    words = [name if n == 1 else f"{n} {_plural(name)}" for name, n in list(times.items())[:most]]
    unnamed = sum(list(times.values())[most:])
    if unnamed:
        words.append(f"{unnamed} more")
    if dead:
        lone = [
            gap for gap in gaps if gap.kind == "isolated" and len(gap.bounds) == 3 and gap.bounds[0].start
        ]
        of = (
            "single voxels"
            if len(lone) == dead
            else "dead pixels or single voxels"
            if lone
            else "dead pixels"
        )
        words.append(f"a cluster of {of}" if dead == 1 else f"{dead} clusters of {of}")
    return ", ".join(words[:-1]) + (" and " if len(words) > 1 else "") + "".join(words[-1:])


def _plural(name: str) -> str:
    """`gap of 6 voxels` as `gaps of 6 voxels`; names that are plural already stay."""
    for one, many in (("gap of", "gaps of"), ("cross of", "crosses of"), ("masked area", "masked areas")):
        if name.startswith(one):
            return name.replace(one, many, 1)
    return name


def _named(gap: Gap) -> str:
    sides = [side.stop - side.start for side in gap.bounds]
    share = gap.voxels / math.prod(sides)
    if gap.kind == "beamstop" and share < _SCATTERED:
        return f"areas that touch, {100 * share:.2g} % of {' × '.join(map(str, sides))} voxels"
    if gap.kind != "border" or len(gap.slabs) != 1:
        return _NAMES[gap.kind].format("1 voxel" if gap.width == 1 else f"{gap.width} voxels")
    axis, start, _ = gap.slabs[0]
    side, sort = "last" if start else "first", ("frame", "row", "column")[axis - len(gap.bounds)]
    return f"{side} {sort} masked" if gap.width == 1 else f"{side} {gap.width} {sort}s masked"


def run_lengths(mask: NDArray[np.bool_], axis: int) -> NDArray[np.int32]:
    """Length of the masked run through each voxel along `axis`.

    Parameters
    ----------
    mask
        bool, any shape; True = not measured.
    axis
        Axis the runs lie along.

    Returns
    -------
    int32, same shape: voxels of the run in masked voxels, `UNBOUNDED` in runs that touch the
    border of the array, 0 in measured voxels.
    """
    n, lines = mask.shape[axis], np.moveaxis(mask, axis, -1)
    apart = np.zeros((*lines.shape[:-1], n + 2), bool)  # no run goes on in the next line
    apart[..., 1:-1] = lines
    flat = apart.ravel()
    ends = np.flatnonzero(flat[1:] != flat[:-1]).reshape(-1, 2)
    voxels = ends[:, 1] - ends[:, 0]
    at_border = (ends[:, 0] % (n + 2) == 0) | (ends[:, 1] % (n + 2) == n)
    length = np.where(at_border, UNBOUNDED, voxels).astype(np.int32)
    runs = np.zeros(flat.size, np.int32)
    runs[flat] = np.repeat(length, voxels)
    return np.moveaxis(runs.reshape(apart.shape)[..., 1:-1], -1, axis)


def find_gaps(mask: NDArray[np.bool_]) -> tuple[list[Gap], NDArray[np.int32]]:
    """Take a mask apart into gaps.

    Slabs whose slices are masked across the whole array come first: those at the border are
    "border" gaps, each its own; the others are one "cross" if they are normal to more than one axis,
    else "plane" gaps, each its own. What is left is closed up over the slabs, as if these had no
    thickness, and split into connected pieces (diagonal neighbours included); each is classified by its
    shape, so a beamstop that touches or covers a cross is a "beamstop" of its own beside the "cross".

    Parameters
    ----------
    mask
        bool, `(rocking, row, column)` or `(row, column)`; True = not measured. The last two axes are
        taken as the detector.

    Returns
    -------
    gaps
        Slabs first, then pieces.
    labels
        int32, same shape: label of the gap each masked voxel belongs to, 0 where measured.
    """
    if mask.ndim not in (2, 3):
        raise ValueError(f"mask: must be 2D or 3D, found shape {mask.shape}")
    labels = np.zeros(mask.shape, np.int32)
    slabs = [] if mask.all() else _slabs(mask, (0,) * mask.ndim)
    described: list[tuple[Kind, tuple[Slab, ...]]] = []
    for kind, group in _groups(slabs, mask.shape):
        fresh = np.zeros(mask.shape, np.bool_)
        for axis, start, stop in group:
            fresh[_across(mask.ndim, axis, start, stop)] = True
        fresh &= mask & (labels == 0)
        if fresh.any():
            described.append((kind, group))
            labels[fresh] = len(described)
    kept = [_kept(slabs, axis, n) for axis, n in enumerate(mask.shape)]
    rest = mask[np.ix_(*kept)]
    pieces, count = ndimage.label(rest, np.ones((3,) * mask.ndim), output=np.int32)
    if count:
        labels[np.ix_(*kept)] = np.where(rest, pieces + np.int32(len(described)), np.int32(0))
    for piece, box in enumerate(ndimage.find_objects(pieces), start=1):
        kind, found = _describe(pieces[box] == piece, box, rest.shape)
        described.append((kind, tuple(_expand(slab, kept) for slab in found)))
    boxes, voxels = ndimage.find_objects(labels), np.bincount(labels.ravel())[1:]
    facts = zip(described, boxes, voxels, strict=True)
    gaps = [_gap(kind, found, box, int(n), label) for label, ((kind, found), box, n) in enumerate(facts, 1)]
    return gaps, labels


def _gap(kind: Kind, slabs: tuple[Slab, ...], bounds: tuple[slice, ...], voxels: int, label: int) -> Gap:
    axes = tuple(sorted({axis for axis, _, _ in slabs}))
    widths = tuple(max(stop - start for k, start, stop in slabs if k == axis) for axis in axes)
    width = max(widths) if widths else min(side.stop - side.start for side in bounds[-2:])
    return Gap(
        kind=kind,
        bounds=bounds,
        axes=axes,
        widths=widths,
        width=width,
        slabs=slabs,
        voxels=voxels,
        label=label,
    )


def _slabs(mask: NDArray[np.bool_], origin: Sequence[int]) -> list[Slab]:
    """Runs of slices masked across the whole of `mask`, on every axis they do not fill."""
    found = []
    for axis, n in enumerate(mask.shape):
        others = tuple(k for k in range(mask.ndim) if k != axis)
        full = np.concatenate(([False], mask.mean(axis=others) >= _FULL, [False]))
        edges = np.flatnonzero(full[1:] != full[:-1]).reshape(-1, 2)
        found += [(axis, origin[axis] + int(i), origin[axis] + int(j)) for i, j in edges if j - i < n]
    return found


def _groups(slabs: list[Slab], shape: tuple[int, ...]) -> list[tuple[Kind, tuple[Slab, ...]]]:
    """Slabs that make one gap together: those at the border alone, crossing ones joined."""
    inner = [slab for slab in slabs if slab[1] > 0 and slab[2] < shape[slab[0]]]
    groups: list[tuple[Kind, tuple[Slab, ...]]] = []
    if len({axis for axis, _, _ in inner}) > 1:
        groups.append(("cross", tuple(inner)))
    else:
        groups += [("plane", (slab,)) for slab in inner]
    return groups + [("border", (slab,)) for slab in slabs if slab not in inner]


def _describe(
    piece: NDArray[np.bool_], box: tuple[slice, ...], shape: tuple[int, ...]
) -> tuple[Kind, tuple[Slab, ...]]:
    """Kind and slabs of one connected piece, given its bounding box in an array of `shape`."""
    sides = piece.shape
    if max(sides[-2:]) <= ISOLATED:
        return "isolated", ()
    touches = [side.start == 0 or side.stop == n for side, n in zip(box, shape, strict=True)]
    normal = int(np.argmin([side / n for side, n in zip(sides, shape, strict=True)]))
    if piece.mean() >= _MOST and _is_long(sides, normal, sides[normal], shape):
        slab = (normal, box[normal].start, box[normal].stop)
        return "border" if touches[normal] else "plane", (slab,)
    if any(touches[-2:]) and _is_rim(piece, box, shape):
        return "border", ()
    origin = [side.start for side in box]
    slabs = [slab for slab in _slabs(piece, origin) if _is_long(sides, slab[0], slab[2] - slab[1], shape)]
    if len({axis for axis, _, _ in slabs}) > 1 and _share(piece, slabs, origin) >= _MOST:
        return "cross", tuple(slabs)
    return "beamstop", ()


def _is_long(sides: tuple[int, ...], normal: int, thickness: int, shape: tuple[int, ...]) -> bool:
    """Whether `sides` off the normal are those of a slab: the array's, or long for it and the thickness."""
    return all(
        side == n or (side >= n / 4 and side >= 4 * thickness)
        for axis, (side, n) in enumerate(zip(sides, shape, strict=True))
        if axis != normal
    )


def _share(piece: NDArray[np.bool_], slabs: list[Slab], origin: list[int]) -> float:
    """Share of a piece that lies in its slabs."""
    rest = piece.copy()
    for axis, start, stop in slabs:
        rest[_across(piece.ndim, axis, start - origin[axis], stop - origin[axis])] = False
    return 1 - np.count_nonzero(rest) / np.count_nonzero(piece)


def _is_rim(piece: NDArray[np.bool_], box: tuple[slice, ...], shape: tuple[int, ...]) -> bool:
    """Whether a piece lies along the border of the detector, not across it as a beamstop's holder does.

    It does if nothing is measured between it and the border along both axes (a corner), or along the
    shorter side of its bounding box.
    """
    padded = np.pad(
        piece, [(int(side.start > 0), int(side.stop < n)) for side, n in zip(box, shape, strict=True)]
    )
    rows, columns = piece.shape[-2:]
    down, along = (
        np.mean(run_lengths(padded, axis)[padded] == UNBOUNDED) >= _MOST
        for axis in (piece.ndim - 2, piece.ndim - 1)
    )
    return bool((down and along) or (down and rows <= columns) or (along and columns <= rows))


def _across(ndim: int, axis: int, start: int, stop: int) -> tuple[slice, ...]:
    return tuple(slice(start, stop) if k == axis else slice(None) for k in range(ndim))


def _kept(slabs: list[Slab], axis: int, n: int) -> NDArray[np.intp]:
    """Indices of an axis outside the slabs normal to it."""
    keep = np.ones(n, np.bool_)
    for k, start, stop in slabs:
        if k == axis:
            keep[start:stop] = False
    return np.flatnonzero(keep)


def _expand(slab: Slab, kept: list[NDArray[np.intp]]) -> Slab:
    """A slab found among the kept indices, in those of the array."""
    axis, start, stop = slab
    return axis, int(kept[axis][start]), int(kept[axis][stop - 1]) + 1
