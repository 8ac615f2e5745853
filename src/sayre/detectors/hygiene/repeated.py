"""Frames that hold the very counts of another frame: one of the two was not measured."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

COUNTS, PIXELS = 100.0, 16
"""Counts of a frame, and pixels with any, from which on no two frames are the same by chance."""


class Repeated(NamedTuple):
    """A frame with the counts of an earlier one."""

    first: int
    again: int


def repeated_frames(counts: NDArray[np.float32], unknown: Mask) -> list[Repeated]:
    """Frames that hold exactly what an earlier frame holds.

    Frames of one value alone hold no counts. Frames that are the same in pairs about one place are those of
    counts that were simulated without noise of a crystal with a mirror plane, and none of these.

    Parameters
    ----------
    counts
        float32, 3D, frames first.
    unknown
        bool, same shape; True where nothing was measured.
    """
    if counts.ndim != 3:
        return []
    seen: dict[bytes, int] = {}
    found = []
    for number, (frame, masked) in enumerate(zip(counts, unknown, strict=True)):
        few = frame.sum(dtype=np.float64) < COUNTS or np.count_nonzero(frame) < PIXELS
        if few or masked.all() or np.ptp(frame[~masked]) == 0:
            continue
        key = hashlib.blake2b(np.ascontiguousarray(frame).tobytes(), digest_size=16).digest()
        first = seen.setdefault(key, number)
        if first != number:
            found.append(Repeated(first, number))
    mirrored = len(found) > 1 and len({first + again for first, again in found}) == 1
    return [] if mirrored else found
