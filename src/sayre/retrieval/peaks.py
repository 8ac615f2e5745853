"""Where the peak of a pattern is, and whether there is a second one."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sayre.data import AnyPattern
from sayre.errors import warn

Place = tuple[int, ...]

BLOCK = 2
"""Voxels a side of the blocks in which peaks are told apart."""
SMOOTHING = 1.25
"""Standard deviation of the Gaussian that smooths squared counts, in blocks: fringes run together."""
DARK = 3e-3
"""Fraction of the highest smoothed squared counts below which it is dark between two peaks."""
LEAST = 0.02
"""Squared counts of a second peak, over those of the first, from which on it is one."""


class Peaks(NamedTuple):
    """Where the strongest peak of counts is, and the next one where dark lies between the two.

    `share` is the second's counts over the first's, 0 where there is one peak.
    """

    first: Place
    second: Place | None = None
    share: float = 0.0


def find_peaks(counts: NDArray[np.float32]) -> Peaks:
    """Find the peak of counts, and whether there is a second one.

    Without a second one the peak is the voxel nearest to the centroid of the squared counts. For a crystal
    with little strain it is the brightest voxel. Strain splits the peak into several maxima, and the
    brightest of them may be far from the middle. A background, which would draw the centroid of the counts
    to the middle of the array, has little weight in squared counts.

    The maxima of one strained crystal are close to each other, with fringes between them; the peak of another
    grain is a region of its own. Regions are connected voxels in which the smoothed squared counts exceed
    `DARK` times their maximum; the one with most squared counts is the peak, and its centroid alone counts
    then.

    Parameters
    ----------
    counts
        float32, 2D or 3D, not negative.
    """
    weight = counts.astype(np.float64) ** 2
    labels, found = _regions(weight)
    if len(found) == 1:
        return Peaks(_centroid(weight))
    places, sums, boxes = [], [], ndimage.find_objects(labels)
    for label in found[:2]:
        box = boxes[label - 1]
        fine = tuple(slice(BLOCK * side.start, BLOCK * side.stop) for side in box)
        inside = labels[box] == label
        for axis in range(counts.ndim):
            inside = np.repeat(inside, BLOCK, axis)
        part = np.where(inside[tuple(slice(n) for n in counts[fine].shape)], weight[fine], 0)
        places.append(tuple(c + s.start for c, s in zip(_centroid(part), fine, strict=True)))
        sums.append(float(np.sqrt(part).sum()))
    return Peaks(places[0], places[1], sums[1] / sums[0])


def peak_of(pattern: AnyPattern, fits: Callable[[Place], bool] = lambda _: True) -> Place:
    """Return the voxel of the peak, as `find_peaks` finds it.

    Parameters
    ----------
    pattern
        2D or 3D counts.
    fits
        Whether an array can be centred on a voxel. Where that holds of the second peak alone, it is returned.

    Warns
    -----
    SayreWarning
        There is a second peak; both places are in voxels of the array in the file.
    """
    first, second, share = find_peaks(pattern.intensity)
    if second is None:
        return first
    swapped = fits(second) and not fits(first)
    places = (in_file(place, pattern) for place in (first, second))
    which = "the second, for the first is too near the border" if swapped else "the first"
    warn(
        f"{pattern.name}: two peaks, at {next(places)} and {next(places)}, the second with "
        f"{100 * share:.0f} % of the counts of the first: centred on {which}; crop the array around one of "
        "them (`Pattern.crop`), or mask the other (`mask_aliens=True`, `mask=`)"
    )
    return second if swapped else first


def _regions(weight: NDArray[np.float64]) -> tuple[NDArray[np.int32], list[int]]:
    """Label the bright regions in blocks; return the labels of those that are peaks, the strongest first."""
    for axis, n in enumerate(weight.shape):
        weight = np.add.reduceat(weight, np.arange(0, n, BLOCK), axis)
    smooth = ndimage.gaussian_filter(weight, SMOOTHING, mode="constant", truncate=3)
    labels, count = ndimage.label(smooth > DARK * smooth.max(), np.ones((3,) * weight.ndim))
    sums = np.bincount(labels.ravel(), weight.ravel(), count + 1)
    sums[0] = 0
    order = np.argsort(-sums, kind="stable")
    return labels, [int(label) for label in order if sums[label] >= LEAST * sums[order[0]] > 0]


def _centroid(weight: NDArray[np.float64]) -> Place:
    """Return the voxel nearest to the centroid."""
    total, axes = float(weight.sum()), range(weight.ndim)
    return tuple(
        int(np.rint(np.arange(n) @ weight.sum(tuple(i for i in axes if i != axis)) / total))
        for axis, n in enumerate(weight.shape)
    )


def in_file(place: Place, pattern: AnyPattern) -> Place:
    """Return a voxel of the pattern as the voxel of the array in the file.

    Parameters
    ----------
    place
        Voxel of the pattern.
    pattern
        Part of the array in the file, or its voxels summed.
    """
    size = (1,) * len(place)
    origin, binning = pattern.meta.origin or (0,) * len(place), pattern.meta.binning or size
    return tuple(o + b * p + (b - 1) // 2 for o, b, p in zip(origin, binning, place, strict=True))
