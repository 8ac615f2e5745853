"""A highest count that several voxels share: the detector counted no further."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

VOXELS = 3
"""Voxels with the highest count from which on the detector is taken for saturated; one less where that is a
power of two less one, the end of a counter."""
LEAST = 50.0
"""Highest count below which voxels share it by chance."""
MOST = 0.01
"""Share of all voxels that a plateau of a peak is at most."""
CHANCE = 6.0
"""Times as many voxels as a count just below it has that must share the highest one."""


def saturated(counts: NDArray[np.float32], unknown: Mask) -> Mask:
    """Voxels at the highest count, where more share it than chance would have.

    Counts near the top scatter by their root, so that hardly two are the same; a plateau is where a detector
    stops counting.

    Parameters
    ----------
    counts
        float32, 2D or 3D.
    unknown
        bool, same shape; True where nothing was measured.
    """
    top = float(counts.max(where=~unknown, initial=0))
    if top < LEAST:
        return np.zeros(counts.shape, bool)
    at = np.asarray((counts == np.float32(top)) & ~unknown, bool)
    number, least = int(at.sum()), VOXELS - float(np.log2(top + 1)).is_integer()
    if least <= number <= MOST * counts.size:
        sigma = np.sqrt(top)
        below = int(np.count_nonzero((counts < top) & (counts >= top - 2 * sigma) & ~unknown))
        if number > CHANCE * below / (2 * sigma):
            return at
    return np.zeros(counts.shape, bool)
