"""Windows of 32³ cut from patterns, most of them far from the peak, and the gaps drawn into them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sayre import files
from sayre.data import Pattern
from sayre.errors import InputError
from sayre.filling.gain import photon_gain
from sayre.retrieval.prepare import around_peak
from sayre.studies.spatial.patterns import crystal, pattern_of
from sayre.studies.study import StudySettings

Counts = NDArray[np.float32]
Mask = NDArray[np.bool_]
Kind = Literal["vertical", "cross"]

KINDS: tuple[Kind, ...] = ("vertical", "cross")
SIDE = 32
LEAST = 0.5
"""Mean counts of a voxel, in those of a photon, from which on a window is taken."""
TRIES = 10_000
OVERSAMPLING, PHASE_RANGE = (2.0, 5.0), (0.0, 1.0)
"""Of the simulated patterns, drawn evenly; the phases in rad."""


class Source(NamedTuple):
    """A pattern to cut windows from; its noise-free counts are None where it was measured."""

    name: str
    pattern: Pattern
    truth: Counts | None
    gain: float = 1.0


class Window(NamedTuple):
    """Counts of a window, noise-free ones where they are known, its masked voxels, and its first voxel."""

    counts: Counts
    truth: Counts | None
    unknown: Mask
    place: tuple[int, ...]

    def with_gap(self, gap: Mask) -> Pattern:
        """Return the window as a pattern with a gap.

        Parameters
        ----------
        gap
            bool `(32, 32, 32)`.
        """
        return pattern_of(self.counts, self.unknown | gap)


def sources(settings: StudySettings, side: int, many: int) -> Iterator[Source]:
    """Yield simulated patterns of several sampling ratios and strains, and the measured one if there is one.

    Parameters
    ----------
    settings
        Of the study.
    side
        Voxels along each axis.
    many
        Simulated patterns.
    """
    for number in range(many):
        generator = np.random.default_rng((settings.seed, number))
        ratio, phase = (float(generator.uniform(*limits)) for limits in (OVERSAMPLING, PHASE_RANGE))
        made = crystal(side, generator, oversampling=ratio, phase_range=phase)
        yield Source("simulated", made.pattern, made.expectation)
    if settings.pattern is not None:
        whole = around_peak(files.load(settings.pattern), side).measured
        yield Source("measured", whole, None, photon_gain(whole))


def windows_of(source: Source, many: int, generator: np.random.Generator) -> list[Window]:
    """Cut windows at random places, each the farther from the peak of two that were drawn.

    Windows with hardly a photon, and those of which a tenth or more was not measured, are drawn anew.

    Parameters
    ----------
    source
        The pattern.
    many
        Windows; fewer where so many are not found.
    generator
        Source of the places.

    Raises
    ------
    InputError
        No such window was found.
    """
    counts, mask = source.pattern.intensity, source.pattern.mask
    peak = np.unravel_index(int(np.argmax(counts)), counts.shape)
    room = np.array(counts.shape) - SIDE + 1
    found: list[Window] = []
    for _ in range(TRIES if counts.ndim == 3 and room.min() > 0 else 0):
        if len(found) == many:
            break
        places = generator.integers(0, room, (2, 3))
        distances = np.linalg.norm(places + SIDE // 2 - np.array(peak), axis=1)
        place = tuple(int(at) for at in places[int(np.argmax(distances))])
        box = tuple(slice(at, at + SIDE) for at in place)
        if counts[box].mean() >= LEAST * source.gain and mask[box].mean() < 0.1:
            truth = None if source.truth is None else source.truth[box]
            found.append(Window(counts[box], truth, mask[box], place))
    if not found:
        size = " × ".join(str(n) for n in counts.shape)
        raise InputError(
            f"{source.pattern.name}: in {size} voxels is no window of {SIDE}³ with {LEAST} photons a voxel; "
            "a larger or brighter 3D pattern would do"
        )
    return found


def gap_of(kind: Kind, width: int, generator: np.random.Generator) -> Mask:
    """Return a gap across the middle columns of a window; a cross has one across rows at any height too.

    Parameters
    ----------
    kind
        One plane, or two.
    width
        Voxels across each.
    generator
        Source of the height.
    """
    gap = np.zeros((SIDE,) * 3, bool)
    first = (SIDE - width) // 2
    gap[:, :, first : first + width] = True
    if kind == "cross":
        height = int(generator.integers(1, SIDE - width))
        gap[:, height : height + width] = True
    return gap
