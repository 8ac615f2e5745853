"""Filling by the crystal: it is phased, and the counts that it expects in the gaps fill them.

The finite crystal constrains its pattern far more than the statistics of fringes do. The gaps are filled
statistically first, together with copies of themselves among the measured voxels. That filling bounds the
phasing and is the prior of the likelihood under which the crystal is refined. What the crystal expects in the
copies, which it did not see, tells where it is trusted in the gaps.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import scipy.fft
import torch
from numpy.typing import NDArray

from sayre.data import FilledPattern, Pattern
from sayre.errors import InputError, warn
from sayre.filling.crystal.copies import Copy, copies_of
from sayre.filling.crystal.evidence import standard_errors, weights
from sayre.filling.crystal.phases import explained
from sayre.filling.kept import Kept, prefixed
from sayre.numerics.progress import Advance
from sayre.retrieval.peaks import find_peaks
from sayre.retrieval.prepare import check

Counts = NDArray[np.float32]
Box = tuple[slice, ...]
Fill = Callable[[Pattern, Advance | None, Kept | None], FilledPattern]

MOST_SIDE, LEAST_SIDE = 96, 24
"""Voxels a side around the peak that are phased at most; least."""
ALIKE, DOUBT = 3.0, 0.1
"""Variance of the crystal's error in units of that between the starts, which share their counts; and the part
of the statistical filling's variance, and of the squared difference of the two, that adds to it."""
FILLED = 0.15
"""Share of either statistical filling in the time of the whole."""


def crystal_fill(
    pattern: Pattern,
    statistical: Fill,
    *,
    device: torch.device,
    progress: Advance | None = None,
    kept: Kept | None = None,
) -> FilledPattern:
    """Fill gaps by the counts that the phased crystal expects, as far as copies of the gaps trust it.

    Parameters
    ----------
    pattern
        Counts with gaps.
    statistical
        Fills a pattern first, with standard errors; is given the progress and a place for its steps.
    device
        Of phase retrieval.
    progress
        Called with the fraction done.
    kept
        Where finished steps are kept, and resumed from.

    Warns
    -----
    SayreWarning
        The counts cannot be phased, or the gap cannot be copied: the statistical filling stays.
    """
    told = progress or _silent

    def part(before: float, share: float) -> Advance:
        return lambda fraction, note="": told(before + share * fraction, note)

    plain = statistical(pattern, part(0, FILLED), prefixed(kept, "gap "))
    peak = find_peaks(plain.intensity).first
    copies, hidden = copies_of(pattern.mask, peak)
    both = statistical(pattern.with_mask(hidden), part(FILLED, FILLED), prefixed(kept, "copied "))
    try:
        box = _around(peak, pattern)
        if not hidden[box].any():
            raise InputError(f"{pattern.name}: no copy of the gap lies in what is measured around the peak")
        inner = both.crop(box)
        _require_crystal(inner)
        found = explained(
            inner,
            device=device,
            told=lambda fraction: told(2 * FILLED + (1 - 2 * FILLED) * fraction),
            kept=kept,
        )
    except InputError as error:
        warn(f"{error}; the crystal cannot fill the gap, {plain.method} does")
        return plain
    return _mixed(plain, both, box, found, copies, hidden)


def _around(peak: tuple[int, ...], pattern: Pattern) -> Box:
    """The box around the peak that is phased: of sizes fast for FFTs, the peak in its middle."""
    box = []
    for axis, (p, n) in enumerate(zip(peak, pattern.shape, strict=True)):
        half = min(p, n - p, MOST_SIDE // 2)
        while half and scipy.fft.next_fast_len(2 * half) != 2 * half:
            half -= 1
        if 2 * half < LEAST_SIDE:
            raise InputError(f"{pattern.name}: the peak is at {p} of {n} on axis {axis}, too near the border")
        box.append(slice(p - half, p + half))
    return tuple(box)


def _require_crystal(filled: FilledPattern) -> None:
    """Refuse counts that cannot be phased; what is merely doubtful, the copies will tell."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(filled, part=True)


def _mixed(
    plain: FilledPattern,
    both: FilledPattern,
    box: Box,
    found: list[Counts],
    copies: list[Copy],
    hidden: NDArray[np.bool_],
) -> FilledPattern:
    """Take the crystal where its copies trust it and the statistical filling elsewhere."""
    counts, mask = plain.pattern.intensity[box], plain.mask[box]
    copied, judged = hidden[box], [replace(copy, gap=copy.gap[box]) for copy in copies]
    logs = np.log1p(np.stack(found))
    crystal, spread = logs.mean(0), logs.var(0, ddof=1) if len(found) > 1 else np.zeros_like(logs[0])
    share = weights(counts, np.expm1(crystal), both.intensity[box], copied, judged)

    def mixture(other: FilledPattern) -> tuple[Counts, Counts]:
        """Mean and standard deviation of the two together."""
        level, error = np.log1p(other.intensity[box]), other.sigma[box] ** 2
        apart = (crystal - level) ** 2
        own = ALIKE * spread + DOUBT * (apart + error)
        variance = share * own + (1 - share) * error + share * (1 - share) * apart
        return share * crystal + (1 - share) * level, np.sqrt(variance)

    level, own = mixture(both)
    scale = standard_errors(counts, level, own, copied)
    level, own = mixture(plain)
    intensity, sigma = plain.intensity.copy(), plain.sigma.copy()
    intensity[box] = np.where(mask, np.expm1(level), intensity[box])
    sigma[box] = np.where(mask, scale(level, own), sigma[box])
    method = f"crystal + {plain.method}"
    return FilledPattern(pattern=plain.pattern, intensity=intensity, sigma=sigma, method=method)


def _silent(fraction: float, note: str = "") -> None:
    """Take the progress where nobody follows it."""
