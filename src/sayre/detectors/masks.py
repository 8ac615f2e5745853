"""Masks: built from shapes, or read off flat fields.

All are bool, True = not measured. The last two axes of `shape` are the detector's row and column; what
sits on the detector is the same in every frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from sayre.errors import InputError

Mask = NDArray[np.bool_]
Side = Literal["top", "bottom", "left", "right"]


def plane(shape: tuple[int, ...], axis: int, start: int, width: int) -> Mask:
    """Slab of `width` voxels normal to `axis`, from index `start`.

    Parameters
    ----------
    shape
        Of the mask.
    axis
        Across the slab.
    start, width
        First index and number of voxels.

    Raises
    ------
    InputError
        An axis that `shape` does not have, or a slab that leaves it.
    """
    if not -len(shape) <= axis < len(shape):
        raise InputError(f"mask: axis {axis} does not exist in shape {shape}")
    if width < 1 or start < 0 or start + width > shape[axis]:
        raise InputError(
            f"mask: {width} voxels from index {start} do not lie within 0…{shape[axis]} of axis {axis}"
        )
    mask = np.zeros(shape, np.bool_)
    np.moveaxis(mask, axis, 0)[start : start + width] = True
    return mask


def cross(shape: tuple[int, ...], axes: Sequence[int], starts: Sequence[int], widths: Sequence[int]) -> Mask:
    """Union of slabs, one for each of `axes`.

    Parameters
    ----------
    shape
        Of the mask.
    axes, starts, widths
        Axis across each slab, its first index and its number of voxels.

    Raises
    ------
    InputError
        As `plane`, or sequences of different lengths.
    """
    if not len(axes) == len(starts) == len(widths) > 0:
        raise InputError(f"mask: axes {axes}, starts {starts} and widths {widths} must be of one length")
    return combine(*(plane(shape, *slab) for slab in zip(axes, starts, widths, strict=True)))


def beamstop(
    shape: tuple[int, ...],
    centre: tuple[float, float],
    radius: float,
    arm: tuple[Side, float] | None = None,
) -> Mask:
    """Disc on the detector, with a holder if wanted.

    Parameters
    ----------
    shape
        Of the pattern, 2D or 3D.
    centre
        Row and column; may lie off the detector.
    radius
        In pixels: masked up to this distance from the centre.
    arm
        Side of the detector that the holder comes from, and its width in pixels.

    Raises
    ------
    InputError
        A negative radius, or a side that is none of top, bottom, left, right.
    """
    if radius < 0:
        raise InputError(f"mask: the beamstop's radius must be 0 or more pixels, found {radius}")
    rows, columns = shape[-2:]
    row = np.arange(rows)[:, None] - centre[0]
    column = np.arange(columns)[None, :] - centre[1]
    stop = row**2 + column**2 <= radius**2
    if arm is not None:
        side, width = arm
        upright = (-width / 2 <= column) & (column < width / 2)
        level = (-width / 2 <= row) & (row < width / 2)
        beams = {
            "top": (row <= 0) & upright,
            "bottom": (row >= 0) & upright,
            "left": (column <= 0) & level,
            "right": (column >= 0) & level,
        }
        if side not in beams:
            raise InputError(f"mask: the beamstop's arm must come from {', '.join(beams)}, found {side!r}")
        stop |= beams[side]
    return _every_frame(stop, shape)


def dead_pixels(
    shape: tuple[int, ...],
    *,
    fraction: float | None = None,
    coordinates: ArrayLike | None = None,
    generator: np.random.Generator | None = None,
) -> Mask:
    """Single pixels, either given or drawn at random.

    Parameters
    ----------
    shape
        Of the pattern, 2D or 3D.
    fraction
        Share of the detector's pixels, drawn with `generator` without repetition.
    coordinates
        Integers `(n, 2)`: row and column of each.

    Raises
    ------
    InputError
        Neither or both given, a fraction outside 0…1 or without a generator, coordinates off the
        detector.
    """
    if (fraction is None) == (coordinates is None):
        raise InputError("mask: dead pixels take either a fraction or coordinates")
    rows, columns = shape[-2:]
    dead = np.zeros(rows * columns, np.bool_)
    if fraction is not None:
        if not 0 <= fraction <= 1 or generator is None:
            raise InputError(
                f"mask: a fraction of dead pixels must be 0…1, with a generator; found {fraction}"
            )
        dead[generator.choice(dead.size, round(fraction * dead.size), replace=False)] = True
    else:
        at = np.asarray(coordinates, dtype=np.intp).reshape(-1, 2)
        if at.size and (at.min() < 0 or (at >= (rows, columns)).any()):
            raise InputError(f"mask: coordinates of dead pixels must lie within {(rows, columns)}")
        dead[at[:, 0] * columns + at[:, 1]] = True
    return _every_frame(dead.reshape(rows, columns), shape)


def combine(*masks: Mask) -> Mask:
    """Masked where any is; a 2D mask holds for every frame of a 3D one.

    Raises
    ------
    InputError
        No mask, or shapes that do not agree.
    """
    if not masks:
        raise InputError("mask: nothing to combine")
    shape = max((mask.shape for mask in masks), key=len)
    if any(mask.shape not in (shape, shape[-2:]) for mask in masks):
        raise InputError(f"mask: shapes {', '.join(str(mask.shape) for mask in masks)} do not agree")
    result = np.zeros(shape, np.bool_)
    for mask in masks:
        result |= mask
    return result


def from_whitefield(whitefield: ArrayLike, *, threshold: float = 6.0, window: int = 9) -> Mask:
    """Bad pixels of a flat field: dead, or far from the response of their neighbours.

    The logarithm of each pixel over the median of its neighbourhood is compared with the spread of
    all (1.4826 times the median absolute deviation, which bad pixels do not widen).

    Parameters
    ----------
    whitefield
        2D, counts or response in any unit.
    threshold
        Standard deviations from which a pixel is bad.
    window
        Side of the square neighbourhood, in pixels.

    Returns
    -------
    bool, same shape. NaN, infinite, zero and negative pixels are bad, and all whose neighbourhood is
    mostly so.

    Raises
    ------
    InputError
        Not 2D, or without one positive pixel.
    """
    flat = np.asarray(whitefield, dtype=np.float64)
    if flat.ndim != 2:
        raise InputError(f"whitefield: must be 2D, found shape {flat.shape}")
    flat = np.where(np.isfinite(flat), flat, 0)
    local = ndimage.median_filter(flat, window)
    alive = (flat > 0) & (local > 0)
    if not alive.any():
        raise InputError("whitefield: no pixel is positive")
    response = np.log(flat[alive] / local[alive])
    response -= np.median(response)
    spread = 1.4826 * np.median(np.abs(response))
    bad: Mask = ~alive
    bad[alive] = np.abs(response) > threshold * max(spread, 1e-6)
    return bad


def _every_frame(detector: Mask, shape: tuple[int, ...]) -> Mask:
    return np.array(np.broadcast_to(detector, shape))
