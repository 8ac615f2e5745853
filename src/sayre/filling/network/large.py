"""Few large windows over the voxels of a slab, for networks of convolutions alone.

Small windows that overlap show every voxel five times. A large one shows it once, with all that is around
it, and in a second orientation once more.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LARGEST = 160
"""Most rows or columns of a window."""
AROUND = 24
"""Voxels that a window shows around those wanted, and by which neighbouring windows overlap: half a window of
training."""
MULTIPLE = 4
"""Rows and columns are a multiple of it, since the network halves its resolution twice."""
OPPOSITE = 15
"""Orientation 15 is 0 turned in every way: all axes flipped, rows and columns exchanged."""

Tile = tuple[int, int, int]
"""First row and column of a window, and its orientation."""


def large_tiles(
    places: tuple[NDArray[np.intp], NDArray[np.intp]], sizes: tuple[int, int], tile: int, views: int
) -> tuple[tuple[int, int], list[Tile]]:
    """Return rows and columns of the windows, and every window as often as it is shown.

    Parameters
    ----------
    places
        Rows and columns of the voxels that are wanted.
    sizes
        Of the slab; a window is larger where it must be.
    tile
        Least rows and columns of a window.
    views
        Orientations in which a window is shown, 1 or 2.
    """
    sides, corners = [], []
    for positions, size in zip(places, sizes, strict=True):
        low, high = max(int(positions.min()) - AROUND, 0), min(int(positions.max()) + AROUND + 1, size)
        length = high - low
        count = max(-(-(length - AROUND) // (LARGEST - AROUND)), 1)
        side = -(-(length + (count - 1) * AROUND) // count)
        side = -(-max(side, tile) // MULTIPLE) * MULTIPLE
        first = low if count > 1 else max(min(low - (side - length) // 2, size - side), 0)
        sides.append(side)
        corners.append(np.linspace(first, max(high - side, first), count).round().astype(int))
    occupied = np.zeros(sizes, bool)
    occupied[places] = True
    rows, columns = sides
    return (rows, columns), [
        (int(r), int(c), (5 * a + 3 * b) % 16 ^ (OPPOSITE * view))
        for a, r in enumerate(corners[0])
        for b, c in enumerate(corners[1])
        if occupied[r : r + rows, c : c + columns].any()
        for view in range(views)
    ]
