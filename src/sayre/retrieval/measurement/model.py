"""The model that predicts unseen voxels best: which effects of the measurement, and how loose a support."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from sayre.retrieval.engine.bounds import Bounds
from sayre.retrieval.measurement.nuisances import FURTHER, KINDS, NEEDS, Kind, Nuisances
from sayre.retrieval.measurement.refine import Refined, refine, significance

GLANCE, FIRST, CHECK, SETTLE, LAST = 24, 80, 12, 40, 75
"""Evaluations of the likelihood: without effects, and with all of them beside that; with all of them if that
helps; for each effect and support; with all effects in the support chosen; and in the end."""
WORTH = 0.02
"""Relative improvement of the free likelihood below which an effect is left out. Effects that are there
improve it by tenths; by a hundredth they also mend what the object makes of noise, or of a cut-off field."""
OFFSET_WORTH = 0.03
"""The same of the background, which also helps a little where there is none: it damps what the object
makes of noise, as a tighter support does."""
LIKELY = 4.0
"""Standard deviations of chance by which the likelihood must want a further effect for it to be tried."""
DILATIONS = (0, 2, 4)
"""Voxels by which the support may be dilated. One that cuts into the crystal is worse than a loose one, but a
loose one lets in noise."""
LOOSER = 0.03
"""Relative improvement of the free likelihood for which a looser support is taken."""
EVALUATIONS = (
    3 * GLANCE
    + len(DILATIONS) * CHECK
    + FIRST
    + (len(KINDS) + 2) * CHECK
    + len(DILATIONS) * CHECK
    + SETTLE
    + LAST
)
"""Evaluations of `best_model` together."""


Candidate = tuple[NDArray[np.complex64], NDArray[np.bool_]]
"""An object and its support, as `sayre.retrieval.measurement.refine.refine` takes them."""


def best_model(
    candidates: Sequence[Candidate],
    bounds: Bounds,
    kinds: Sequence[Kind],
    *,
    every: bool = False,
    device: str | torch.device = "cpu",
    report: Callable[[float], None] | None = None,
) -> Refined:
    """Refine an object, and select effects and support by the likelihood of the free voxels.

    Parameters
    ----------
    candidates
        Of the same crystal; the one that predicts the free voxels best after a few evaluations without
        effects is refined.
    bounds
        As `sayre.retrieval.measurement.refine.refine` takes them.
    kinds
        Effects to try.
    every
        Whether all of them stay.
    device
        `cpu` or `cuda`.
    report
        Function that is called with the fraction done.

    Notes
    -----
    Where all effects together do not help at once, in the support that is best without them, none is tried
    further, and the object is not refined for long: nothing is to be mended, and it would take up noise. Else
    supports are compared first, after as many evaluations each: in one that is too loose, effects that are
    not there mend what the object makes of noise. Then one effect after the other is left out and the rest
    refined on; with all it is refined on for as many evaluations, so that both had the same chance. The
    effects of `FURTHER` are added instead, where a score test says that they may matter. Where no voxel is
    free nothing can be judged: all effects but those stay, and the loosest support.
    """
    done, (obj, support) = 0, candidates[0]

    def refined(base: Refined | None, kept: Sequence[Kind], dilation: int, count: int) -> Refined:
        nonlocal done
        begun, done = done, done + count

        def part(fraction: float) -> None:
            if report:
                report(min((begun + count * fraction) / EVALUATIONS, 1.0))

        return refine(
            obj if base is None else base.object,
            support,
            bounds,
            kept,
            evaluations=count,
            dilation=dilation,
            known=None if base is None else _only(base.nuisances, kept),
            device=device,
            report=part,
        )

    def further(found: Refined, more: Sequence[Kind]) -> Refined:
        """Add effects that may matter, and keep those with which the free voxels are predicted better."""
        kept_before = found.nuisances.kinds
        plain: Refined | None = None
        for kind in more:
            kept = found.nuisances.kinds
            if NEEDS.get(kind, kind) not in (*kept, kind):
                continue
            if significance(found, support, bounds, kind, device=device) < LIKELY:
                continue
            plain = plain or refined(found, kept, found.dilation, 2 * CHECK)
            richer = refined(found, (*kept, kind), found.dilation, 2 * CHECK)
            if richer.merit < plain.merit * (1 - WORTH):
                found = plain = richer
        more_found = len(found.nuisances.kinds) > len(kept_before)
        return refined(found, found.nuisances.kinds, found.dilation, LAST) if more_found else found

    loosest = DILATIONS[-1]
    base = list(kinds) if every else [kind for kind in kinds if kind not in FURTHER]
    if len(candidates) > 1 or not every:
        glances: list[tuple[Refined, Candidate]] = []
        for candidate in candidates:
            (obj, support), done = candidate, 0
            glances.append((refined(None, (), loosest, GLANCE), candidate))
        glance, (obj, support) = min(glances, key=lambda one: one[0].merit)
        if not every and (plain := _without(glance, base, refined)) is not None:
            return plain
    first = refined(None, base, loosest, FIRST)
    if not np.isfinite(float(first.fit.free_likelihood[0])):
        return first
    chosen = _tightest([refined(first, base, dilation, CHECK) for dilation in DILATIONS])
    loose = chosen.dilation
    settled = refined(chosen, base, loose, SETTLE)
    kept = base if every else _helpful(base, lambda fewer: refined(settled, fewer, loose, CHECK))
    last = refined(settled, kept, loose, LAST)
    return last if every else further(last, [kind for kind in kinds if kind in FURTHER])


def _without(
    first: Refined,
    base: Sequence[Kind],
    refined: Callable[[Refined | None, Sequence[Kind], int, int], Refined],
) -> Refined | None:
    """Return the object refined without effects, if all together predict the free voxels no better."""
    if not np.isfinite(float(first.fit.free_likelihood[0])):
        return None
    chosen = _tightest([refined(first, (), dilation, CHECK) for dilation in DILATIONS])
    plain, rich = (refined(chosen, kinds, chosen.dilation, GLANCE) for kinds in ((), base))
    return plain if plain.merit <= rich.merit else None


def _tightest(tried: Sequence[Refined]) -> Refined:
    """Return the first, tightest one that predicts the free voxels about as well as any."""
    least = min(one.merit for one in tried)
    return next(one for one in tried if not one.merit > least * (1 + LOOSER))


def _helpful(kinds: Sequence[Kind], refined: Callable[[Sequence[Kind]], Refined]) -> list[Kind]:
    """Return the effects without which the free voxels are predicted worse."""
    kept = list(kinds)
    best = refined(kept).merit
    for kind in kinds:
        fewer = [other for other in kept if other != kind]
        without = refined(fewer).merit
        if without <= best * (1 + (OFFSET_WORTH if kind == "background" else WORTH)):
            kept, best = fewer, min(best, without)
    return kept


def _only(known: Nuisances, kept: Sequence[Kind]) -> Nuisances:
    """Return the effects that are kept."""
    return replace(known, **{kind: None for kind in KINDS if kind not in kept})
