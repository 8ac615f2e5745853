"""Scales of frames that change within a scan: an attenuator that was put in, a beam that became weaker.

The counts of a crystal that is sampled finely enough for phasing have no frequency along the scan beyond that
of its autocorrelation: 1/σ a frame, σ the oversampling. A step of the scale has all frequencies. So the
scales are sought that leave least beyond the crystal's frequencies: of a step at a frame this is the smallest
eigenvector of a matrix of 2 × 2, over the sums of all pixels, each with the same weight.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

BEYOND = (0.12, 0.17, 0.24, 0.33, 0.42)
"""Frequencies a frame beyond which a crystal has nothing if its oversampling is above 1 over them. A step
is taken beyond the one where it explains most."""
FRAMES, MOST_FRAMES = 16, 1024
"""Frames that are looked at, at least and at most."""
PIXELS, MOST_PIXELS, COUNTS = 50, 4000, 200.0
"""Pixels that are looked at, at least and at most, and their counts in all frames."""
PART = 1e-4
"""Share of the squared counts, less twice their noise, that either side of a step has at least."""
FACTOR, MOST_FACTOR = 1.5, 1000.0
"""Least and largest factor that is found."""
LESS, LEAST, SIGMAS = 0.35, 5e-4, 5.0
"""What a step leaves beyond the crystal's frequencies relative to none at most; what there must be of it,
relative to the squared counts, and over its noise."""
TORN = 0.008
"""Share of the squared counts beyond the last of them that no crystal of an oversampling of 2 and more has,
which is 0.006 at most. If scales leave more, they are not all that is wrong."""
BROKEN = 0.22
"""What scales leave beyond the last but one of them relative to none, where frames are rather missing: 0.24
to 1 of simulated scans without 2 to 4 of their frames, 0.21 at most behind attenuators of a factor of 3."""
MOST_STEPS = 4
"""Parts of another scale that are sought."""


class Scales(NamedTuple):
    """The first frame of every part of one scale, and the factor that brings its counts to the largest.

    `broken` tells that fringes do not continue from part to part even then, as where frames are missing.
    """

    first: tuple[int, ...]
    factors: tuple[float, ...]
    broken: bool = False

    def of_frames(self, number: int) -> Array:
        """The factor of every frame."""
        lengths = np.diff((*self.first, number))
        return np.repeat(np.array(self.factors), lengths)


def scales_of(counts: NDArray[np.float32], unknown: Mask) -> Scales | None:
    """Parts of a scan whose counts are not of one scale; None where nothing tells of any.

    Parameters
    ----------
    counts
        float32, 3D, frames first.
    unknown
        bool, same shape; True where nothing was measured.
    """
    if counts.ndim != 3:
        return None
    start, stop = _frames(counts, unknown)
    gram = gram_of(counts, unknown)
    if gram is None:
        return None
    products, noise, pixels = gram
    scale = np.ones(stop - start)
    for _ in range(MOST_STEPS):
        found = _part(products * np.outer(scale, scale), noise * scale**2, pixels)
        if found is None:
            break
        first, last, factor = found
        scale[first:last] *= factor
    else:  # no end of it: this is no attenuator
        return None
    edges = [0, *(np.flatnonzero(np.diff(scale)) + 1)]
    rest, scatter = left_beyond(products * np.outer(scale, scale), noise * scale**2, pixels, BEYOND[-1])
    rest /= np.trace(products * np.outer(scale, scale))
    if len(edges) == 1 or rest[-1, -1] > TORN + SIGMAS * scatter:
        return None
    broken = _beside(products, noise, pixels, scale) > BROKEN * _beside(
        products, noise, pixels, np.ones_like(scale)
    )
    scale /= scale.min()
    begins = tuple(int(start + edge) if edge else 0 for edge in edges)
    return Scales(begins, tuple(float(scale[e]) for e in edges), broken)


def _beside(products: Array, noise: Array, pixels: int, scale: Array) -> float:
    """What frames of some scales have beyond the crystal's frequencies, relative to the squared counts."""
    scaled = products * np.outer(scale, scale)
    left, _ = left_beyond(scaled, noise * scale**2, pixels, BEYOND[-2])
    return float(left[-1, -1] / np.trace(scaled))


