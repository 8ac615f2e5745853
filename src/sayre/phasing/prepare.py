"""Before phasing: the peak centred, the array no larger than it need be, oversampling checked."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from sayre.data import FilledPattern, Pattern
from sayre.data.interpolate import linear_fill
from sayre.errors import InputError, SayreWarning
from sayre.phasing.engine.support import autocorrelation

Measured = Pattern | FilledPattern

LEAST_COUNTS = 1000
SATURATED = 8
"""So many voxels at exactly the highest count, touching the peak, are taken for saturation."""


def centred(pattern: Measured) -> tuple[Measured, tuple[int, ...]]:
    """The largest box around the brightest voxel that has it at `n // 2`, of sizes that FFTs like.

    Returns
    -------
    The pattern, cropped and nowhere padded or interpolated, and the first voxel of the box.

    Raises
    ------
    InputError
        The peak is so near a border that less than half of the array would be left on an axis.

    Warns
    -----
    SayreWarning
        What was cut off.
    """
    counts = pattern.intensity
    what = unfilled(pattern).meta.source or "pattern"
    peak = np.unravel_index(int(np.argmax(counts)), counts.shape)
    box = []
    for axis, (c, n) in enumerate(zip((int(p) for p in peak), counts.shape, strict=True)):
        half = min(c, n - c)
        size = next((s for s in range(2 * half, 0, -2) if s == scipy.fft.next_fast_len(s)), 0)
        if size < max(n // 2, 4):
            raise InputError(
                f"{what}: the peak is at {c} of {n} on axis {axis}, too near the border to centre; "
                "crop the array around it or pad it with masked voxels"
            )
        box.append(slice(c - size // 2, c - size // 2 + size))
    if any(s.start or s.stop != n for s, n in zip(box, counts.shape, strict=True)):
        shape = tuple(s.stop - s.start for s in box)
        warnings.warn(
            f"{what}: centred on its peak, {counts.shape} cut to {shape}", SayreWarning, stacklevel=2
        )
    return crop(pattern, tuple(box)), tuple(s.start for s in box)


def around_peak(pattern: Measured, size: int) -> Measured:
    """The `size` voxels a side around the brightest voxel, fewer where the array ends on either side.

    Raises
    ------
    InputError
        Fewer than 8 voxels.
    """
    if size < 8:
        raise InputError(f"crop: {size} voxels are too few; 8 or more")
    counts = pattern.intensity
    peak = [int(p) for p in np.unravel_index(int(np.argmax(counts)), counts.shape)]
    halves = [min(size // 2, c, n - c) for c, n in zip(peak, counts.shape, strict=True)]
    return crop(pattern, tuple(slice(c - h, c + h) for c, h in zip(peak, halves, strict=True)))


def unfilled(pattern: Measured) -> Pattern:
    """The pattern as it was measured."""
    return pattern.pattern if isinstance(pattern, FilledPattern) else pattern


def crop(pattern: Measured, box: tuple[slice, ...]) -> Measured:
    """Part of a pattern."""
    if isinstance(pattern, FilledPattern):
        inner = crop(pattern.pattern, box)
        assert isinstance(inner, Pattern)
        return replace(pattern, pattern=inner, intensity=pattern.intensity[box], sigma=pattern.sigma[box])
    return replace(pattern, intensity=pattern.intensity[box], mask=pattern.mask[box])


def first_fill(pattern: Measured) -> NDArray[np.float32]:
    """Counts with gaps as they were filled, else linear in log(1 + I): for the autocorrelation."""
    if isinstance(pattern, FilledPattern) or not pattern.mask.any():
        return pattern.intensity
    return np.asarray(np.expm1(linear_fill(np.log1p(pattern.intensity), pattern.mask)), np.float32)


def oversampling(intensity: NDArray[np.float32], threshold: float = 0.02) -> tuple[float, ...]:
    """Oversampling ratio of each axis: array length over that of the object, half its autocorrelation's.

    The extent of the autocorrelation is where it exceeds `threshold` of its maximum and its noise eightfold,
    on lines through its centre. An object longer than half the array wraps around and reads 1.
    """
    shadow, noise = autocorrelation(intensity)
    level = max(threshold * float(shadow.max()), 8 * noise)
    ratios = []
    for axis, n in enumerate(shadow.shape):
        line = shadow[tuple(slice(None) if i == axis else m // 2 for i, m in enumerate(shadow.shape))]
        inside = line > level
        first_out = [
            int(np.argmin(np.append(side, False))) for side in (inside[n // 2 :], inside[n // 2 :: -1])
        ]
        ratios.append(n / max(first_out) if max(first_out) < n // 2 else 1.0)
    return tuple(ratios)


def check(pattern: Measured) -> tuple[float, ...]:
    """Refuse what cannot be phased; returns the oversampling ratio of each axis.

    Raises
    ------
    InputError
        Fewer than 1,000 counts, oversampling below 2 on an axis, or a mask over the centre of counts
        that nothing filled.

    Warns
    -----
    SayreWarning
        An autocorrelation whose weak tail fills the array, a saturated peak.
    """
    measured = unfilled(pattern)
    what, counts = measured.meta.source or "pattern", measured.intensity
    total = float(counts.sum(dtype=np.float64))
    if total < LEAST_COUNTS:
        raise InputError(f"{what}: {total:.0f} counts in all; phasing needs {LEAST_COUNTS} or more")
    middle = tuple(n // 2 for n in counts.shape)
    near = tuple(slice(m - 1, m + 2) for m in middle)
    if isinstance(pattern, Pattern) and measured.mask[near].all():
        raise InputError(f"{what}: the mask covers the centre of the peak; fill it first with sayre inpaint")
    intensity = first_fill(pattern)
    ratios, surely = oversampling(intensity), oversampling(intensity, threshold=0.1)
    shown = ", ".join(f"{r:.2f}" for r in ratios)
    if min(surely) < 2:
        raise InputError(
            f"{what}: oversampling ratio {shown} (1: the object's autocorrelation fills the array); "
            "below 2 the phase is not determined; measure with finer steps or from farther, and do not bin"
        )
    if min(ratios) < 2:
        warnings.warn(
            f"{what}: oversampling ratio {shown}: the autocorrelation nearly fills the array; "
            "a poorly filled gap or too coarse a measurement",
            SayreWarning,
            stacklevel=2,
        )
    top = counts == counts.max()
    if int(top[tuple(slice(m - 4, m + 5) for m in middle)].sum()) >= SATURATED:
        warnings.warn(
            f"{what}: {int(top.sum())} voxels hold the same highest count {counts.max():.0f}; "
            "if the detector saturated, mask and fill them",
            SayreWarning,
            stacklevel=2,
        )
    return ratios
