"""Counts that wrapped around at the end of 16 bits: the top of a peak is low, and high counts enclose it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sayre.detectors.hygiene.steps import BEYOND

Mask = NDArray[np.bool_]

END = 2**16
NEAR = 45_000
"""Highest count, at least: of those that wrapped around, some end just below `END`."""
SEEN = 8192
"""Count that a pixel has in some frame, at least: a dead one is low in the peak and elsewhere."""
ROUGH = 0.004
"""Share of the squared counts beyond the last of `BEYOND` along one axis, at least. Peaks that are sampled
finely enough for phasing have 0.001 at most, and those that wrapped around 0.008 and more."""


def wrapped(counts: NDArray[np.float32], unknown: Mask) -> int:
    """Number of voxels that are low though high ones enclose them, where this tells of 16 bits; else 0.

    Parameters
    ----------
    counts
        float32, 3D, frames first; as they were stored.
    unknown
        bool, same shape; True where nothing was measured.
    """
    top = float(counts.max(where=~unknown, initial=0))
    if counts.ndim != 3 or not NEAR <= top < END:
        return 0
    high = (counts >= END / 2) & ~unknown
    box = ndimage.find_objects(high.astype(np.int8))[0]
    near = np.pad(high[box], 2)
    closed = ndimage.binary_closing(near, np.ones((3, 3, 3)))[2:-2, 2:-2, 2:-2]
    alive = counts[(slice(None), *box[1:])].max(axis=0) >= SEEN
    low = closed & alive & (counts[box] < END / 2) & ~unknown[box]
    if not low.any() or not all(np.array_equal(frame, np.rint(frame)) for frame in counts):
        return 0
    return int(low.sum()) if _roughness(np.where(unknown, 0, counts)) >= ROUGH else 0


def _roughness(counts: NDArray[np.float32]) -> float:
    """Largest share of an axis, less that of the noise."""
    shares = []
    total = np.square(counts, dtype=np.float64).sum()
    for axis, size in enumerate(counts.shape):
        beyond = np.abs(np.fft.fftfreq(size)) >= BEYOND[-1]
        waves = np.fft.fft(counts, axis=axis).compress(beyond, axis=axis)
        noise = beyond.mean() * counts.sum(dtype=np.float64)
        shares.append((np.square(np.abs(waves)).sum(dtype=np.float64) / size - noise) / total)
    return float(max(shares))
