"""Exposures split between two scans with the detector moved, and what is expected of the whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sayre import files
from sayre.data import Pattern
from sayre.numerics.fourier import to_detector, to_object
from sayre.numerics.metrics import noise_floor
from sayre.retrieval.prepare import around_peak
from sayre.studies.spatial.patterns import crystal, pattern_of
from sayre.studies.study import StudySettings

WIDTH, FROM_PEAK = 6, 5
"""Columns of the gap, and from the peak to the first of them."""
ASIDE, FRACTION = -13, 0.5
"""Columns by which the peak lies further in the second scan, and voxels along each axis beside them where the
detector was not moved by whole pixels."""
PHASE_RANGE, ATOMS = 1.5, 20_000
WHOLE, BROKEN = "whole", "broken"
"""How the detector was moved: by whole pixels, and by half a voxel more along each axis."""


class Case(NamedTuple):
    """Scans of one exposure in all, and what they are judged by.

    Attributes
    ----------
    name
        Of the pattern.
    whole
        The exposure in one scan, without a gap.
    mask
        The gap.
    halves
        Two scans of half of it each, with the gap, by how the detector was moved.
    expected
        What is expected of the whole exposure; or counts at its scale that are independent of it.
    floor
        Log error that the truth makes against `expected`, in the gap.
    truth
        The object, where it is known.
    """

    name: str
    whole: Pattern
    mask: NDArray[np.bool_]
    halves: dict[str, tuple[Pattern, Pattern]]
    expected: NDArray[np.float32]
    floor: float
    truth: NDArray[np.complex64] | None


def cases(settings: StudySettings) -> Iterator[Case]:
    """Yield the simulated pattern, and the measured one where there is one.

    Parameters
    ----------
    settings
        The quick form has fewer voxels.
    """
    side = 40 if settings.quick else 64
    generator = np.random.default_rng(settings.seed)
    yield simulated(crystal(side, generator, phase_range=PHASE_RANGE, atoms=ATOMS).amplitude, generator)
    if settings.pattern is not None:
        yield _measured(settings.pattern, side, generator)


def simulated(amplitude: NDArray[np.complex64], generator: np.random.Generator) -> Case:
    """Return scans of a crystal, each with noise of its own.

    Parameters
    ----------
    amplitude
        Scattered, in roots of the counts of the whole exposure.
    generator
        Source of the noise.
    """
    mask = _gap(amplitude.shape, amplitude.shape[2] // 2 + FROM_PEAK)

    def half(shift: tuple[float, float, float]) -> Pattern:
        return pattern_of(generator.poisson(0.5 * moved(amplitude, shift))).with_mask(mask)

    whole = pattern_of(generator.poisson(moved(amplitude, (0, 0, 0))))
    first = half((0, 0, 0))
    ways = {WHOLE: (0.0, 0.0, float(ASIDE)), BROKEN: (FRACTION, FRACTION, ASIDE - FRACTION)}
    return Case(
        name="simulated",
        whole=whole,
        mask=mask,
        halves={way: (first, half(shift)) for way, shift in ways.items()},
        expected=moved(amplitude, (0, 0, 0)).astype(np.float32),
        floor=0.0,
        truth=np.asarray(to_object(amplitude), np.complex64),
    )


def moved(amplitude: NDArray[np.complexfloating], shift: tuple[float, float, float]) -> NDArray[np.float64]:
    """Return the intensity of a pattern whose peak lies further, exactly: by a ramp of the object's phase.

    Parameters
    ----------
    amplitude
        Scattered, centred.
    shift
        Voxels along each axis.
    """
    obj = np.asarray(to_object(amplitude.astype(np.complex128)), np.complex128)
    for axis, (way, n) in enumerate(zip(shift, obj.shape, strict=True)):
        ramp = np.exp(2j * np.pi * way * (np.arange(n) - n // 2) / n)
        obj = obj * ramp.reshape([-1 if a == axis else 1 for a in range(3)])
    return np.asarray(np.abs(to_detector(obj)) ** 2)


def _measured(file: str, side: int, generator: np.random.Generator) -> Case:
    """Split measured counts at random: half of them judge, a quarter is each scan.

    The second scan is the part of the frames whose peak lies `ASIDE` columns further than in the first.
    """
    everything = files.load(file, flat="none").measured
    middle = around_peak(everything, side).measured
    corner = np.subtract(middle.meta.origin or (0, 0, 0), everything.meta.origin or (0, 0, 0))
    box = tuple(slice(int(c), int(c) + n) for c, n in zip(corner, middle.shape, strict=True))
    ends = min(box[-1].stop - ASIDE, everything.shape[-1])
    aside = (*box[:-1], slice(box[-1].start - ASIDE, ends))
    counts = np.rint(everything.intensity).astype(np.int64)
    used = generator.binomial(counts, 0.5)
    first = generator.binomial(used, 0.5)
    peak = int(np.unravel_index(int(np.argmax(middle.intensity)), middle.shape)[2])
    mask = _gap(middle.shape, peak + FROM_PEAK)

    def scan(part: NDArray[np.int64], place: tuple[slice, ...]) -> Pattern:
        return pattern_of(part[place]).with_mask(everything.mask[place])

    seen = mask & ~everything.mask[box]
    pair = (
        scan(first, box).with_mask(mask),
        scan(used - first, aside).with_mask(mask[..., : ends - aside[-1].start]),
    )
    return Case(
        name="measured",
        whole=scan(used, box),
        mask=seen,
        halves={WHOLE: pair},
        expected=(counts - used)[box].astype(np.float32),
        floor=noise_floor(0.5 * counts[box][seen]),
        truth=None,
    )


def _gap(shape: tuple[int, ...], first: int) -> NDArray[np.bool_]:
    mask = np.zeros(shape, bool)
    mask[:, :, first : first + WIDTH] = True
    return mask
