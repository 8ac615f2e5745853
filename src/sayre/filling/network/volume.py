"""What a network sees of a pattern: a first fill, its error, and the pattern inverted through its centre.

By Friedel's law the inverted pattern is a second measurement, where strain is weak.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Literal

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from sayre.filling.kept import Kept
from sayre.numerics.interpolate import linear_fill
from sayre.numerics.progress import Advance
from sayre.numerics.smoothing import smoothed

Log = NDArray[np.float32]
Baseline = Literal["wiener", "linear"]

MAX_SIDE = 128
REACH = 6
LEAST_PAIRS = 0.5
ENVELOPE = 5.0


@dataclass(frozen=True, kw_only=True)
class Volume:
    """Six arrays of one 3D shape.

    `filled` is `log(1 + I)`, the baseline's fill where masked, `sigma` the baseline's standard error there;
    `mirror` is the measured part of the inverted pattern; the masks are True where not measured. `linear` is
    `log(1 + I)` interpolated linearly where masked: what the nearest voxels alone say.
    """

    filled: Log
    sigma: Log
    mask: NDArray[np.bool_]
    mirror: Log
    mirror_mask: NDArray[np.bool_]
    linear: Log

    @property
    def channels(self) -> tuple[tuple[NDArray[np.generic], float | None], ...]:
        """Each array with its value outside; None repeats the border."""
        return (
            (self.filled, None),
            (self.sigma, 0.0),
            (self.mask, True),
            (self.mirror, 0.0),
            (self.mirror_mask, True),
            (self.linear, None),
        )


def inversion_centre(
    counts: NDArray[np.float32], mask: NDArray[np.bool_], linear: Log | None = None
) -> tuple[float, ...]:
    """Point about which the pattern is most nearly symmetric, in voxels, to half a voxel on each axis.

    The peak of the self-convolution of the fringes (`log(1 + I)` less its envelope), at most 3 voxels from
    the brightest voxel and from the 128 voxels a side around it. Near a border fewer voxels have an inverted
    one: points of less than half as many as the brightest voxel has are left out.

    Parameters
    ----------
    counts
        float32, 3D.
    mask
        bool, same shape; True where not measured.
    linear
        `log(1 + I)` interpolated linearly where masked, if that is known.
    """
    peak = [int(p) for p in np.unravel_index(int(np.argmax(counts)), counts.shape)]
    sides = [min(n, MAX_SIDE) for n in counts.shape]
    starts = [min(max(p - s // 2, 0), n - s) for p, s, n in zip(peak, sides, counts.shape, strict=True)]
    box = tuple(slice(start, start + side) for start, side in zip(starts, sides, strict=True))
    filled = linear_fill(np.log1p(counts[box]), mask[box]) if linear is None else linear[box]
    measured = (~mask[box]).astype(np.float32)
    fringes = (filled - smoothed(filled, ENVELOPE)) * measured
    near = tuple(
        np.arange(max(2 * (p - start) - REACH, 0), min(2 * (p - start) + REACH, 2 * side - 2) + 1)
        for p, start, side in zip(peak, starts, sides, strict=True)
    )
    size = [  # of an array in which nothing is folded onto the points near the peak
        scipy.fft.next_fast_len(int(max(n[-1], 2 * side - 2 - n[0])) + 1, real=True)
        for n, side in zip(near, sides, strict=True)
    ]
    at = np.ix_(*near)
    overlap = _self_convolution(fringes, size)[at]
    power = _self_convolution(fringes**2, size, measured)
    least = np.float32(1e-6 * float(power.max()) + 1e-30)
    score = overlap / np.maximum(power[at], least)
    brightest = [2 * (p - start) for p, start in zip(peak, starts, strict=True)]
    score[_pairs(near, sides) < LEAST_PAIRS * _pairs(brightest, sides)] = -np.inf
    best = np.unravel_index(int(np.argmax(score)), score.shape)
    return tuple(start + int(n[b]) / 2 for start, n, b in zip(starts, near, best, strict=True))


def _pairs(twice_centre: Sequence[Any], sides: Sequence[int]) -> NDArray[np.int64]:
    """Voxels of a box that have an inverted one in it, for twice the centre along each axis."""
    within = [
        np.atleast_1d(np.minimum(c, 2 * n - 2 - c) + 1) for c, n in zip(twice_centre, sides, strict=True)
    ]
    return np.asarray(reduce(np.multiply, np.ix_(*within)))


def _self_convolution(
    a: NDArray[np.float32], size: list[int], b: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """Convolution of `a` with itself, or with `b`, in a periodic array."""
    field = scipy.fft.rfftn(a, size, workers=-1)
    field *= field if b is None else scipy.fft.rfftn(b, size, workers=-1)
    return np.asarray(scipy.fft.irfftn(field, size, workers=-1, overwrite_x=True))


def mirrored(
    filled: Log, mask: NDArray[np.bool_], centre: tuple[float, ...]
) -> tuple[Log, NDArray[np.bool_]]:
    """The measured part of a volume inverted through `centre`, 0 elsewhere, and where it is not measured.

    Parameters
    ----------
    filled
        `log(1 + I)`, float32, 3D.
    mask
        bool, same shape; True where not measured.
    centre
        Of the inversion, in voxels, whole or half.
    """
    index, inside = [], []
    for c, n in zip(centre, mask.shape, strict=True):
        there = round(2 * c) - np.arange(n)
        index.append(np.clip(there, 0, n - 1))
        inside.append((there >= 0) & (there < n))
    at = np.ix_(*index)
    hidden = mask[at] | ~(inside[0][:, None, None] & inside[1][:, None] & inside[2])
    return np.where(hidden, np.float32(0), filled[at]), hidden


def prepare(
    counts: Log,
    mask: NDArray[np.bool_],
    baseline: Baseline,
    progress: Advance | None = None,
    kept: Kept | None = None,
) -> Volume:
    """What a network sees of 3D `counts`: the baseline's fill and error, the mask, and the mirror.

    Parameters
    ----------
    counts
        3D, float32; 0 where masked.
    mask
        True where not measured.
    baseline
        What fills the masked voxels first.
    progress
        Called with the fraction done.
    kept
        Where the steps of the baseline are kept, and resumed from.
    """
    values = np.log1p(counts)
    linear = linear_fill(values, mask)
    if baseline == "wiener":
        from sayre.filling.wiener import wiener_fill

        filled, sigma = wiener_fill(values, mask, progress=progress, kept=kept)
    else:
        filled, sigma = linear, mask.astype(np.float32)
    return assemble(counts, mask, filled, sigma, linear)


def assemble(counts: Log, mask: NDArray[np.bool_], filled: Log, sigma: Log, linear: Log) -> Volume:
    """What a network sees of 3D `counts` that a baseline has filled.

    Parameters
    ----------
    counts
        3D, float32; what is masked is not looked at.
    mask
        True where not measured.
    filled, sigma
        Of the baseline, `log(1 + I)` and its standard error.
    linear
        `log(1 + I)` interpolated linearly.
    """
    measured = np.where(mask, np.float32(0), counts)
    mirror, mirror_mask = mirrored(filled, mask, inversion_centre(measured, mask, linear))
    return Volume(
        filled=filled, sigma=sigma, mask=mask, mirror=mirror, mirror_mask=mirror_mask, linear=linear
    )