def _frames(counts: NDArray[np.float32], unknown: Mask) -> tuple[int, int]:
    """The longest run of measured frames with counts, around the brightest where it is too long."""
    measured = ~unknown.all(axis=(1, 2)) & (counts.sum(axis=(1, 2), dtype=np.float64) > 0)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], measured.astype(np.int8), [0]))))
    runs = list(zip(edges[::2], edges[1::2], strict=True))
    start, stop = max(runs, key=lambda run: run[1] - run[0]) if runs else (0, 0)
    if stop - start > MOST_FRAMES:
        middle = start + int(np.argmax(counts[start:stop].sum(axis=(1, 2), dtype=np.float64)))
        start = min(max(start, middle - MOST_FRAMES // 2), stop - MOST_FRAMES)
        stop = start + MOST_FRAMES
    return int(start), int(stop)


def gram_of(counts: NDArray[np.float32], unknown: Mask) -> tuple[Array, Array, int] | None:
    """Products of frames with each other, their noise, and the number of pixels; None of too few.

    They are those of the longest run of measured frames, which fade out at both ends. Every pixel has the
    same weight.

    Parameters
    ----------
    counts
        float32, 3D, frames first.
    unknown
        bool, same shape; True where nothing was measured.
    """
    start, stop = _frames(counts, unknown)
    counts, unknown = counts[start:stop], unknown[start:stop]
    frames = len(counts)
    if frames < FRAMES:
        return None
    totals = np.where(unknown.any(axis=0), 0, counts.sum(axis=0, dtype=np.float64)).ravel()
    chosen = np.arange(totals.size)
    if totals.size > MOST_PIXELS:
        chosen = np.sort(np.argpartition(-totals, MOST_PIXELS)[:MOST_PIXELS])
    chosen = chosen[totals[chosen] > COUNTS]
    if len(chosen) < PIXELS:
        return None
    window = np.blackman(frames + 2)[1:-1, None]
    rows, columns = np.unravel_index(chosen, counts.shape[1:])
    seen = counts[:, rows, columns].astype(np.float64)
    faded = window * seen
    weights = 1 / np.square(faded).sum(axis=0)
    return (faded * weights) @ faded.T, (window**2 * seen * weights).sum(axis=1), len(chosen)


def _part(products: Array, noise: Array, pixels: int) -> tuple[int, int, float] | None:
    """A part of another scale: first frame, the one after its last, the factor that brings it to the rest."""
    found = [_beyond(products, noise, pixels, least) for least in BEYOND]
    best = min((one for one in found if one is not None), default=None)
    return None if best is None else best[1:]


def _beyond(products: Array, noise: Array, pixels: int, least: float) -> tuple[float, int, int, float] | None:
    """What the best part leaves beyond a frequency, relative to none and with its noise; then the part."""
    frames = len(products)
    left, scatter = left_beyond(products, noise, pixels, least)
    energy = np.concatenate([[0.0], np.diag(products).cumsum()])
    whole = float(left[-1, -1] / energy[-1])
    if whole < LEAST + SIGMAS * scatter:
        return None
    starts, stops = np.triu_indices(frames + 1, 1)
    simple = (starts > 0) & (stops == frames)
    sure = np.concatenate([[0.0], (np.diag(products) - 2 * noise).cumsum()])
    inside = sure[stops] - sure[starts]
    enough = np.minimum(inside, sure[-1] - inside) > PART * energy[-1]
    for those in (enough & simple, enough & ~simple & (starts > 0)):
        found = _best(left, energy, starts[those], stops[those])
        if (
            found is not None
            and found[0] < LESS * whole
            and FACTOR < max(found[3], 1 / found[3]) < MOST_FACTOR
        ):
            return (max(found[0], 0.0) + SIGMAS * scatter) / whole, *found[1:]
    return None


def left_beyond(products: Array, noise: Array, pixels: int, least: float) -> tuple[Array, float]:
    """What frames have beyond a frequency, summed over all pairs of frames before two frames; its noise.

    The noise is relative to the squared counts, the trace of `products`.

    Parameters
    ----------
    products, noise, pixels
        As `gram_of` gives them.
    least
        The frequency, a frame.
    """
    frames = len(products)
    beyond = np.abs(np.fft.fftfreq(frames)) >= least
    kernel = np.fft.ifft(beyond[:, None] * np.fft.fft(np.eye(frames), axis=0), axis=0).real
    left = np.zeros((frames + 1, frames + 1))
    left[1:, 1:] = (kernel * (products - np.diag(noise))).cumsum(axis=0).cumsum(axis=1)
    scatter = float(np.sqrt(2 * beyond.mean() * np.square(noise).sum() / pixels) / np.trace(products))
    return left, scatter


def _best(
    left: Array, energy: Array, starts: NDArray[np.intp], stops: NDArray[np.intp]
) -> tuple[float, int, int, float] | None:
    """What the best of some parts leaves, where it is and its factor."""
    inside = energy[stops] - energy[starts]
    outside = energy[-1] - inside
    own = left[stops, stops] - left[starts, stops] - left[stops, starts] + left[starts, starts]
    with_all = left[stops, -1] - left[starts, -1]
    p, q = (left[-1, -1] - 2 * with_all + own) / outside, own / inside
    both = (with_all - own) / np.sqrt(outside * inside)
    least = (p + q) / 2 - np.sqrt(((p - q) / 2) ** 2 + both**2)
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = (least - p) / both * np.sqrt(outside / inside)
    least = np.where(factor > 0, least, np.inf)
    if not least.size or not np.isfinite(least.min()):
        return None
    at = int(np.argmin(least))
    return float(least[at]), int(starts[at]), int(stops[at]), float(factor[at])
