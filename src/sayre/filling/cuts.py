"""Gaps that are cut into measured counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sayre.data import Pattern
from sayre.data.option import SettingError
from sayre.errors import InputError


def cut_gap(pattern: Pattern, axis: int, position: int, width: int) -> tuple[Pattern, NDArray[np.bool_]]:
    """Mask the planes `position … position + width − 1` along `axis`.

    Parameters
    ----------
    pattern
        Measured where the gap is cut.
    axis
        Across the gap.
    position
        First plane of the gap.
    width
        Planes.

    Returns
    -------
    The pattern with the gap, and which of its voxels were measured before.

    Raises
    ------
    InputError
        An axis or a position outside the array, or no measured voxel to compare with.
    """
    what = pattern.name
    if not 0 <= axis < len(pattern.shape):
        raise InputError(f"{what}: axis {axis} of {len(pattern.shape)}-dimensional counts; 0 is the first")
    if width < 1 or not 1 <= position <= pattern.shape[axis] - width - 1:
        raise InputError(
            f"{what}: a gap of {width} at {position} does not lie inside axis {axis} of {pattern.shape[axis]}"
        )
    gap = np.zeros(pattern.shape, bool)
    gap[tuple(slice(position, position + width) if i == axis else slice(None) for i in range(gap.ndim))] = (
        True
    )
    known = gap & ~pattern.mask
    if not known.any():
        raise InputError(f"{what}: nothing was measured in the gap asked for; choose another `position=`")
    return pattern.with_mask(gap), known


def spread_positions(pattern: Pattern, *, axis: int, width: int) -> list[int]:
    """Eight gap positions along `axis`, half of them within ten voxels of the brightest, that stay inside.

    Parameters
    ----------
    pattern
        Where the gaps are to be cut.
    axis
        Across the gaps.
    width
        Planes of a gap.
    """
    if not 0 <= axis < len(pattern.shape):
        raise SettingError("axis", f"{axis} of {len(pattern.shape)}-dimensional counts; 0 is the first")
    n = pattern.shape[axis]
    peak = int(np.unravel_index(np.argmax(pattern.intensity), pattern.shape)[axis])
    centres = [peak + offset for offset in (-36, -28, -20, -8, -4, 4, 8, 20, 28, 36)]
    inside = sorted({c - (width - 1) // 2 for c in centres})
    return [p for p in inside if 1 <= p <= n - width - 1] or [max((n - width) // 2, 1)]
