"""Where one scan lies on another, to whole voxels: the masked correlation of all shifts, by FFT.

D. Padfield, IEEE Trans. Image Process. 21, 2706 (2012): the Pearson correlation of the voxels that both
measured, for every shift, from twelve Fourier transforms.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from sayre.data import Pattern
from sayre.scans.merging.kernels import placed

COARSE = 64
"""Voxels along an axis from which on voxels are summed for the search."""
LEAST_VOXELS, LEAST_COUNTS = 0.2, 0.1
"""Part of the measured voxels, and of their counts, that a shift must leave to both."""


def whole_shift(reference: Pattern, scan: Pattern) -> tuple[int, ...]:
    """Return by how many voxels the peak lies further in a scan than in the reference.

    Parameters
    ----------
    reference, scan
        Counts that scatter as photons do.
    """
    shapes = zip(reference.shape, scan.shape, strict=True)
    factors = tuple(-(-max(sizes) // COARSE) for sizes in shapes)
    roots = [np.sqrt(pattern.intensity.astype(np.float64)) for pattern in (reference, scan)]
    masks = [~pattern.mask for pattern in (reference, scan)]
    coarse = [_summed(a, m, factors) for a, m in zip(roots, masks, strict=True)]
    found = _search(*coarse[0], *coarse[1])
    shift = [s * f for s, f in zip(found, factors, strict=True)]
    return _climbed(roots, masks, shift, max(factors)) if max(factors) > 1 else tuple(shift)


def correlation_at(
    roots: list[NDArray[np.float64]], masks: list[NDArray[np.bool_]], shift: tuple[int, ...]
) -> float:
    """Return the Pearson correlation of two arrays where both are measured, -1 where too few are.

    Parameters
    ----------
    roots, masks
        Of the reference and of the scan; masks are True where measured.
    shift
        Whole voxels by which the scan lies further.
    """
    there = np.asarray(placed(masks[1], shift, masks[0].shape), np.bool_)
    both = masks[0] & there
    if both.sum() < LEAST_VOXELS * min(int(mask.sum()) for mask in masks):
        return -1.0
    x, y = roots[0][both], np.asarray(placed(roots[1], shift, roots[0].shape))[both]
    x, y = x - x.mean(), y - y.mean()
    norm = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / norm if norm > 0 else -1.0


def _summed(
    values: NDArray[np.float64], measured: NDArray[np.bool_], factors: tuple[int, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return means over blocks of voxels and where at least half of a block was measured."""
    sums, known = values * measured, measured.astype(np.float64)
    for axis, factor in enumerate(factors):
        if factor > 1:
            around = [(0, 0)] * values.ndim
            around[axis] = (0, -sums.shape[axis] % factor)
            sums, known = (np.pad(part, around) for part in (sums, known))
            starts = np.arange(0, sums.shape[axis], factor)
            sums, known = (np.add.reduceat(part, starts, axis) for part in (sums, known))
    enough = known >= np.prod(factors) / 2
    return np.where(enough, sums / np.maximum(known, 1), 0), enough.astype(np.float64)


def _search(
    first: NDArray[np.float64],
    has: NDArray[np.float64],
    second: NDArray[np.float64],
    had: NDArray[np.float64],
) -> tuple[int, ...]:
    """Return the shift of the largest correlation of two masked arrays."""
    full = [a + b - 1 for a, b in zip(first.shape, second.shape, strict=True)]
    padded = [scipy.fft.next_fast_len(n, real=True) for n in full]
    ours = [scipy.fft.rfftn(part, padded, workers=-1).conj() for part in (first, first**2, has)]
    theirs = [scipy.fft.rfftn(part, padded, workers=-1) for part in (second, second**2, had)]

    def sums(a: int, b: int) -> NDArray[np.float64]:
        return np.asarray(scipy.fft.irfftn(ours[a] * theirs[b], padded, workers=-1))

    count = np.maximum(np.rint(sums(2, 2)), 0)
    held, hold = sums(0, 2), sums(2, 0)
    power, powers = sums(1, 2), sums(2, 1)
    enough = count >= LEAST_VOXELS * min(has.sum(), had.sum())
    enough &= (power >= LEAST_COUNTS * (first**2).sum()) & (powers >= LEAST_COUNTS * (second**2).sum())
    safe = np.maximum(count, 1)
    spread = np.maximum(power - held**2 / safe, 0) * np.maximum(powers - hold**2 / safe, 0)
    enough &= spread > 1e-12 * float((first**2).sum() * (second**2).sum())
    score = np.where(enough, (sums(0, 0) - held * hold / safe) / np.sqrt(np.maximum(spread, 1e-300)), -1)
    best = np.unravel_index(int(score.argmax()), score.shape)
    return tuple(int(s) if s < n else int(s) - p for s, n, p in zip(best, second.shape, padded, strict=True))


def _climbed(
    roots: list[NDArray[np.float64]], masks: list[NDArray[np.bool_]], shift: list[int], reach: int
) -> tuple[int, ...]:
    """Return the shift of the largest correlation around a first guess, by ever smaller steps."""
    best = tuple(shift)
    most = correlation_at(roots, masks, best)
    step = max(reach // 2, 1)
    while step:
        moves = [m for m in product((-step, 0, step), repeat=len(shift)) if np.count_nonzero(m) == 1]
        tries = {
            near: correlation_at(roots, masks, near)
            for near in (tuple(a + b for a, b in zip(best, m, strict=True)) for m in moves)
        }
        near = max(tries, key=lambda at: tries[at])
        if tries[near] > most:
            best, most = near, tries[near]
        else:
            step //= 2
    return best
