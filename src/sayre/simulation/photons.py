"""From scattered intensity to photon counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter


def expose(
    intensity: NDArray[np.floating],
    *,
    max_counts: float,
    blur: tuple[float, ...] | float = 0.0,
    background: float = 0.0,
) -> NDArray[np.float32]:
    """Expected counts, float32: `intensity` blurred, scaled to a peak of `max_counts`, on a flat background.

    `blur` is the standard deviation in voxels of each axis (partial coherence, rocking-curve width and
    point spread to first order); `background` in counts a voxel.
    """
    blurred = gaussian_filter(intensity, blur, mode="nearest") if np.any(np.asarray(blur) > 0) else intensity
    scale = max_counts / float(blurred.max())
    return (blurred * scale + background).astype(np.float32)


def count(expectation: NDArray[np.floating], generator: np.random.Generator) -> NDArray[np.float32]:
    """Poisson counts, float32 (exact to 2²⁴, rounded to 6e-8 above)."""
    return np.asarray(generator.poisson(expectation), np.float32)
