"""The mixture of experts: its mean, and a standard error that holds in the hidden copies."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sayre.filling.coverage import NEAR
from sayre.filling.stacking.evidence import Evidence
from sayre.filling.stacking.experts import Estimate, Expert
from sayre.filling.stacking.pieces import Copies
from sayre.filling.stacking.scale import error_scale
from sayre.filling.stacking.streaks import along_streaks
from sayre.numerics.slabs import at_once

Log = NDArray[np.float32]
Mask = NDArray[np.bool_]

LEAST_SIGMA = 1e-3
DIM, MOST_SPREAD = 3.0, 0.7
"""Counts below which, and stated error above which the law of the scatter is not log-normal."""


def combine(
    counts: Log, mask: Mask, copies: Copies, experts: Sequence[Expert], generator: np.random.Generator
) -> tuple[Estimate, Estimate]:
    """Return what the experts expect together in the masked voxels, and in the copies.

    Wide pieces are a mixture of all, and its stated error is enlarged where the copies show it too small
    (copies may be easier to fill than the gap, so it is never made smaller). Narrow runs are filled by one
    expert alone, the first that states an error, and so are their copies, which set their error.

    Parameters
    ----------
    counts
        Measured counts, float32.
    mask
        True where not measured.
    copies
        Of the mask.
    experts
        At least one of them states an error. The last one leads where the copies tell little.
    generator
        Splits counts that are tied.
    """
    exact = next(expert for expert in experts if not np.isnan(expert.gap.sigma[mask]).any())
    gap = Estimate(log=exact.gap.log.copy(), sigma=np.where(mask, exact.gap.sigma, np.float32(0)))
    hidden = Estimate(log=exact.hidden.log.copy(), sigma=exact.hidden.sigma.copy())
    if copies.pieces:
        evidence, both = Evidence(counts, copies, experts), mask | copies.mask
        found = at_once(*(partial(evidence.weights, piece) for piece in copies.pieces))
        for piece, weights in zip(copies.pieces, found, strict=True):
            _mix(gap, [e.gap for e in experts], piece.box, weights, piece.inside)
            along_streaks(gap, counts, mask, piece.box, piece.axis, piece.inside)
            for shift in piece.shifts:
                box, part = piece.place(shift, counts.shape)
                at = copies.mask[box] & ~copies.narrow[box] & piece.inside[part]
                _mix(hidden, [e.hidden for e in experts], box, weights[(slice(None), *part)], at)
                along_streaks(hidden, counts, both, box, piece.axis, at)
    near = near_peak(counts, mask)
    for wide in (True, False):
        judged = copies.mask & (copies.narrow != wide)
        there = hidden.log[judged], hidden.sigma[judged], near[judged]
        scale = error_scale(counts[judged], *there, generator)
        mine = mask & (copies.wide == wide)
        factor = scale(gap.log[mine], near[mine])
        gap.sigma[mine] *= np.maximum(factor, 1) if wide else factor
        if wide:
            hidden.sigma[judged] *= np.maximum(scale(hidden.log[judged], near[judged]), 1)
    return gap, hidden


def near_peak(counts: Log, mask: Mask) -> Mask:
    """Return which voxels are at most `NEAR` voxels from the brightest one.

    Parameters
    ----------
    counts
        float32.
    mask
        True where not measured.
    """
    brightest = np.unravel_index(int(np.argmax(np.where(mask, 0, counts))), counts.shape)
    away = np.ix_(*(np.square(np.arange(n) - p) for n, p in zip(counts.shape, brightest, strict=True)))
    return np.asarray(sum(away) <= NEAR**2)


def _mix(
    into: Estimate, estimates: Sequence[Estimate], box: tuple[slice, ...], weights: Log, at: Mask
) -> None:
    """Write the mixture of estimates to the voxels `at` of a box.

    Means are mixed as roots of counts, in which the evidence is. The variance is the mean of the stated
    ones and that of the experts among each other. Experts state the mean of a logarithm, whose exponential
    is less than the mean count: the filling is the square of the mean root of counts that scatter so.
    """
    w = weights[:, at]
    logs = np.stack([np.maximum(e.log[box][at], 0) for e in estimates])
    mean = np.log1p((w * np.sqrt(np.expm1(logs))).sum(0) ** 2)
    sigmas = np.stack([e.sigma[box][at] for e in estimates])
    stated = np.isfinite(sigmas)
    share = np.where(stated, w + np.float32(1e-6), 0)
    own = (share * np.where(stated, sigmas, 0) ** 2).sum(0) / np.maximum(share.sum(0), np.float32(1e-12))
    among = (w * (logs - mean) ** 2).sum(0)
    bright = 1 - DIM / np.maximum(np.expm1(mean), DIM)
    into.log[box][at] = mean + bright / 4 * np.minimum(own, MOST_SPREAD**2)
    into.sigma[box][at] = np.sqrt(np.maximum(own + among, LEAST_SIGMA**2))
