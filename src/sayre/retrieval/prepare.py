"""Before phasing: the peak centred, the array no larger than it need be, oversampling checked."""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from sayre.data import AnyPattern, FilledPattern
from sayre.detectors.hygiene import cleaned
from sayre.errors import InputError, warn
from sayre.numerics.interpolate import linear_fill
from sayre.retrieval.engine.support import autocorrelation, initial_support

LEAST_COUNTS = 1000
FEW_PHOTONS = 30
"""Counts for each voxel of the object below which noise decides: V voxels from N counts are off by √(V/2N)
of their norm at the least, and in trials of two blocks the correlation with the truth fell below 0.94."""
SATURATED = 8
"""So many voxels at exactly the highest count, touching the peak, are taken for saturation."""


def centred(pattern: AnyPattern) -> AnyPattern:
    """The largest box around the peak (see `peak_of`) that has it at `n // 2`, of sizes that FFTs like.

    Returns
    -------
    The pattern, cropped and nowhere padded or interpolated.

    Raises
    ------
    InputError
        As `cleaned`; or the peak is so near a border that less than half of the array would be left on an
        axis.

    Warns
    -----
    SayreWarning
        What was cut off; as `cleaned`.
    """
    pattern = cleaned(pattern)
    counts, what = pattern.intensity, pattern.name
    box = []
    for axis, (c, n) in enumerate(zip(peak_of(counts), counts.shape, strict=True)):
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
        warn(f"{what}: centred on its peak, {counts.shape} cut to {shape}")
    return pattern.crop(tuple(box))


def around_peak(pattern: AnyPattern, size: int) -> AnyPattern:
    """The `size` voxels a side around the peak, fewer where the array ends on either side.

    Raises
    ------
    InputError
        Fewer than 8 voxels; as `cleaned`.
    """
    if size < 8:
        raise InputError(f"crop: {size} voxels are too few; 8 or more")
    pattern = cleaned(pattern)
    peak = peak_of(pattern.intensity)
    halves = [min(size // 2, c, n - c) for c, n in zip(peak, pattern.shape, strict=True)]
    if min(halves) < size // 2:
        taken = " × ".join(str(2 * half) for half in halves)
        warn(f"{pattern.name}: crop {size}: the array {pattern.shape} ends sooner; {taken} voxels are taken")
    return pattern.crop(tuple(slice(c - h, c + h) for c, h in zip(peak, halves, strict=True)))


def first_fill(pattern: AnyPattern) -> NDArray[np.float32]:
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


def check(pattern: AnyPattern) -> tuple[float, ...]:
    """Refuse what cannot be phased, of a centred pattern; returns the oversampling ratio of each axis.

    Raises
    ------
    InputError
        Fewer than 1,000 counts, no object in the autocorrelation, or oversampling below 2 on an axis.

    Warns
    -----
    SayreWarning
        An autocorrelation whose weak tail fills the array, few counts for an object of this size, a saturated
        peak, a peak that may lie in a gap that nothing filled.
    """
    measured, what = pattern.measured, pattern.name
    total = float(measured.intensity.sum(dtype=np.float64))
    if total < LEAST_COUNTS:
        raise InputError(f"{what}: {total:.0f} counts in all; phasing needs {LEAST_COUNTS} or more")
    intensity = first_fill(pattern)
    _check_photons(intensity, what)
    ratios = _check_oversampling(intensity, what)
    _check_middle(pattern, what)
    return ratios


def photons(intensity: NDArray[np.float32]) -> tuple[float, float, int]:
    """Counts of the object, their noise, and the voxels of the object, as the autocorrelation has them.

    A constant background and white noise are in the autocorrelation's middle voxel alone, so that the one
    beside it tells the counts of the object, a little too low. So are the voxels, by half and more where
    noise hides the weak end of the autocorrelation.
    """
    shadow, noise = autocorrelation(intensity)
    middle = tuple(n // 2 for n in shadow.shape)
    beside = [
        float(shadow[tuple(m + (i == axis) for i, m in enumerate(middle))]) for axis in range(shadow.ndim)
    ]
    size = shadow.size
    return max(beside) * size, noise * size, int(initial_support(intensity).sum())


def _check_photons(intensity: NDArray[np.float32], what: str) -> None:
    signal, noise, voxels = photons(intensity)
    if signal < 8 * noise:
        raise InputError(
            f"{what}: the autocorrelation shows no object: {signal:.0f} counts beside its middle, noise has "
            f"{noise:.0f}; the counts are noise or a background, a longer measurement would do"
        )
    if signal < FEW_PHOTONS * voxels:
        warn(
            f"{what}: {signal:.0f} counts for an object of at least {voxels} voxels, {signal / voxels:.1f} "
            f"each; below {FEW_PHOTONS} photon noise decides much of the result: count longer or --crop"
        )


def _check_oversampling(intensity: NDArray[np.float32], what: str) -> tuple[float, ...]:
    ratios, surely = oversampling(intensity), oversampling(intensity, threshold=0.1)
    shown = ", ".join(f"{r:.2f}" for r in ratios)
    if min(surely) < 2:
        raise InputError(
            f"{what}: oversampling ratio {shown} (1: the object's autocorrelation fills the array); "
            "below 2 the phase is not determined; measure with finer steps or from farther, and do not bin"
        )
    if min(ratios) < 2:
        warn(
            f"{what}: oversampling ratio {shown}: the autocorrelation nearly fills the array; "
            "a poorly filled gap or too coarse a measurement"
        )
    return ratios


def _check_middle(pattern: AnyPattern, what: str) -> None:
    """Warn of a peak that saturated the detector, or may not have been seen."""
    measured = pattern.measured
    counts, middle = measured.intensity, [n // 2 for n in measured.shape]
    beside, near = (tuple(slice(m - r, m + r + 1) for m in middle) for r in (1, 4))
    hidden = 0 if isinstance(pattern, FilledPattern) else int(measured.mask[beside].sum())
    if hidden:
        warn(
            f"{what}: of {measured.mask[beside].size} voxels around the peak {hidden} are masked: its middle "
            "may lie in the gap; sayre inpaint fills it, and so does sayre run"
        )
    top = counts == counts.max()
    if int(top[near].sum()) >= SATURATED:
        warn(
            f"{what}: {int(top.sum())} voxels hold the same highest count {counts.max():.0f}; "
            "if the detector saturated, mask and fill them"
        )


def peak_of(counts: NDArray[np.float32]) -> tuple[int, ...]:
    """The voxel nearest to the centroid of squared counts.

    Of a crystal with little strain that is the brightest one. Strain splits the peak into many, of which the
    brightest may be far from the middle; and background, which would draw a centroid of counts to the
    middle of the array, hardly weighs in squares.
    """
    weight = counts.astype(np.float64) ** 2
    total = float(weight.sum())
    return tuple(
        int(np.rint(np.arange(n) @ weight.sum(tuple(i for i in range(counts.ndim) if i != axis)) / total))
        for axis, n in enumerate(counts.shape)
    )
