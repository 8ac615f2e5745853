"""Gaussian smoothing on all cores."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from sayre.numerics.slabs import at_once, cores


def smoothed(
    values: NDArray[Any], width: float, mode: Literal["reflect", "nearest", "constant"] = "reflect"
) -> NDArray[Any]:
    """Return what `scipy.ndimage.gaussian_filter` does, bit for bit.

    Parameters
    ----------
    values
        2D or more, float32 or float64.
    width
        Standard deviation of the Gaussian, in voxels.
    mode
        What lies beyond the border: mirrored values, the last ones, or zeros.
    """
    made = np.empty_like(values)
    for axis in range(values.ndim):
        other = 1 if axis == 0 else 0
        ends = np.linspace(0, values.shape[other], cores() + 1).astype(int)
        parts = [(slice(None),) * other + (slice(*pair),) for pair in pairwise(ends) if pair[0] < pair[1]]
        source = values if axis == 0 else made
        at_once(
            *(
                partial(gaussian_filter1d, source[part], width, axis, output=made[part], mode=mode)
                for part in parts
            )
        )
    return made
