"""Filling by the crystal: it is phased, and the counts that it expects in the gaps fill them.

The finite crystal constrains its pattern far more than the statistics of fringes do. The gaps are filled
statistically first, and so are copies of themselves among the measured voxels. That filling bounds the
phasing and is the prior of the likelihood under which the crystal is refined. What the crystal expects in the
copies, which it did not see, tells where it is trusted in the gaps.
"""

from __future__ import annotations

import warnings

import numpy as np
import scipy.fft
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from sayre.data import FilledPattern, Pattern
from sayre.errors import InputError, warn
from sayre.filling.crystal.copies import Copy, copies_beside
from sayre.filling.crystal.evidence import standard_errors, weights
from sayre.filling.crystal.phases import explained
from sayre.filling.kept import Kept
from sayre.filling.stacking.experts import Estimate
from sayre.filling.stacking.stacked import Stacked
from sayre.numerics.progress import Advance
from sayre.retrieval.peaks import find_peaks
from sayre.retrieval.prepare import check

Log = NDArray[np.float32]
Counts = NDArray[np.float32]
Box = tuple[slice, ...]

MOST_SIDE, LEAST_SIDE = 96, 24
"""Voxels a side around the peak that are phased at most; least."""
ALIKE, DOUBT = 3.0, 0.1
"""Variance of the crystal's error in units of that between the starts, which share their counts; and the part
of the statistical filling's variance, and of the squared difference of the two, that adds to it."""
NEIGHBOURS = 1.0
"""Standard deviation in voxels of the neighbourhood that shares the variance between the starts."""


def crystal_fill(
    pattern: Pattern,
    stacked: Stacked,
    *,
    device: torch.device,
    progress: Advance | None = None,
    kept: Kept | None = None,
) -> Estimate | None:
    """Fill gaps by the counts that the phased crystal expects, as far as copies of the gaps trust it.

    Parameters
    ----------
    pattern
        Counts with gaps.
    stacked
        Statistical filling of the gaps and of copies of them.
    device
        Of phase retrieval.
    progress
        Called with the fraction done.
    kept
        Where finished steps are kept, and resumed from.

    Returns
    -------
    As `Stacked.gap`; None where the statistical filling has to stay.

    Warns
    -----
    SayreWarning
        The counts cannot be phased, or the gap cannot be copied.
    """
    gap, there = stacked.gap, stacked.hidden
    try:
        peak = find_peaks(_filled(pattern, gap).intensity).first
        copies, hidden = copies_beside(stacked.copies, peak)
        box = _around(peak, pattern)
        if not hidden[box].any():
            raise InputError(f"{pattern.name}: no copy of the gap lies in what is measured around the peak")
        both = Estimate(
            log=np.where(hidden, there.log, gap.log), sigma=np.where(hidden, there.sigma, gap.sigma)
        )
        inner = _filled(pattern.with_mask(hidden), both).crop(box)
        _require_crystal(inner)
        found = explained(inner, device=device, told=progress or _silent, kept=kept)
    except InputError as error:
        warn(f"{error}; the crystal cannot fill the gap, statistics do")
        return None
    judged = [Copy(gap=copy.gap[box], axis=copy.axis, shift=copy.shift) for copy in copies]
    plain, copied = (Estimate(log=one.log[box], sigma=one.sigma[box]) for one in (gap, both))
    mixed = _mixed(pattern.crop(box), plain, copied, np.log1p(np.stack(found)), judged, hidden[box])
    gap = Estimate(log=gap.log.copy(), sigma=gap.sigma.copy())
    gap.log[box], gap.sigma[box] = mixed.log, mixed.sigma
    return gap


def _filled(pattern: Pattern, estimate: Estimate) -> FilledPattern:
    """Return the pattern with what was expected in its masked voxels."""
    mask, counts = pattern.mask, pattern.intensity.copy()
    counts[mask] = np.maximum(np.expm1(estimate.log[mask]), 0)
    sigma = np.where(mask, estimate.sigma, np.float32(0))
    return FilledPattern(pattern=pattern, intensity=counts, sigma=sigma, method="stack")


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
    pattern: Pattern,
    plain: Estimate,
    both: Estimate,
    logs: Log,
    copies: list[Copy],
    hidden: NDArray[np.bool_],
) -> Estimate:
    """Take the crystal where its copies trust it and the statistical filling elsewhere.

    `logs` are those of the counts that each start expects.
    """
    counts, mask, crystal = pattern.intensity, pattern.mask, logs.mean(0)
    spread = np.zeros_like(crystal)
    if len(logs) > 1:
        spread = gaussian_filter(logs.var(0, ddof=1), NEIGHBOURS)
    share = weights(counts, logs, both.log, plain.log, hidden, copies)

    def mixture(other: Estimate) -> tuple[Log, Log]:
        """Mean and standard deviation of the two together."""
        level, error = other.log, other.sigma**2
        apart = (crystal - level) ** 2
        own = ALIKE * spread + DOUBT * (apart + error)
        variance = share * own + (1 - share) * error + share * (1 - share) * apart
        return share * crystal + (1 - share) * level, np.sqrt(variance)

    level, own = mixture(both)
    scale = standard_errors(counts, level, own, hidden)
    level, own = mixture(plain)
    return Estimate(
        log=np.where(mask, level, plain.log), sigma=np.where(mask, scale(level, own, share), np.float32(0))
    )


def _silent(fraction: float, note: str = "") -> None:
    """Take the progress where nobody follows it."""
