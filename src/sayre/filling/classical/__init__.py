"""Filling by interpolation alone: the yardsticks that wiener and the networks are judged by.

All work on `log(1 + I)`, 2D or 3D, with a mask of any shape (True = not measured), and return float32 with
measured voxels as they came and masked ones finite and non-negative.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from sayre.filling.classical import biharmonic, cubic
from sayre.filling.classical.checks import check
from sayre.numerics.interpolate import linear_fill as _linear
from sayre.numerics.progress import Advance

Log = NDArray[np.float32]
Mask = NDArray[np.bool_]


class Fill(Protocol):
    """Signature of every method in `CLASSICAL`; `progress` is called with the fraction done."""

    def __call__(self, log_counts: Log, mask: Mask, *, progress: Advance | None = None) -> Log: ...


def nearest_fill(log_counts: Log, mask: Mask, *, progress: Advance | None = None) -> Log:
    """The nearest measured voxel by Euclidean distance in voxels.

    Parameters
    ----------
    log_counts
        `log(1 + I)`, float32, 2D or 3D; masked entries are ignored.
    mask
        bool, same shape; True where not measured.
    progress
        Called with the fraction done.
    """
    check(log_counts, mask)
    filled = np.array(log_counts, np.float32)
    nearest = distance_transform_edt(mask, return_distances=False, return_indices=True)
    filled[mask] = log_counts[tuple(index[mask] for index in nearest)]
    return _done(filled, progress)


def linear_fill(log_counts: Log, mask: Mask, *, progress: Advance | None = None) -> Log:
    """`interpolate.linear_fill` with the common signature.

    Parameters
    ----------
    log_counts
        `log(1 + I)`, float32, 2D or 3D; masked entries are ignored.
    mask
        bool, same shape; True where not measured.
    progress
        Called with the fraction done.
    """
    check(log_counts, mask)
    return _done(_linear(np.where(mask, np.float32(0), log_counts), mask), progress)


def cubic_fill(log_counts: Log, mask: Mask, *, progress: Advance | None = None) -> Log:
    """`cubic.cubic_fill` with the common signature.

    Parameters
    ----------
    log_counts
        `log(1 + I)`, float32, 2D or 3D; masked entries are ignored.
    mask
        bool, same shape; True where not measured.
    progress
        Called with the fraction done.
    """
    return _done(cubic.cubic_fill(log_counts, mask), progress)


def _done(filled: Log, progress: Advance | None) -> Log:
    if progress:
        progress(1.0)
    return filled


CLASSICAL: dict[str, Fill] = {
    "nearest": nearest_fill,
    "linear": linear_fill,
    "cubic": cubic_fill,
    "biharmonic": biharmonic.biharmonic_fill,
}
