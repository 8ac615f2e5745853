"""Patterns to phase: simulated crystals with and without a cross gap, and measured peaks."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
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
MEASURED = "measured"
"""Name of a measured peak that is given none."""
MEASURED_SIDE = 96


@dataclass(frozen=True)
class Case:
    """A pattern, and the centred object it came from where that is known."""

    name: str
    pattern: Pattern
    truth: NDArray[np.complex64] | None = None


def make(name: str, measured: Mapping[str, Path]) -> Case:
    """`simN` is an N³ crystal from atoms, `simN-cross` the same with gaps, `PEAK-N` the main peak of a file.

    A measured peak is taken in a cube of N voxels, in a box for `PEAK-FxRxC`, and in 96³ for `PEAK` alone.

    Raises
    ------
    ValueError
        Any other name, a measured peak of which there is no file, or a file that ends inside the box.
    """
    match = re.fullmatch(r"sim(\d+)(-cross)?", name)
    if match is None:
        return Case(name, around(*_peak(name, measured)))
    side = int(match[1])
    pattern, truth = crystal(side)
    if match[2]:
        starts = (side // 2 + OFFSETS[0], side // 2 + OFFSETS[1])
        pattern = pattern.with_mask(masks.cross(pattern.shape, axes=(1, 2), starts=starts, widths=(GAP, GAP)))
    return Case(name, pattern, truth)


def _peak(name: str, measured: Mapping[str, Path]) -> tuple[Path, tuple[int, ...]]:
    """File and box of a measured case."""
    match = re.fullmatch(r"(\w+?)(?:-(\d+)(?:x(\d+)x(\d+))?)?", name)
    if match is None or (match[1] not in measured and match[1] != MEASURED):
        raise ValueError(
            "a case is simN, simN-cross, PEAK, PEAK-N or PEAK-FxRxC, PEAK being one of --measured"
        )
    if match[1] not in measured:
        raise ValueError("no --measured FILE")
    sides = [int(side) for side in match.groups()[1:] if side] or [MEASURED_SIDE]
    return measured[match[1]], tuple(sides * 3)[:3]


def around(file: Path, sides: tuple[int, ...]) -> Pattern:
    """The box of these sides around the peak, of counts divided by the white field beside them, if any."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SayreWarning)
        cut = around_peak(files.load(file), max(sides))
    assert isinstance(cut, Pattern)
    if any(side > n for side, n in zip(sides, cut.shape, strict=True)):
        raise ValueError(f"the array ends inside the box: {cut.shape} voxels are around its peak")
    lows = [n // 2 - side // 2 for side, n in zip(sides, cut.shape, strict=True)]
    return cut.crop(tuple(slice(low, low + side) for low, side in zip(lows, sides, strict=True)))


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
