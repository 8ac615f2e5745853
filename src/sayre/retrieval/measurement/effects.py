"""Which effects of beam and detector stay in the model: those that help to predict unseen voxels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from sayre.retrieval.engine.bounds import Bounds
from sayre.retrieval.measurement.nuisances import KINDS, Kind, Nuisances
from sayre.retrieval.measurement.refine import Refined, refine

CHECK = 15
"""Evaluations of the likelihood with and without an effect, each from the same object."""
WORTH = 0.002
"""Relative improvement of the free likelihood below which an effect is left out."""


def helpful(
    obj: NDArray[np.complex64],
    support: NDArray[np.bool_],
    bounds: Bounds,
    kinds: Sequence[Kind],
    evaluations: int,
    *,
    device: str | torch.device = "cpu",
    report: Callable[[float], None] | None = None,
) -> Refined:
    """Refine an object, and leave out the effects whose absence does not worsen the free likelihood.

    Parameters
    ----------
    obj, support, bounds
        As `sayre.retrieval.measurement.refine.refine` takes them.
    kinds
        Effects to try.
    evaluations
        Evaluations of the likelihood for the first refinement, and for the last one.
    device
        `cpu` or `cuda`.
    report
        Function that is called with the fraction done.

    Notes
    -----
    One effect after the other is left out and the rest refined on; with all it is refined on for as many
    evaluations, so that both had the same chance. Where no voxel is free nothing can be judged, and all stay.
    """
    total = 2 * evaluations + (len(kinds) + 1) * CHECK
    done = 0

    def refined(base: Refined | None, kept: Sequence[Kind], count: int) -> Refined:
        nonlocal done
        begun, done = done, done + count

        def part(fraction: float) -> None:
            if report:
                report((begun + count * fraction) / total)

        known = None if base is None else _without(base, kept)
        start = obj if base is None else base.object
        return refine(
            start, support, bounds, kept, evaluations=count, known=known, device=device, report=part
        )

    first = refined(None, kinds, evaluations)
    if not np.isfinite(float(first.fit.free_likelihood[0])):
        return first
    kept, with_all = list(kinds), refined(first, kinds, CHECK)
    best = with_all
    for kind in kinds:
        fewer = [other for other in kept if other != kind]
        without = refined(first, fewer, CHECK)
        if without.merit <= best.merit * (1 + WORTH):
            kept, best = fewer, min(best, without, key=lambda one: one.merit)
    return with_all if len(kept) == len(kinds) else refined(None, kept, evaluations)


def _without(base: Refined, kept: Sequence[Kind]) -> Nuisances:
    """Return the effects of a refined object that are kept."""
    return replace(base.nuisances, **{kind: None for kind in KINDS if kind not in kept})
