"""Aliens: counts of something else than the crystal, such as another grain.

An object fits an alien as it fits a fringe, by a ripple of its density, so that neither residuals nor free
voxels beside it show it. But the pattern of a crystal with little strain is nearly its own inversion, and
bright places without a counterpart are suspected. Whether they are aliens is told by starts that never saw
them: the crystal that explains all other counts as well scatters few counts there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from sayre.data import AnyPattern, FilledPattern
from sayre.retrieval.engine.arrays.kernels import half_deviance
from sayre.retrieval.engine.bounds import Bounds
from sayre.retrieval.peaks import in_file
from sayre.retrieval.prepare import first_fill

Mask = NDArray[np.bool_]

SMOOTHING = 2.0
"""Standard deviation in voxels of the Gaussian in which fringes run together."""
FACTOR, SIGMAS = 4.0, 8.0
"""How many times the counts of its counterpart, and how many standard deviations more, a place has that is
suspected."""
NEAR = 2
"""Voxels around the counterpart among which its brightest counts."""
LEAST = 5e-4
"""Fraction of all counts below which a place is not suspected: it ripples the density by √`LEAST` at most."""
GROWN = 2
"""Voxels by which the mask of an alien is wider than where it is found."""
REACH = 6
"""Voxels from a mask of an alien within which a filling may hold its counts."""
EXPLAINED = 0.5
"""Fraction of the counts of a place from which on they are the crystal's, if a crystal that was found without
them scatters as many."""
WORSE = 1.05
"""Most that the deviance of all other free voxels may grow by when aliens are masked."""
WIDE_OPEN = 10.0
"""Standard error of log(1 + I) of masked aliens in a filled pattern: nothing is known there."""


@dataclass(frozen=True, kw_only=True)
class Aliens:
    """Aliens that were masked, those of most counts first.

    Attributes
    ----------
    places
        Brightest voxel of each, in voxels of the array in the file.
    counts
        Counts that were masked with each.
    expected
        Counts that the crystal scatters there.
    free
        Half the Poisson deviance of the free voxels elsewhere, before and after aliens were masked.
    """

    places: tuple[tuple[int, ...], ...]
    counts: tuple[float, ...]
    expected: tuple[float, ...]
    free: tuple[float, float]

    @property
    def metrics(self) -> dict[str, Any]:
        """Numbers as JSON can hold them."""
        return {
            "places": [list(place) for place in self.places],
            "counts": list(self.counts),
            "expected": list(self.expected),
            "free": list(self.free),
        }

    @property
    def sentence(self) -> str:
        """How many, where, of how many counts, and what masking them did."""
        several = "one alien" if len(self.places) == 1 else f"{len(self.places)} aliens"
        shown = [
            f"{counted:.3g} counts around {place}, where the crystal scatters {scattered:.2g}"
            for place, counted, scattered in zip(self.places, self.counts, self.expected, strict=True)
        ]
        more = f"; and {len(shown) - 3} more" if len(shown) > 3 else ""
        return (
            f"{several} masked: {'; '.join(shown[:3])}{more} (half deviance of free voxels elsewhere "
            f"{self.free[0]:.3g} before, {self.free[1]:.3g} after)"
        )


@dataclass(frozen=True)
class Suspect:
    """A bright place that has no counterpart on the other side of the peak.

    `core` is bool, where it is; `place` its brightest voxel; `counts` its counts.
    """

    core: Mask = field(repr=False)
    place: tuple[int, ...]
    counts: float

    def scattered(self, expected: NDArray[np.float32]) -> float:
        """Sum of the expected counts of a crystal there."""
        return float(expected[self.core].sum(dtype=np.float64))


def suspects(pattern: AnyPattern) -> list[Suspect]:
    """Find bright connected places without a counterpart on the other side of the peak, the brightest first.

    Parameters
    ----------
    pattern
        Counts with the peak at `n // 2`. Places whose counterpart was not measured are not suspected.
    """
    measured, counts = ~pattern.mask, pattern.measured.intensity
    known = np.maximum(_smooth(measured.astype(np.float32)), 1e-3)
    found = _smooth(counts) / known  # masked voxels hold 0
    around = ndimage.maximum_filter(np.where(known > 0.3, found, np.inf), 2 * NEAR + 1)
    other = _inverted(around)
    voxels = (2 * np.sqrt(np.pi) * SMOOTHING) ** counts.ndim  # that the Gaussian averages
    above = 2 * (np.sqrt(voxels * found + 0.375) - np.sqrt(voxels * other + 0.375))
    labels, number = ndimage.label(
        (found > FACTOR * other) & (above > SIGMAS) & measured, _neighbours(pattern)
    )
    sums = np.bincount(labels.ravel(), counts.ravel(), number + 1)
    least = LEAST * float(counts.sum(dtype=np.float64))
    order = [int(k) for k in np.argsort(-sums, kind="stable") if k and sums[k] > least]
    tops = ndimage.maximum_position(found, labels, order)
    return [
        Suspect(labels == k, tuple(int(i) for i in top), float(sums[k]))
        for k, top in zip(order, tops, strict=True)
    ]


def without(pattern: AnyPattern, places: list[Suspect]) -> AnyPattern:
    """Mask places and what is near them; a filling from their counts is forgotten.

    Parameters
    ----------
    pattern
        Counts, measured or filled.
    places
        From `suspects`.
    """
    cores = np.any([place.core for place in places], axis=0)
    around = ndimage.binary_dilation(cores, _neighbours(pattern), GROWN)
    measured = pattern.measured.with_mask(around & ~pattern.mask)
    if not isinstance(pattern, FilledPattern):
        return measured
    unknown = (ndimage.binary_dilation(around, _neighbours(pattern), REACH) & pattern.mask) | around
    return FilledPattern(
        pattern=measured,
        intensity=np.where(unknown, first_fill(measured), pattern.intensity),
        sigma=np.where(unknown, np.float32(WIDE_OPEN), pattern.sigma),
        method=pattern.method,
    )


def free_deviance(expected: NDArray[np.float32], bounds: Bounds) -> float:
    """Mean half Poisson deviance of the free voxels, or of all that were measured where none is free.

    Parameters
    ----------
    expected
        float32, expected counts, of the shape of the bounds.
    bounds
        Counts, and which voxels are free.
    """
    free = bounds.weight == (2 if (bounds.weight == 2).any() else 1)
    mean = torch.from_numpy(np.maximum(expected[free], 0).astype(np.float32))
    return float(half_deviance(mean, torch.from_numpy(bounds.counts[free])).mean())


def described(
    pattern: AnyPattern, places: list[Suspect], expected: NDArray[np.float32], free: tuple[float, float]
) -> Aliens:
    """Describe aliens that were masked.

    Parameters
    ----------
    pattern
        Counts that were phased.
    places
        The aliens.
    expected
        float32, what the crystal scatters.
    free
        As in `Aliens`.
    """
    return Aliens(
        places=tuple(in_file(one.place, pattern) for one in places),
        counts=tuple(one.counts for one in places),
        expected=tuple(one.scattered(expected) for one in places),
        free=free,
    )


def _smooth(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(ndimage.gaussian_filter(values, SMOOTHING, mode="constant", truncate=3))


def _inverted(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Invert an array through the voxel `n // 2`; what has no counterpart gets an infinite one."""
    flipped = np.flip(values)
    for axis, n in enumerate(values.shape):
        if n % 2 == 0:
            flipped = np.roll(flipped, 1, axis)
            flipped[(slice(None),) * axis + (0,)] = np.inf
    return flipped


def _neighbours(pattern: AnyPattern) -> Mask:
    return np.ones((3,) * len(pattern.shape), bool)
