"""Frames that were not measured, put before or after a scan whose peak is near its beginning or its end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from sayre.data import AnyPattern, FilledPattern

KEPT = 0.75
"""Share of the frames that centring by a cut must keep, or frames are added instead."""
LEAST = 4
"""Frames on either side of the peak at least."""
WIDE_OPEN = 10.0
"""Standard error of log(1 + I) of frames that are added to filled counts: nothing is known there."""


def frames_to_add(place: int, frames: int) -> tuple[int, int]:
    """How many frames before and after put the peak of a scan in its middle; none where a cut loses little.

    Parameters
    ----------
    place
        Frame of the peak.
    frames
        Of the scan.
    """
    short, long = sorted((place, frames - place))
    if 2 * short >= KEPT * frames or short < LEAST:
        return 0, 0
    size = 2 * scipy.fft.next_fast_len(long)
    before = size // 2 - place
    return before, size - frames - before


def padded(pattern: AnyPattern, before: int, after: int) -> AnyPattern:
    """The pattern with unmeasured frames before and after.

    Parameters
    ----------
    pattern
        3D counts, measured or filled.
    before, after
        How many frames.
    """

    def wider(array: NDArray[Any], value: Any) -> NDArray[Any]:
        pad = [(before, after), (0, 0), (0, 0)]
        return np.pad(array, pad, constant_values=value)

    measured = pattern.measured
    first, *others = measured.meta.origin or (0, 0, 0)
    step = 1 if measured.meta.binning is None else measured.meta.binning[0]
    meta = replace(measured.meta, origin=(first - before * step, *others))
    counts = replace(
        measured, intensity=wider(measured.intensity, 0), mask=wider(measured.mask, True), meta=meta
    )
    if not isinstance(pattern, FilledPattern):
        return counts
    sigma = wider(pattern.sigma, np.float32(WIDE_OPEN))
    return replace(pattern, pattern=counts, intensity=wider(pattern.intensity, 0), sigma=sigma)
