"""Patterns to phase: simulated crystals with and without a cross gap, and a measured peak."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sayre import files
from sayre.data import Pattern
from sayre.detectors import masks
from sayre.errors import SayreWarning
from sayre.retrieval.prepare import around_peak
from sayre.simulation.peak import simulate

SEED = 20_250_412
GAP = 6
OFFSETS = (5, -12)
"""Where the planes of the cross gap begin on rows and columns, from the middle."""
MEASURED_SIDE = 96


@dataclass(frozen=True)
class Case:
    """A pattern, and the centred object it came from where that is known."""

    name: str
    pattern: Pattern
    truth: NDArray[np.complex64] | None = None


def make(name: str, measured: Path | None) -> Case:
    """`simN` is an N³ crystal from atoms, `simN-cross` the same with gaps, `measured` the file's main peak.

    Raises
    ------
    ValueError
        Any other name, or a measured case without a file.
    """
    if name == "measured":
        if measured is None:
            raise ValueError("no --measured FILE")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SayreWarning)
            whole = files.load(measured)
        cut = around_peak(whole, MEASURED_SIDE)
        assert isinstance(cut, Pattern)
        return Case(name, cut)
    match = re.fullmatch(r"sim(\d+)(-cross)?", name)
    if match is None:
        raise ValueError("a case is measured, simN or simN-cross, N voxels a side")
    side = int(match[1])
    pattern, truth = crystal(side)
    if match[2]:
        starts = (side // 2 + OFFSETS[0], side // 2 + OFFSETS[1])
        pattern = pattern.with_mask(masks.cross(pattern.shape, axes=(1, 2), starts=starts, widths=(GAP, GAP)))
    return Case(name, pattern, truth)


def crystal(side: int) -> tuple[Pattern, NDArray[np.complex64]]:
    """Gold 111 of a Winterbottom particle, weakly strained (phase range π/2), σ 3, a peak of 1e6 counts."""
    made = simulate(
        "winterbottom",
        atoms=max(20_000, side**3 // 15),
        shape_px=side,
        oversampling=3.0,
        max_counts=1e6,
        phase_range=np.pi / 2,
        rotate=True,
        generator=np.random.default_rng([SEED, side]),
    )
    peak = np.unravel_index(int(made.pattern.intensity.argmax()), made.pattern.shape)
    if any(int(p) != n // 2 for p, n in zip(peak, made.pattern.shape, strict=True)):
        raise ValueError(f"the peak of {side}³ is not in the middle: another seed")
    truth = np.fft.fftshift(np.fft.ifftn(np.fft.ifftshift(made.amplitude)))
    return made.pattern, truth.astype(np.complex64)
