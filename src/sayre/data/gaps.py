"""Gaps of a mask: how wide each is across, and what kind of thing it is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

UNBOUNDED = int(np.iinfo(np.int32).max)
"""Run length of a masked run that reaches the border of the array: its far side is not known."""


def run_lengths(mask: NDArray[np.bool_], axis: int) -> NDArray[np.int32]:
    """Length of the masked run through each voxel along `axis`.

    Parameters
    ----------
    mask
        bool, any shape; True = not measured.
    axis
        Axis the runs lie along.

    Returns
    -------
    int32, same shape: voxels of the run in masked voxels, `UNBOUNDED` in runs that touch the
    border of the array, 0 in measured voxels.
    """
    n = mask.shape[axis]
    index = np.arange(n, dtype=np.int32).reshape(
        [n if k == axis % mask.ndim else 1 for k in range(mask.ndim)]
    )
    before = np.maximum.accumulate(np.where(mask, np.int32(-1), index), axis=axis)
    after = np.flip(np.where(mask, np.int32(n), index), axis)
    after = np.flip(np.minimum.accumulate(after, axis=axis), axis)
    length = np.where((before < 0) | (after >= n), np.int32(UNBOUNDED), after - before - 1)
    return np.where(mask, length, np.int32(0))
