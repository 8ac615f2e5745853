"""Counts of one frame alone: cosmic rays and other events that no crystal scattered."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]

LONE = 0.1
"""Part of its own counts that the neighbours of a peak have at least; see `sayre.detectors.hygiene.lone`."""
SIGMAS = 4.0
LEAST = 40.0
"""Counts of an event at least."""
PIXELS = 3
"""Pixels of a frame that an event may light."""


def zingers(counts: NDArray[np.float32], unknown: Mask) -> Mask:
    """Voxels that outshine, ten times and beyond chance, the frames before and after and what is around them.

    Sampled finely enough for phasing, counts cannot fall so steeply along all axes; see `LONE`. Up to three
    pixels that touch may be lit by one event; those around the three are compared with the brightest.
    `unknown` neighbours count as bright.

    Parameters
    ----------
    counts
        float32, 3D, frames first.
    unknown
        bool, same shape; True where nothing was measured.
    """
    found = np.zeros(counts.shape, bool)
    if counts.ndim != 3 or len(counts) < 3:
        return found
    last = len(counts) - 1
    for frame in range(len(counts)):
        known, before, after = (
            np.where(unknown[k], np.float32(np.inf), counts[k])
            for k in (frame, frame - 1 if frame else 1, frame + 1 if frame < last else last - 1)
        )
        beside = np.maximum(before, after)
        bright = (counts[frame] > LEAST) & ~unknown[frame] & (LONE * counts[frame] > beside)
        if bright.any():
            sudden = bright & (LONE * counts[frame] > beside + SIGMAS * np.sqrt(beside + 1))
            found[frame] = _events(counts[frame], known, beside, sudden)
    return found


def _events(
    counts: NDArray[np.float32], known: NDArray[np.float32], beside: NDArray[np.float32], sudden: Mask
) -> Mask:
    """Groups of few sudden pixels of a frame whose surroundings are dark."""
    found = np.zeros(counts.shape, bool)
    groups, _ = ndimage.label(sudden, np.ones((3, 3)))
    for number, place in enumerate(ndimage.find_objects(groups), 1):
        box = tuple(slice(max(part.start - 1, 0), part.stop + 1) for part in place)
        group = groups[box] == number
        if group.sum() > PIXELS:
            continue
        ring = ndimage.binary_dilation(group, np.ones((3, 3))) & ~group
        edge = ndimage.binary_dilation(group) & ~group if group.sum() == 1 else ring
        around = float(max(known[box][edge].max(initial=0), beside[box][ring | group].max(initial=0)))
        top = float(counts[box][group].max())
        if np.isfinite(around) and LONE * top > around + SIGMAS * np.sqrt(around + 1):
            found[box] |= group
    return found
