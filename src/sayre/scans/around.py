"""The part of large counts that is around their peak, found without holding all of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

import sayre.files as files
from sayre.data import Pattern
from sayre.detectors.hygiene import lone
from sayre.errors import InputError, warn
from sayre.files.corrections import Given
from sayre.files.patterns.region import BeyondEnd, Region
from sayre.files.safety.apart import tried_apart
from sayre.scans.loading import opened
from sayre.scans.pattern import pattern_of

LARGE, AT_ONCE = 2**28, 2**26
"""Bytes of counts in float32 up to which all are read; those that are read at a time."""
COARSE = (256, 128, 128)
"""Blocks along each axis in which the peak is looked for, at most."""
WIDER = 0.5
"""How much more than the box around the peak is read on every side, relative to the box."""

Reading = Callable[[Region], Pattern]


@tried_apart
def region_around_peak(
    path: str | Path,
    size: int | tuple[int, ...],
    *,
    frames: str | Path | None = None,
    flat: Given = "auto",
    dark: Given = "auto",
) -> Region | None:
    """Find a region of large counts that holds a box around their peak; None where they are not large.

    Frames are read some at a time. Of each, voxels alone that outshine their neighbours are left out, and of
    all, what a place has in half of the frames: hot pixels are no peak.

    Parameters
    ----------
    path, frames, flat, dark
        As `sayre.load` takes them.
    size
        Voxels of the box, one number or one for each axis.

    Warns
    -----
    SayreWarning
        Which part is read.
    """
    sides = (size,) * 3 if isinstance(size, int) else tuple(size)
    reading = _reading(path, frames, flat, dark)
    shape = _shape(reading)
    if shape is None or len(sides) != 3 or 4 * np.prod(shape, dtype=np.int64) <= LARGE:
        return None
    place = _peak(reading, shape)
    if place is None:
        return None
    region = []
    for at, side, n, coarse in zip(place, sides, shape, COARSE, strict=True):
        half = int((0.5 + WIDER) * side) + 2 * -(-n // coarse)
        region.append(slice(max(at - half, 0), min(at + half, n)))
    shown = ", ".join(f"{part.start}:{part.stop}" for part in region)
    warn(f"{Path(path).name}: of {' × '.join(map(str, shape))} voxels {shown} are read, around the peak")
    return tuple(region)


def _reading(path: str | Path, frames: str | Path | None, flat: Given, dark: Given) -> Reading:
    """What reads a region of a file, without a word."""
    raw = opened(path, frames=frames)

    def read(region: Region) -> Pattern:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if raw is None:
                return files.load(path, flat=flat, dark=dark, roi=region)
            return pattern_of(raw, path, flat=flat, dark=dark, region=region)

    return read


def _shape(reading: Reading) -> tuple[int, int, int] | None:
    """Shape of 3D counts, from the errors that too long regions raise; None where they do not state it."""
    found = []
    for axis in range(3):
        region = tuple(slice(0, 2**40 if axis == other else 1) for other in range(3))
        try:
            reading(region)
        except BeyondEnd as error:
            found.append(error.length)
        except InputError:
            return None
    return (found[0], found[1], found[2]) if len(found) == 3 else None


def _peak(reading: Reading, shape: tuple[int, int, int]) -> tuple[int, ...] | None:
    """The middle of the block of most squared counts, less what its pixels have in half of the frames."""
    steps = [-(-n // coarse) for n, coarse in zip(shape, COARSE, strict=True)]
    most = max(AT_ONCE // (4 * shape[1] * shape[2]), 1)
    most = max(most // steps[0], 1) * steps[0]  # whole blocks
    found = []
    for start in range(0, shape[0], most):
        stop = min(start + most, shape[0])
        try:
            part = reading((slice(start, stop), slice(0, shape[1]), slice(0, shape[2])))
        except InputError:  # nothing was measured there, or a part alone looks odd: the rest tells
            sizes = (stop - start, *shape[1:])
            found.append(np.zeros([-(-n // step) for n, step in zip(sizes, steps, strict=True)]))
            continue
        counts = np.where(lone(part.intensity, part.mask), 0, part.intensity).astype(np.float64)
        found.append(_summed(counts**2, steps))
    whole = np.concatenate(found)
    whole = ndimage.gaussian_filter(np.maximum(whole - np.median(whole, axis=0), 0), 0.7)
    if not whole.max() > 0:
        return None
    at = np.unravel_index(int(np.argmax(whole)), whole.shape)
    return tuple(min(int(k) * s + s // 2, n - 1) for k, s, n in zip(at, steps, shape, strict=True))


def _summed(values: NDArray[np.float64], steps: list[int]) -> NDArray[np.float64]:
    for axis, step in enumerate(steps):
        values = np.add.reduceat(values, np.arange(0, values.shape[axis], step), axis)
    return values
