"""Warnings of results that may be wrong."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, xlogy

from sayre.data import Pattern
from sayre.errors import warn
from sayre.retrieval.choice.modes import TRUSTED
from sayre.retrieval.choice.select import most_selected
from sayre.retrieval.measurement.nuisances import Nuisances

UNLIKELY = 0.7
"""Scatter of the logarithm of flux or response from which on a warning is issued."""
MANY_UNFILLED = 0.05
"""Share of the voxels that were not measured, from which filling them first is advised."""
OVERFIT = 5.0
"""Free half deviance, over that of the voxels used, from which on a warning is issued; 1 to 2 is usual."""

UNEXPLAINED, ABOVE_NOISE = 0.2, 3.0
"""Residual R from which on a warning is issued, and least of its ratio to that of photon noise; unequal
responses of the pixels alone gave a measured peak 0.15 to 0.19."""


def noise_residual(expected: NDArray[np.float32], pattern: Pattern) -> float:
    """Compute the residual R that photon noise alone gives.

    Parameters
    ----------
    expected
        float32, expected counts λ. The mean of (√n − √λ)² is 2λ − 2√λ⟨√n⟩: 1/4 where they are many.
    pattern
        Measured counts n.
    """
    known = np.geomspace(1e-4, 30, 200)
    counts = np.arange(100)[:, None]
    chances = np.exp(xlogy(counts, known) - known - gammaln(counts + 1))
    variance = 2 * known - 2 * np.sqrt(known) * (np.sqrt(counts) * chances).sum(0)
    means = np.clip(expected[~pattern.mask].astype(np.float64), 0, known[-1])
    total = float(pattern.intensity.sum(where=~pattern.mask, dtype=np.float64))
    return math.sqrt(float(np.interp(means, [0, *known], [0, *variance]).sum()) / max(total, 1.0))


def warn_of_misfit(name: str, residual: float, noise: float) -> None:
    """Warn if an object does not explain the counts, however well the starts agree on it.

    Parameters
    ----------
    name
        Of the pattern.
    residual, noise
        R of the object, and of photon noise.
    """
    if residual > max(UNEXPLAINED, ABOVE_NOISE * noise):
        warn(
            f"{name}: R = {residual:.2f}, where photon noise alone gives {noise:.2g}: the object does not "
            "explain the counts, which may hold something else than one crystal, as other peaks "
            "(`mask_aliens=True` looks for them) or bad pixels (`mask=`); do not trust the result"
        )


def warn_of_overfit(name: str, likelihood: float, free: float) -> None:
    """Warn if the voxels that phasing never saw are predicted far worse than the others.

    Parameters
    ----------
    name
        Of the pattern.
    likelihood, free
        Half deviance of a voxel that was used, and of one that was left free.
    """
    if free > OVERFIT * max(likelihood, 0.5):
        warn(
            f"{name}: voxels that phasing never saw are predicted far worse than the others (half deviance "
            f"{free:.3g} against {likelihood:.3g}): the object fits noise or the model of the measurement is "
            "wrong; do not trust details of the result"
        )


def warn_of_effects(name: str, nuisances: Nuisances | None) -> None:
    """Warn of a beam or a detector that are found to be as no beam and no detector is.

    Parameters
    ----------
    name
        Of the pattern.
    nuisances
        Effects that were found; None where there are none.
    """
    if nuisances is None:
        return
    scatter = {
        "the flux of the frames": 0.0 if nuisances.frames is None else float(np.log(nuisances.frames).std()),
        "the response of the pixels": 0.0
        if nuisances.gains is None
        else float(np.log(nuisances.gains).std()),
    }
    for what, found in scatter.items():
        if found > UNLIKELY:
            warn(
                f"{name}: {what} is found to scatter by {100 * found:.0f} %, which is unlikely: the counts "
                "may hold something else than the crystal (`mask_aliens=True` looks for it), or the object "
                "is wrong"
            )


def warn_of_doubt(
    name: str,
    agreement: float,
    *,
    keep: float,
    made: int,
    finished: int,
    network: int | None = None,
    unfilled: float = 0.0,
) -> None:
    """Warn if the averaged starts, or all those of a network, do not agree, or if there is only one.

    Parameters
    ----------
    name
        Of the pattern.
    agreement
        Of the starts that were averaged; NaN where it was one.
    keep
        Fraction of the starts to average at most.
    made, finished
        Number of starts, and of those that did not fail.
    network
        Number of those that the network predicted, where others followed because they did not agree.
    unfilled
        Share of the voxels that were not measured, and not filled.
    """
    if agreement >= TRUSTED:
        if network is not None:
            warn(
                f"{name}: no two of the network's {network} starts agree; {made - network} random ones "
                f"followed, and those that fit best agree to {agreement:.2f}, which proves less: compare "
                "with another `seed=`"
            )
        return
    way = "make more starts (`runs=`), or for a strained crystal start from the network (`init='network'`)"
    if network is not None:
        name += f": the network's {network} starts do not agree, nor do {made - network} random ones"
        way = "make more starts (`runs=`)"
    if unfilled > MANY_UNFILLED:
        share = f"{100 * unfilled:.0f} %"
        way = f"fill the {share} that were not measured first (sayre inpaint, sayre run), or {way}"
    if np.isfinite(agreement):
        reason = f"the starts that fit best agree to {agreement:.2f} only (complex correlation)"
    elif finished > 1 and most_selected(finished, keep) > 1:
        reason = "one start fits better than all others, and no other start confirms it"
    else:
        those = f"{made} starts" if finished == made else f"the {finished} of {made} starts that did not fail"
        doubt = f"only one start is averaged (a fraction of {keep:g} of {those}), and no other confirms it"
        warn(f"{name}: {doubt}: do not trust the result; {two_of(keep, made, finished)}")
        return
    warn(f"{name}: {reason}: do not trust the result; {way}")


def two_of(keep: float, made: int, finished: int) -> str:
    """Say what would average two starts, which can confirm each other.

    Parameters
    ----------
    keep
        Fraction of the starts to average at most, of which one start is left.
    made, finished
        Number of starts, and of those that did not fail.
    """
    needed = math.ceil(1.5 / keep)
    needed += most_selected(needed, keep) < 2
    runs = f"`runs={math.ceil(needed * made / finished)}`"
    if finished < 2:
        return f"{runs} would average two, which can confirm each other"
    kept = f"`keep={math.ceil(200 / finished) / 100:g}`"
    return f"{runs} or {kept} would average two, which can confirm each other"


def why_unrefined(refine: str, *, free: bool) -> str:
    """Return why objects were not refined.

    Parameters
    ----------
    refine
        As `sayre.retrieval.settings.Settings.refine`.
    free
        Whether voxels were left free.
    """
    if refine == "none":
        return "it was switched off"
    return "it predicted the free voxels no better" if free else "it explained the counts no better"


def warn_of_unrefined(name: str, refine: str, reason: str) -> None:
    """Warn if effects were named and objects were not refined.

    Parameters
    ----------
    name
        Of the pattern.
    refine
        As `sayre.retrieval.settings.Settings.refine`.
    reason
        From `why_unrefined`.
    """
    if refine not in ("auto", "none"):
        warn(
            f"{name}: not refined under `refine={refine!r}`: {reason}, even for the best start, so that no "
            "effect is taken out of the counts"
        )
