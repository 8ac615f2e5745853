"""The mask that a user draws: strokes on slices and detectors by name, as plain values the page keeps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sayre.detectors import detector_mask
from sayre.errors import InputError
from sayre.files.atomic import check_place, replacing
from sayre.numerics import memory
from sayre.viewer.regions.shapes import Shape, pixels_in

Mask = NDArray[np.bool_]
Size = tuple[int, int, int]
Stroke = dict[str, Any]
"""`{"axis": 0, "first": 3, "last": 4, "shapes": […]}`: shapes on the slices from `first` up to `last`, which
is left out, across an axis. Or `{"detector": name, "corner": [row, column] or None}`."""

ENDINGS = (".npy", ".npz")


def stroke(axis: int, index: int | None, shapes: Sequence[Shape], size: Size) -> Stroke:
    """Make a stroke.

    Parameters
    ----------
    axis
        Across the slice that the shapes are drawn on.
    index
        Of the slice; None is every slice.
    shapes
        On it.
    size
        Of the counts.
    """
    first, last = (0, size[axis]) if index is None else (index, index + 1)
    return {"axis": axis, "first": first, "last": last, "shapes": list(shapes)}


def plane_of(strokes: Sequence[Stroke], size: Size, axis: int, index: int) -> Mask:
    """Return a slice of the mask, without making all of it.

    Parameters
    ----------
    strokes
        What was drawn.
    size
        Of the counts.
    axis, index
        Which slice.
    """
    rest = [other for other in range(3) if other != axis]
    plane = np.zeros([size[other] for other in rest], np.bool_)
    for one in strokes:
        across, first, last, drawn = _flat(one, size)
        if across == axis:
            if first <= index < last:
                plane |= drawn
            continue
        line = np.take(drawn, index, axis=_others(across).index(axis))
        inside = np.zeros(size[across], np.bool_)
        inside[first:last] = True
        plane |= np.outer(inside, line) if rest[0] == across else np.outer(line, inside)
    return plane


def mask_of(strokes: Sequence[Stroke], size: Size) -> Mask:
    """Return the mask: 2D where it is the same in every frame, else 3D.

    Parameters
    ----------
    strokes
        What was drawn.
    size
        Of the counts.

    Raises
    ------
    InputError
        Not enough memory.
    """
    flat = [_flat(one, size) for one in strokes]
    if all(axis == 0 and (first, last) == (0, size[0]) for axis, first, last, _ in flat):
        return _union([drawn for *_, drawn in flat], size[1:])
    memory.require(int(np.prod(size, dtype=np.int64)), "mask", "a part of the counts")
    mask = np.zeros(size, np.bool_)
    for axis, first, last, drawn in flat:
        np.moveaxis(mask, axis, 0)[first:last] |= drawn
    return mask


def united(mask: Mask, own: Iterator[Mask], size: Size) -> Mask:
    """Return a mask with that of the file added, which is given frame by frame.

    Parameters
    ----------
    mask
        2D or 3D.
    own
        Masks of the frames.
    size
        Of the counts.
    """
    memory.require(int(np.prod(size, dtype=np.int64)), "mask", "the drawn mask alone")
    whole = np.array(np.broadcast_to(mask, size))
    for frame, there in zip(whole, own, strict=True):
        frame |= there
    same = all(np.array_equal(frame, whole[0]) for frame in whole[1:])
    return whole[0] if same else whole


def save_mask(path: Path, mask: Mask, *, force: bool = False) -> None:
    """Write a mask that `--mask` reads: True where nothing was measured.

    Parameters
    ----------
    path
        `.npy`, or `.npz` in which it is `mask`.
    mask
        2D for every frame, or 3D.
    force
        Whether a file that is there may be replaced.

    Raises
    ------
    InputError
        Another ending, a mask of nothing, or a place that cannot be written.
    """
    if path.suffix.lower() not in ENDINGS:
        raise InputError(f"{path.name}: a mask is written to {' or '.join(ENDINGS)}")
    if not mask.any():
        raise InputError(f"{path.name}: the mask is empty; draw one first")
    check_place(path, force=force)
    with replacing(path, force=force) as file:
        if path.suffix.lower() == ".npy":
            np.save(file, mask)
        else:
            np.savez_compressed(file, mask=mask)


def _flat(one: Stroke, size: Size) -> tuple[int, int, int, Mask]:
    """Axis across a stroke, first and last slice, and its pixels."""
    if "detector" in one:
        corner = one.get("corner")
        place = None if corner is None else (_index(corner[0], 2**31), _index(corner[1], 2**31))
        return 0, 0, size[0], detector_mask(str(one["detector"]), size[1:], corner=place)
    axis = _index(one.get("axis"), 2)
    first, last = _index(one.get("first"), size[axis]), _index(one.get("last"), size[axis])
    rows, columns = (size[other] for other in _others(axis))
    drawn = [pixels_in(shape, (rows, columns)) for shape in one.get("shapes", ())]
    return axis, first, last, _union(drawn, (rows, columns))


def _union(masks: Sequence[Mask], shape: tuple[int, int]) -> Mask:
    whole = np.zeros(shape, np.bool_)
    for mask in masks:
        whole |= mask
    return whole


def _others(axis: int) -> list[int]:
    return [other for other in range(3) if other != axis]


def _index(value: Any, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise InputError(f"mask: {value!r} is no index from 0 to {most}")
    return value
