"""Preparation for phase retrieval: centre the peak, crop the array, and check counts and oversampling."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from sayre.data import AnyPattern, FilledPattern, Pattern
from sayre.detectors.hygiene import cleaned
from sayre.errors import InputError, note, warn
from sayre.numerics.interpolate import linear_fill
from sayre.retrieval.engine.support import autocorrelation, initial_support
from sayre.retrieval.padding import frames_to_add, padded
from sayre.retrieval.peaks import peak_of
from sayre.retrieval.sampling import ratios_text, sampling

LEAST_COUNTS = 1000
"""Least sum of counts that is phased."""
FEW_PHOTONS = 30
"""Counts for each voxel of the object below which a warning is issued: the relative error of V voxels from N
counts is at least √(V/2N)."""
SMALL = 32
"""Voxels of a side below which a part of the counts may be too small, rather than measured too coarsely."""
SATURATED = 8
"""Number of voxels near the peak with exactly the highest count from which on saturation is suspected."""


def centred(pattern: AnyPattern) -> AnyPattern:
    """Crop a pattern to the largest box with its peak (see `peak_of`) at `n // 2`, of sizes fast for FFTs.

    Where that would cut away more than a quarter of the frames of a scan, unmeasured ones are added instead.

    Returns
    -------
    Pattern or FilledPattern
        The pattern, not interpolated.

    Raises
    ------
    InputError
        The peak is so near a border that less than half of the array would be left on an axis; as `cleaned`.

    Warns
    -----
    SayreWarning
        Voxels are cut off, frames are added, or there is a second peak; as `cleaned`.
    """
    pattern = cleaned(pattern)
    counts, what = pattern.intensity, pattern.name

    def sizes(place: tuple[int, ...]) -> list[int]:
        halves = [min(c, n - c) for c, n in zip(place, counts.shape, strict=True)]
        return [next((s for s in range(2 * h, 0, -2) if s == scipy.fft.next_fast_len(s)), 0) for h in halves]

    def cut_too_far(place: tuple[int, ...]) -> list[int]:
        near = [
            a for a, (s, n) in enumerate(zip(sizes(place), counts.shape, strict=True)) if s < max(n // 2, 4)
        ]
        return [a for a in near if a or counts.ndim < 3 or not any(frames_to_add(place[0], len(counts)))]

    peak = peak_of(pattern, lambda place: not cut_too_far(place))
    for axis in cut_too_far(peak):
        raise InputError(
            f"{what}: the peak is at {peak[axis]} of {counts.shape[axis]} on axis {axis}, too near the "
            "border to centre; crop the array around the peak (`Pattern.crop`), or pad it with masked voxels"
        )
    before, after = frames_to_add(peak[0], len(counts)) if counts.ndim == 3 else (0, 0)
    if before or after:
        where = " and ".join(f"{n} {side}" for n, side in ((before, "before"), (after, "after")) if n)
        warn(
            f"{what}: the peak is at frame {peak[0]} of {len(counts)}; unmeasured frames are added, {where} "
            "the scan, so that it is in the middle and none is cut off"
        )
        pattern = padded(pattern, before, after)
        counts, peak = pattern.intensity, (peak[0] + before, *peak[1:])
    box = [slice(c - s // 2, c - s // 2 + s) for c, s in zip(peak, sizes(peak), strict=True)]
    if any(s.start or s.stop != n for s, n in zip(box, counts.shape, strict=True)):
        shape = tuple(s.stop - s.start for s in box)
        note(f"{what}: cropped from {counts.shape} to {shape} voxels, so that its peak is in the middle")
    return pattern.crop(tuple(box))


def around_peak(pattern: AnyPattern, size: int | tuple[int, ...]) -> AnyPattern:
    """Crop a pattern to a box around its peak, which is smaller where the array ends on either side.

    Parameters
    ----------
    pattern
        2D or 3D counts, measured or filled.
    size
        Voxels of the box along each axis, one number for all or one for each.

    Raises
    ------
    InputError
        Fewer than 8 voxels; as `cleaned`.

    Warns
    -----
    SayreWarning
        The array ends inside the box, or there is a second peak; as `cleaned`.
    """
    sizes = (size,) * len(pattern.shape) if isinstance(size, int) else size
    if min(sizes) < 8:
        raise InputError(f"crop: {min(sizes)} voxels are too few; 8 or more are needed")
    if len(sizes) != len(pattern.shape):
        raise InputError(
            f"crop: {len(sizes)} numbers of voxels for the {len(pattern.shape)} axes of the counts"
        )
    pattern = cleaned(pattern)
    peak = peak_of(pattern)
    halves = [min(s // 2, c, n - c) for s, c, n in zip(sizes, peak, pattern.shape, strict=True)]
    if any(half < s // 2 for half, s in zip(halves, sizes, strict=True)):
        taken = " × ".join(str(2 * half) for half in halves)
        warn(
            f"{pattern.name}: crop {size}: the array of {pattern.shape} voxels ends before that on a side of "
            f"the peak; {taken} voxels are taken"
        )
    return pattern.crop(tuple(slice(c - h, c + h) for c, h in zip(peak, halves, strict=True)))


def first_fill(pattern: AnyPattern) -> NDArray[np.float32]:
    """Return counts without gaps for the autocorrelation.

    Gaps of a filled pattern are as it fills them; those of a measured one are filled by linear interpolation
    of log(1 + I).
    """
    if isinstance(pattern, FilledPattern) or not pattern.mask.any():
        return pattern.intensity
    return np.asarray(np.expm1(linear_fill(np.log1p(pattern.intensity), pattern.mask)), np.float32)


def bright_ratios(intensity: NDArray[np.float32], threshold: float = 0.02) -> tuple[float, ...]:
    """Compute the ratio of each axis that the shape network takes: array length over half the bright extent.

    The bright extent of the autocorrelation is where it exceeds `threshold` times its maximum and 8 times its
    noise, on lines through its centre: that of the whole object without strain, else shorter. Where it has no
    end in the array the ratio is 2, the least of an object that can be phased. A user is given the
    estimate of `sayre.retrieval.sampling.sampling` instead.

    Parameters
    ----------
    intensity
        float32, centred counts with filled gaps.
    threshold
        Fraction of the maximum of the autocorrelation.
    """
    modulus, noise = autocorrelation(intensity)
    level = max(threshold * float(modulus.max()), 8 * noise)
    ratios = []
    for axis, n in enumerate(modulus.shape):
        line = modulus[tuple(slice(None) if i == axis else m // 2 for i, m in enumerate(modulus.shape))]
        inside = line > level
        first_out = [
            int(np.argmin(np.append(side, False))) for side in (inside[n // 2 :], inside[n // 2 :: -1])
        ]
        ratios.append(n / max(first_out) if max(first_out) < n // 2 else 2.0)
    return tuple(ratios)


def not_below_zero(pattern: AnyPattern) -> AnyPattern:
    """Return counts with zeros in place of negative ones, which only noise makes; their `readout` stays.

    `sayre.retrieval.engine.bounds.amplitude_bounds` takes dark voxels for what they are.
    """
    if not pattern.measured.readout:
        return pattern
    counts = replace(pattern.measured, intensity=np.maximum(pattern.measured.intensity, 0))
    if not isinstance(pattern, FilledPattern):
        return counts
    return replace(pattern, pattern=counts, intensity=np.maximum(pattern.intensity, 0))


def check(pattern: AnyPattern, *, part: bool = False) -> tuple[float, ...]:
    """Check that a centred pattern can be phased, and return the oversampling ratio of each axis.

    The ratio is NaN where it could not be estimated.

    Parameters
    ----------
    pattern
        2D or 3D counts, as `centred` returns them.
    part
        Whether they are a part that was taken of more counts.

    Raises
    ------
    InputError
        Fewer than 1,000 counts, no object in the autocorrelation, or an oversampling ratio below 2, or too
        small a part.

    Warns
    -----
    SayreWarning
        The oversampling could not be estimated, the counts are few for an object of this size, the peak may
        be saturated, or the peak may lie in a gap that is not filled.
    """
    measured, what = pattern.measured, pattern.name
    total = float(measured.intensity.sum(dtype=np.float64))
    if total < LEAST_COUNTS:
        raise InputError(f"{what}: {total:.0f} counts in all; phase retrieval needs {LEAST_COUNTS} or more")
    intensity = first_fill(pattern)
    _check_photons(intensity, what)
    ratios = _check_oversampling(pattern, part)
    _check_peak(pattern, what)
    return ratios


def photons(intensity: NDArray[np.float32]) -> tuple[float, float, int]:
    """Estimate the counts of the object, their noise, and the voxels of the object, from its autocorrelation.

    A constant background and white noise contribute to the middle voxel of the autocorrelation alone, so that
    the voxels beside it give the counts of the object, slightly too low. The number of voxels is too low as
    well, by half and more where noise hides the weak end of the autocorrelation.
    """
    modulus, noise = autocorrelation(intensity)
    middle = tuple(n // 2 for n in modulus.shape)
    beside = [
        float(modulus[tuple(m + (i == axis) for i, m in enumerate(middle))]) for axis in range(modulus.ndim)
    ]
    size = modulus.size
    return max(beside) * size, noise * size, int(initial_support(intensity).sum())


def _check_photons(intensity: NDArray[np.float32], what: str) -> None:
    """Refuse counts that show no object, and warn of few counts."""
    signal, noise, voxels = photons(intensity)
    if signal < 8 * noise:
        raise InputError(
            f"{what}: the autocorrelation shows no object: {signal:.0f} counts beside its middle, where the "
            f"noise is {noise:.0f}; the counts are noise or a background, and a longer measurement is needed"
        )
    if signal < FEW_PHOTONS * voxels:
        warn(
            f"{what}: {signal:.0f} counts for an object of at least {voxels} voxels, {signal / voxels:.1f} "
            f"for each; below {FEW_PHOTONS} photon noise limits the result: count longer, or take a smaller "
            "part around the peak (`Pattern.crop`)"
        )


def _check_oversampling(pattern: AnyPattern, part: bool) -> tuple[float, ...]:
    """Refuse counts that are too coarse beyond doubt, and warn where that cannot be told."""
    measured, what = pattern.measured, pattern.name
    top = _saturated(measured)
    found = sampling(measured if top is None else measured.with_mask(top))
    shown = ratios_text([one.ratio for one in found])
    coarse = [axis for axis, one in enumerate(found) if one.coarse and top is None]
    if coarse:
        axes, tails = (
            " and ".join(texts)
            for texts in (map(str, coarse), (f"{100 * found[axis].tail:.0f}" for axis in coarse))
        )
        fills = f"the autocorrelation fills the array, with {tails} % of its modulus at the largest lags"
        unbinned = ", and do not bin (`binning=`)" if measured.meta.binning else ""
        if part and min(measured.shape[axis] for axis in coarse) < SMALL:
            size = " × ".join(map(str, measured.shape))
            raise InputError(
                f"{what}: the part of {size} voxels around the peak is too small on axis {axes}: {fills}; "
                f"take {SMALL} voxels a side or more (`Pattern.crop`){unbinned}"
            )
        raise InputError(
            f"{what}: oversampling ratio below 2 on axis {axes}: {fills}; the phase is not determined; "
            f"measure with finer steps or from farther{unbinned} (all axes: {shown})"
        )
    unknown = [str(axis) for axis, one in enumerate(found) if math.isnan(one.ratio)]
    if unknown:
        which = "the oversampling ratio could not be estimated on any axis"
        if len(unknown) < len(found):
            which = f"oversampling ratio {shown}: on axis {' and '.join(unknown)} it could not be estimated"
        warn(
            f"{what}: {which}, "
            "for the autocorrelation has no end in the array: noise, a gap, a second crystal, or too coarse "
            "a measurement, whose phase is not determined"
        )
    return tuple(one.ratio for one in found)


def _saturated(pattern: Pattern) -> NDArray[np.bool_] | None:
    """Voxels that hold the highest count, where so many near the peak do that the detector saturated."""
    top = pattern.intensity == pattern.intensity.max()
    near = tuple(slice(n // 2 - 4, n // 2 + 5) for n in pattern.shape)
    return top if int(top[near].sum()) >= SATURATED else None


def _check_peak(pattern: AnyPattern, what: str) -> None:
    """Warn of a peak that may have saturated the detector, or may lie in a gap."""
    measured = pattern.measured
    counts, middle = measured.intensity, [n // 2 for n in measured.shape]
    beside = tuple(slice(m - 1, m + 2) for m in middle)
    hidden = 0 if isinstance(pattern, FilledPattern) else int(measured.mask[beside].sum())
    if hidden:
        warn(
            f"{what}: {hidden} of the {measured.mask[beside].size} voxels around the peak are masked, so "
            "that its middle may lie in the gap; fill the gap first, by sayre inpaint or sayre run"
        )
    top = _saturated(measured)
    if top is not None:
        warn(
            f"{what}: {int(top.sum())} voxels have the same highest count {counts.max():.0f}; if the "
            "detector was saturated, mask and fill them"
        )
