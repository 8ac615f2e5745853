"""How bright a pattern is where it was not measured, from its surroundings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from sayre.retrieval.engine.bounds import Bounds

WIDTHS = (3.0, 6.0, 12.0, 24.0)
"""Standard deviations in voxels of the averages; the narrowest is taken in which enough was measured."""
ENOUGH = 0.02
"""Least weight of measured voxels in an average."""
LEAST = 0.05
"""Least expected counts."""
WEIGHT = 0.1
"""Weight of this knowledge. Without it, what no count holds becomes stripes in the object."""


def unmeasured_rate(bounds: Bounds) -> NDArray[np.float32]:
    """Compute `WEIGHT` over the counts expected in voxels that nothing is known of; 0 elsewhere.

    Voxels that nothing is known of were neither measured nor filled, and lie between measured ones: not in a
    margin around the detector. The expected counts are a local average of the voxels used.

    Parameters
    ----------
    bounds
        Counts, weights and bounds, centred.

    Returns
    -------
    float32, of the shape of the bounds.
    """
    known = bounds.weight > 0
    rate = np.zeros(bounds.counts.shape, np.float32)
    if not known.any():
        return rate
    box = tuple(slice(int(p.min()), int(p.max()) + 1) for p in np.nonzero(known))
    unknown = ~known[box] & (bounds.lower[box] == 0) & np.isinf(bounds.upper[box])
    if not unknown.any():
        return rate
    used = (bounds.weight[box] == 1).astype(np.float32)
    counts = bounds.counts[box] * used
    expected = np.full(used.shape, np.nan, np.float32)
    for width in WIDTHS:
        weight = gaussian_filter(used, width, mode="constant")
        average = gaussian_filter(counts, width, mode="constant") / np.maximum(weight, 1e-6)
        expected = np.where(np.isnan(expected) & (weight > ENOUGH), average, expected)
    expected = np.maximum(np.nan_to_num(expected, nan=LEAST), LEAST)
    rate[box] = np.where(unknown, WEIGHT / expected, 0)
    return rate
