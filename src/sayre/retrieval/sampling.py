"""Whether counts are sampled finely enough for their phase to be determined, axis by axis.

An object of length L in an array of N voxels is oversampled N/L times along an axis. Its autocorrelation is
2L long: from an oversampling of 2 on it leaves the largest lags of the array empty, below 2 it wraps around
and fills them. The power of the lags along one axis is that of every line of voxels by itself, so that lines
without a gap are told from lines across one, and what a few lines have from what all have.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from sayre.data import Pattern

EMPTY = 1e-4
"""Power of the largest lags, over that beside lag 0, up to which they are taken for empty."""
EMPTY_BESIDE_A_GAP = 5e-4
"""The same of lines that are cut by a gap: their lags are blurred."""
COARSE, FALLING = 2e-3, 1.7
"""From this power of the largest lags on the object reaches them, if the lags before have so much more."""
SURELY_COARSE = 6e-3
"""From this power on it does in any case. The second crystal beside a measured one had 2e-3."""
FALLS, FULL = 3.0, 0.03
"""A floor of pixels or frames that respond unequally is as strong in the middle lags as in the largest ones;
an object that reaches those is so many times stronger in the middle. From the second power on it is coarse
in any case."""
COARSE_BESIDE_A_GAP = 0.1
BROAD, SHARED = 3e-5, 0.02
"""Least power of the largest lags in half of the lines, weighted, and least part of that of all: an alien
or a hot pixel is in a few lines."""
FLOOR = 3e-3
"""Most power of a floor below the object: pixels or frames that respond unequally, an alien."""
FLAT, FLAT_FAR_OUT = 1.5, 5.0
"""How much the lags of a floor differ; the second where the object ends before a quarter of the array."""
WHOLE, REFUSABLE = 0.3, 0.9
"""Shares of the power in lines without a gap: above the first, only they are used."""
SIGMAS = 4.0
TOO_NOISY = 1e-2
_BLOCK = 2**13


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """What the counts tell of one axis.

    Attributes
    ----------
    ratio
        Oversampling ratio, up to a fifth too high where photon noise hides the end of the autocorrelation;
        NaN where it cannot be estimated, and where it is below 2.
    tail
        Modulus of the autocorrelation at the largest lags over that beside lag 0, root mean square.
    coarse
        Whether the ratio is below 2 beyond doubt.
    """

    ratio: float
    tail: float
    coarse: bool


def sampling(pattern: Pattern) -> tuple[Sampling, ...]:
    """Estimate the oversampling of each axis from the measured voxels alone.

    Parameters
    ----------
    pattern
        Centred, 2D or 3D, of 8 or more voxels along each axis.
    """
    return tuple(_estimated(_lags(pattern, axis), n) for axis, n in enumerate(pattern.shape))


def ratios_text(ratios: Sequence[float]) -> str:
    """Oversampling ratios as a person reads them."""
    return ", ".join("unknown" if math.isnan(ratio) else f"{ratio:.2f}" for ratio in ratios)


class _Lags(NamedTuple):
    """Autocorrelation along an axis: its power at lags 0 to N/2, less photon noise, over that at lag 1.

    `noise` is the uncertainty of each lag; `edge`, `before` and `middle` are means of the largest lags, of
    some shortly before, and of those from N/4 to 3N/8; `broad` is the weighted median of the lines' own
    `edge`, `share` the power in lines without a gap.
    """

    power: NDArray[np.float64]
    noise: float
    edge: float
    before: float
    middle: float
    broad: float
    share: float


def _lags(pattern: Pattern, axis: int) -> _Lags | None:
    n = pattern.shape[axis]
    counts = np.moveaxis(pattern.intensity, axis, -1).reshape(-1, n)
    known = ~np.moveaxis(pattern.mask, axis, -1).reshape(-1, n)
    whole, strength = known.all(1), counts.sum(1, dtype=np.float64) ** 2
    share = float(strength[whole].sum() / max(strength.sum(), 1e-30))
    if share > WHOLE:
        first, length = np.zeros(len(counts), np.intp), np.where(whole, n, 0)
    else:
        first, length = _longest_run(known)
    used = np.flatnonzero(length >= n // 4)
    count, total = _edge(n), np.zeros(n // 2 + 1)
    beside, largest, noise = np.empty((3, len(used)))
    for start in range(0, len(used), _BLOCK):
        part = slice(start, start + _BLOCK)
        lines = counts[used[part]].astype(np.float64)
        window = 1.0 if share > WHOLE else _window(first[used[part]], length[used[part]], n)
        power = np.abs(scipy.fft.rfft(lines * window, axis=1)) ** 2
        noise[part] = (lines * window**2).sum(1)
        total += power.sum(0) - noise[part].sum()
        beside[part], largest[part] = power[:, 1], power[:, -count:].mean(1)
    if total[1] <= 0:
        return None
    bright = beside > noise
    weight = (beside - noise)[bright]
    relative = total / total[1]
    return _Lags(
        power=relative,
        noise=float(np.sqrt((noise**2).sum()) / total[1]),
        edge=float(relative[-count:].mean()),
        before=float(relative[-3 * count : -2 * count].mean()),
        middle=float(relative[n // 4 : 3 * n // 8].mean()),
        broad=_weighted_median((largest - noise)[bright] / weight, weight),
        share=share,
    )


def _estimated(lags: _Lags | None, n: int) -> Sampling:
    """The sampling of an axis of `n` voxels."""
    if lags is None:
        return Sampling(ratio=np.nan, tail=np.nan, coarse=False)
    tail = float(np.sqrt(max(lags.edge, 0.0)))
    if _is_coarse(lags, n):
        return Sampling(ratio=np.nan, tail=tail, coarse=True)
    return Sampling(ratio=_ratio(lags, n), tail=tail, coarse=False)


def _is_coarse(lags: _Lags, n: int) -> bool:
    if lags.edge < 2 * SIGMAS * lags.noise / np.sqrt(_edge(n)):
        return False
    if lags.share < REFUSABLE:
        return min(lags.edge, lags.broad) > COARSE_BESIDE_A_GAP
    falls = lags.edge > COARSE and lags.before > FALLING * lags.edge
    broad = lags.broad > max(BROAD, SHARED * lags.edge)
    flat = lags.middle < FALLS * lags.edge and lags.edge < FULL
    return broad and not flat and (lags.edge > SURELY_COARSE or falls)


def _ratio(lags: _Lags, n: int) -> float:
    """Array length over half the extent of the autocorrelation; NaN where that has no end in the array."""
    empty = EMPTY if lags.share > WHOLE else EMPTY_BESIDE_A_GAP
    floor = lags.edge if lags.edge > SIGMAS * lags.noise / np.sqrt(_edge(n)) else 0.0
    if floor > FLOOR or SIGMAS * lags.noise > TOO_NOISY:
        return float("nan")
    above = lags.power[1:] > max(SIGMAS * lags.noise, empty, 3 * floor)
    end = int(np.argmin(np.append(above, False))) + 1
    if end >= n // 2:
        return float("nan")
    if floor > empty:
        third = (len(lags.power) - end - 1) // 3
        if third < 2:
            return float("nan")
        first, last = (float(lags.power[part].mean()) for part in _thirds(end, third))
        if first > (FLAT_FAR_OUT if end <= n // 4 else FLAT) * last:
            return float("nan")
    return n / end


def _thirds(end: int, third: int) -> tuple[slice, slice]:
    """The first and the last third of the lags beyond `end`."""
    return slice(end + 1, end + 1 + third), slice(-third, None)


def _edge(n: int) -> int:
    """How many lags are the largest ones."""
    return max(2, n // 32)


def _longest_run(known: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First voxel and length of the longest run of known voxels of each line."""
    run = np.zeros(len(known), np.intp)
    length, stop = np.zeros_like(run), np.zeros_like(run)
    for place in range(known.shape[1]):
        run = np.where(known[:, place], run + 1, 0)
        longer = run > length
        length[longer], stop[longer] = run[longer], place + 1
    return stop - length, length


def _window(first: NDArray[np.intp], length: NDArray[np.intp], n: int) -> NDArray[np.float64]:
    """Hann windows, which blur the lags but do not let the bright ones leak into the others."""
    place = np.arange(n) - first[:, None] + 1
    inside = (place > 0) & (place <= length[:, None])
    return np.where(inside, np.sin(np.pi * place / (length[:, None] + 1)) ** 2, 0.0)


def _weighted_median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)])
