"""What every filling method asks of its input."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sayre.errors import InputError


def check(log_counts: NDArray[np.float32], mask: NDArray[np.bool_]) -> None:
    """Raise `InputError` unless counts and mask are 2D or 3D, alike, and not masked throughout.

    Parameters
    ----------
    log_counts
        `log(1 + I)`, float32, 2D or 3D; masked entries are ignored.
    mask
        bool, same shape; True where not measured.
    """
    if log_counts.shape != mask.shape or log_counts.ndim not in (2, 3):
        found = f"counts {log_counts.shape} and mask {mask.shape}"
        raise InputError(f"inpaint: {found} must be of one shape, 2D or 3D")
    if mask.all():
        raise InputError("inpaint: every voxel is masked; at least one must be measured")
