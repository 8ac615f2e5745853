"""The model that predicts unseen voxels best: which effects of the measurement, and how loose a support."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from sayre.retrieval.engine.bounds import Bounds
from sayre.retrieval.measurement.nuisances import KINDS, Kind, Nuisances
from sayre.retrieval.measurement.refine import Refined, refine

FIRST, CHECK, LAST = 100, 12, 100
"""Evaluations of the likelihood: with all effects, for each effect and support, and in the end."""
WORTH = 0.002
"""Relative improvement of the free likelihood below which an effect is left out."""
DILATIONS = (0, 2, 4)
"""Voxels by which the support may be dilated. One that cuts into the crystal is worse than a loose one, but a
loose one lets in noise."""
LOOSER = 0.03
"""Relative improvement of the free likelihood for which a looser support is taken."""
EVALUATIONS = FIRST + (len(KINDS) + 1) * CHECK + len(DILATIONS) * CHECK + LAST
"""Evaluations of `best_model` together."""


def best_model(
    obj: NDArray[np.complex64],
    support: NDArray[np.bool_],
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
    obj, support, bounds
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
    One effect after the other is left out and the rest refined on; with all it is refined on for as many
    evaluations, so that both had the same chance. Supports are compared in the same way. Where no voxel is
    free nothing can be judged: all effects stay, and the loosest support.
    """
    done = 0

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

    loosest = DILATIONS[-1]
    first = refined(None, kinds, loosest, FIRST)
    if not np.isfinite(float(first.fit.free_likelihood[0])):
        return first
    kept = list(kinds) if every else _helpful(kinds, lambda fewer: refined(first, fewer, loosest, CHECK))
    tried = [refined(first, kept, dilation, CHECK) for dilation in DILATIONS]
    least = min(one.merit for one in tried)
    chosen = next(one for one in tried if not one.merit > least * (1 + LOOSER))
    return refined(chosen, kept, chosen.dilation, LAST)


def _helpful(kinds: Sequence[Kind], refined: Callable[[Sequence[Kind]], Refined]) -> list[Kind]:
    """Return the effects without which the free voxels are predicted worse."""
    kept = list(kinds)
    best = refined(kept).merit
    for kind in kinds:
        fewer = [other for other in kept if other != kind]
        without = refined(fewer).merit
        if without <= best * (1 + WORTH):
            kept, best = fewer, min(best, without)
    return kept


def _only(known: Nuisances, kept: Sequence[Kind]) -> Nuisances:
    """Return the effects that are kept."""
    return replace(known, **{kind: None for kind in KINDS if kind not in kept})
