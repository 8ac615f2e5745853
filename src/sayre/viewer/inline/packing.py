"""Volumes as text that a page can hold: thinned where they are large, in 65 535 steps, compressed."""

from __future__ import annotations

import base64
import zlib
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sayre.viewer.inline.surface import Surface
from sayre.viewer.inline.volumes import Volume

MOST = 2**21
"""Voxels of all volumes of a page; larger ones are thinned."""
STEPS = 65_534
"""Between the lowest and the highest value of a volume; 0 is left for what is not known."""

Block = tuple[int, int, int]


class Thinned(NamedTuple):
    """A volume of fewer voxels, and how many of the original one of them stands for, along each axis."""

    values: NDArray[np.float32]
    filled: NDArray[np.bool_] | None
    block: Block


def block_of(shape: tuple[int, ...], most: int) -> Block:
    """Return the smallest block by which a volume has no more than so many voxels: longest sides first.

    Parameters
    ----------
    shape
        Of the volume.
    most
        Voxels.
    """
    block = [1, 1, 1]
    while True:
        sides = [-(-n // b) for n, b in zip(shape, block, strict=True)]
        if int(np.prod(sides, dtype=np.int64)) <= most:
            return block[0], block[1], block[2]
        block[int(np.argmax(sides))] += 1


def thinned(volume: Volume, most: int) -> Thinned:
    """Return a volume of no more than so many voxels: the highest count of a block, else its first value.

    Parameters
    ----------
    volume
        Any size.
    most
        Voxels.
    """
    values, filled = volume.values, volume.filled
    block = block_of(values.shape, most)
    if block == (1, 1, 1):
        return Thinned(values, filled, block)
    if not volume.colours.counts:
        part = tuple(slice(None, None, side) for side in block)
        return Thinned(values[part], None if filled is None else filled[part], block)
    highest = _reduced(np.where(np.isnan(values), -np.inf, values), block, np.float32(-np.inf))
    kept = np.where(np.isneginf(highest), np.float32(np.nan), highest).astype(np.float32)
    # A block is filled where no voxel of it was measured.
    return Thinned(kept, None if filled is None else ~_reduced(~filled, block, np.False_), block)


def packed(volume: Volume, most: int = MOST) -> dict[str, Any]:
    """Return a volume as plain values that its page unpacks.

    Parameters
    ----------
    volume
        What is shown.
    most
        Voxels that are kept of it.
    """
    values, filled, block = thinned(volume, most)
    known = np.isfinite(values)
    counts = bool(volume.colours.counts)
    scaled = signed_log(values) if counts else values
    low, high = (float(scaled[known].min()), float(scaled[known].max())) if known.any() else (0.0, 1.0)
    high = high if high > low else low + 1.0
    share = np.where(known, (scaled - np.float32(low)) / np.float32(high - low), 0)
    codes = np.where(known, 1 + np.rint(STEPS * np.clip(share, 0, 1)), 0).astype("<u2")
    shuffled = codes.reshape(-1).view(np.uint8).reshape(-1, 2).T  # high bytes together compress better
    return {
        "label": volume.colours.label,
        "colours": volume.colours.cmap,
        "ends": [volume.colours.low, volume.colours.high],
        "counts": counts,
        "whole": bool(counts and np.array_equal(values[known], np.rint(values[known]))),
        "codes": _text(shuffled),
        "range": [low, high],
        "filled": None if filled is None else _text(np.packbits(filled)),
        "shape": list(values.shape),
        "size": list(volume.values.shape),
        "block": list(block),
        "axes": [vars(axis) for axis in volume.axes],
        "start": [min(p // b, n - 1) for p, b, n in zip(volume.start, block, values.shape, strict=True)],
        "planar": volume.planar,
        "upwards": volume.upwards,
        "ground": volume.ground,
        "cropped": volume.cropped,
        "surface": None if volume.surface is None else _surface(volume.surface),
    }


def palette(name: str) -> str:
    """256 colours of a colour map of matplotlib: red, green, blue, a byte each, in base64."""
    from matplotlib import colormaps

    colours = colormaps[name](np.linspace(0, 1, 256))[:, :3]
    return base64.b64encode(np.rint(255 * colours).astype(np.uint8).tobytes()).decode("ascii")


def signed_log(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """`log(1 + n)`, of numbers below 0 the same mirrored."""
    return np.sign(values) * np.log1p(np.abs(values))


def _surface(surface: Surface) -> dict[str, str]:
    return {
        "corners": _text(surface.corners.astype("<f4")),
        "triangles": _text(surface.triangles.astype("<i4")),
        "values": _text(surface.values.astype("<f4")),
        "axes": _text(surface.axes.astype("<f4")),
    }


def _reduced(values: NDArray[Any], block: Block, empty: Any) -> NDArray[Any]:
    """The highest of every block."""
    sides = [-(-n // b) for n, b in zip(values.shape, block, strict=True)]
    padded = np.full([n * b for n, b in zip(sides, block, strict=True)], empty, values.dtype)
    padded[tuple(slice(0, n) for n in values.shape)] = values
    split = [length for pair in zip(sides, block, strict=True) for length in pair]
    return np.asarray(padded.reshape(split).max(axis=(1, 3, 5)))


def _text(values: NDArray[Any]) -> str:
    return base64.b64encode(zlib.compress(np.ascontiguousarray(values).tobytes(), 6)).decode("ascii")
