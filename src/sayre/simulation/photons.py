"""Expected counts of an intensity, and photon noise."""

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
    """Blur an intensity, scale it to counts, and add a flat background.

    Parameters
    ----------
    intensity
        In any unit, float of any shape.
    max_counts
        Expected counts in the brightest voxel, without the background.
    blur
        Standard deviation of a Gaussian in voxels, for all axes or each: partial coherence, rocking curve and
        point spread to first order.
    background
        Expected counts that every voxel has in addition.

    Returns
    -------
    Expected counts, float32, same shape.
    """
    blurred = gaussian_filter(intensity, blur, mode="nearest") if np.any(np.asarray(blur) > 0) else intensity
    scale = max_counts / float(blurred.max())
    return (blurred * scale + background).astype(np.float32)


def count(expectation: NDArray[np.floating], generator: np.random.Generator) -> NDArray[np.float32]:
    """Draw Poisson counts.

    Parameters
    ----------
    expectation
        Expected counts, float of any shape.
    generator
        Source of the photons.

    Returns
    -------
    float32, same shape; exact to 2²⁴ and rounded to a relative 6e-8 above.
    """
    return np.asarray(generator.poisson(expectation), np.float32)
