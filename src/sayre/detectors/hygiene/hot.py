"""Pixels that are hot in every frame, below the peak or above, alone or a few together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]

FRAMES = 8
"""Frames from which on it can be told what is the same in all of them."""
RING = 0.3
"""Counts of the pixels around a hot one, relative to it, at most."""
SIGMAS = 6.0
ROWS = 32
"""Rows that are looked at in one go."""
LEAST = 3.0
"""Counts of a hot pixel in nine frames of ten, at least."""
STEADY = 0.5
"""Counts of a hot pixel in the tenth part of dark frames, relative to the fourth tenth, at least."""
FEW = 4
"""Pixels of a group that are taken for hot ones; more are something that scatters."""


def hot_pixels(counts: NDArray[np.float32], unknown: Mask) -> Mask:
    """Pixels of the detector that count in every frame what their surroundings do not.

    The dark half of the frames of each pixel is looked at, in which the peak is not. What is there is steady
    in a hot pixel, and more than in the ring two pixels away, of which three may belong to the same group.

    Parameters
    ----------
    counts
        float32, 3D, frames first.
    unknown
        bool, same shape; True where nothing was measured.

    Returns
    -------
    bool, of the shape of a frame.
    """
    if counts.ndim != 3 or len(counts) < FRAMES:
        return np.zeros(counts.shape[-2:], bool)
    measured = ~unknown.all(axis=(1, 2))
    number = int(measured.sum())
    if number < FRAMES:
        return np.zeros(counts.shape[-2:], bool)
    total, low, high = (np.zeros(counts.shape[-2:]) for _ in range(3))
    tenth, fourth, half = number // 10, int(0.4 * number), number // 2
    for start in range(0, counts.shape[1], ROWS):
        rows = slice(start, start + ROWS)
        dark = np.partition(counts[measured, rows], [tenth, fourth, half], axis=0)
        total[rows] = dark[:half].sum(axis=0, dtype=np.float64)
        low[rows], high[rows] = dark[tenth], dark[fourth]
    around = _ring(total)
    hot = (RING * total > around) & (total > around + SIGMAS * np.sqrt(around + 1))
    hot &= (low >= LEAST) & (low + 2 * np.sqrt(low) >= STEADY * high)
    hot &= ~unknown.all(axis=0)
    return _few_alone(hot, total)


def _few_alone(hot: Mask, total: NDArray[np.float64]) -> Mask:
    """Groups of few pixels that fall off steeply on all sides, as what scatters does not."""
    kept = np.zeros(hot.shape, bool)
    groups, _ = ndimage.label(hot, np.ones((3, 3)))
    for number, place in enumerate(ndimage.find_objects(groups), 1):
        box = tuple(slice(max(part.start - 1, 0), part.stop + 1) for part in place)
        group = groups[box] == number
        edge = ndimage.binary_dilation(group, np.ones((3, 3))) & ~group
        around, least = float(total[box][edge].max(initial=0)), float(total[box][group].min())
        if group.sum() <= FEW and around < RING * least and least > around + SIGMAS * np.sqrt(around + 1):
            kept[box] |= group
    return kept


def _ring(total: NDArray[np.float64]) -> NDArray[np.float64]:
    """The fourth brightest of the sixteen pixels that are two away."""
    padded = np.pad(total, 2, mode="reflect")
    rows, columns = total.shape
    offsets = [(r, c) for r in range(-2, 3) for c in range(-2, 3) if max(abs(r), abs(c)) == 2]
    ring = np.empty((len(offsets), rows, columns), np.float32)
    for number, (r, c) in enumerate(offsets):
        ring[number] = padded[2 + r : 2 + r + rows, 2 + c : 2 + c + columns]
    ring.partition(len(offsets) - 4, axis=0)
    return np.asarray(ring[len(offsets) - 4], np.float64)
