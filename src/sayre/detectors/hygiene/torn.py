"""Planes of counts that do not continue each other as those of a crystal.

The counts of a crystal that is sampled finely enough for phasing have no frequency beyond that of its
autocorrelation. Frames in another order, a detector that moved, frames that are missing or brighter than they
should be, and lines of the detector that are hot have all frequencies.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sayre.detectors.hygiene.steps import BEYOND, SIGMAS, TORN, gram_of, left_beyond

Mask = NDArray[np.bool_]


def torn(counts: NDArray[np.float32], unknown: Mask) -> list[int]:
    """Axes along which the planes of 3D counts do not continue each other.

    Parameters
    ----------
    counts
        float32, 3D, frames first.
    unknown
        bool, same shape; True where nothing was measured.
    """
    if counts.ndim != 3:
        return []
    found = []
    for axis in range(3):
        gram = gram_of(np.moveaxis(counts, axis, 0), np.moveaxis(unknown, axis, 0))
        if gram is None:
            continue
        left, scatter = left_beyond(*gram, BEYOND[-1])
        if left[-1, -1] / np.trace(gram[0]) > TORN + SIGMAS * scatter:
            found.append(axis)
    return found
