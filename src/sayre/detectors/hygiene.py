"""Counts that no crystal scattered: hot pixels that outshine the peak, and patterns without one."""

from __future__ import annotations

import numpy as np
import scipy.special
from numpy.typing import NDArray

from sayre.data import AnyPattern, FilledPattern
from sayre.errors import InputError, warn

LONE = 0.1
"""Part of its own counts that the neighbours of a peak have at least: cos²(π/σ), σ the oversampling, bounds
a function with no frequency beyond 1/σ a voxel from below; a crystal of plain shape has 0.4 and more."""
LEAST_CHANCE = 1e-3


def cleaned(pattern: AnyPattern) -> AnyPattern:
    """The pattern with hot pixels that outshine its peak masked.

    Raises
    ------
    InputError
        No peak: the brightest voxel is no brighter than the Poisson noise of constant counts would have it.
        A hot pixel in counts that are filled already.

    Warns
    -----
    SayreWarning
        What was masked.
    """
    counts, what = pattern.intensity, pattern.name
    hot = lone(counts, pattern.measured.mask & (counts == 0))
    top = float(counts.max(where=~hot, initial=0))
    hot &= counts > top
    _require_peak(pattern, top, hot, what)
    if not hot.any():
        return pattern
    found = (
        f"{what}: voxels alone in their frame outshine the peak of {top:.0f} counts: {int(hot.sum())}, "
        f"the first at {_place(np.argwhere(hot)[0])}; hot pixels, or too coarse a measurement"
    )
    if isinstance(pattern, FilledPattern):
        raise InputError(f"{found}; give a `mask=` of them and fill again")
    warn(f"{found}; masked")
    return pattern.with_mask(hot)


def lone(counts: NDArray[np.float32], unknown: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Voxels that no neighbour in their frame (last two axes) comes near, beyond what chance would do.

    Sampled finely enough for phasing, counts cannot fall so steeply: see `LONE`. A hot pixel is lone in each
    of its frames; a peak that fills one frame of a coarse rocking curve is not. `unknown` neighbours count as
    bright.

    Parameters
    ----------
    counts
        float32, 2D or 3D; the last two axes are those of a frame.
    unknown
        bool, same shape; True where nothing was measured.
    """
    known = np.where(unknown, np.float32(np.inf), counts)
    frame = [(0, 0)] * (counts.ndim - 2) + [(1, 1)] * 2
    around = np.pad(known, frame)
    nearest = np.zeros_like(counts)
    for rows, columns in ((0, 1), (2, 1), (1, 0), (1, 2)):
        m, n = counts.shape[-2:]
        np.maximum(nearest, around[..., rows : rows + m, columns : columns + n], out=nearest)
    return np.asarray(LONE * counts > nearest + 4 * np.sqrt(nearest + 1))


def _require_peak(pattern: AnyPattern, top: float, hot: NDArray[np.bool_], what: str) -> None:
    measured = pattern.measured
    seen = ~(measured.mask | hot)
    mean, voxels = float(measured.intensity.mean(where=seen, dtype=np.float64)), int(seen.sum())
    chance = float(scipy.special.gammainc(top, mean)) if top > 0 else 1.0  # that a voxel has `top` or more
    if chance * voxels > LEAST_CHANCE:
        raise InputError(
            f"{what}: no peak: the brightest voxel has {top:.0f} counts, no more than noise of {mean:.3g} a "
            "voxel has; counts of a Bragg peak would do"
        )


def _place(index: NDArray[np.intp]) -> str:
    return "(" + ", ".join(map(str, index)) + ")"
