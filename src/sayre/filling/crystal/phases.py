"""The counts that a crystal explains: starts, then likelihood with the filling as a prior."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from sayre.data import FilledPattern
from sayre.filling.kept import Kept
from sayre.retrieval.choice.margin import cut_back, with_margin
from sayre.retrieval.choice.select import figure_of_merit, select
from sayre.retrieval.choice.wide import beyond_the_edges
from sayre.retrieval.engine.bounds import Bounds, Prior, amplitude_bounds
from sayre.retrieval.engine.recipe import iterations, parse, recipe_text, split_at_wide
from sayre.retrieval.engine.runs import Report, Run, Status, retrieve
from sayre.retrieval.engine.support import ShrinkWrap
from sayre.retrieval.measurement.model import best_model
from sayre.retrieval.measurement.nuisances import kinds_for
from sayre.retrieval.measurement.refine import Refined, refine
from sayre.retrieval.settings import Settings
from sayre.retrieval.starts import StartOf, starts
from sayre.retrieval.stored import refined_arrays, run_arrays, stored_refined, stored_run

Counts = NDArray[np.float32]
Told = Callable[[float], None]

STARTS, SEED, RECIPE = 4, 0, "quick"
SIGMAS, LEAST_SIGMA = 4.0, 0.05
"""Half-width of the bounds of the iterations, in standard errors of the filling; least error believed."""
WEIGHT = 0.25
"""Weight of the filling in the likelihood: its error is too confident where the crystal knows more."""
EVALUATIONS = 120
"""Evaluations of the likelihood for each start but the best, whose effects of the measurement are chosen."""
WIDER = 1.9
"""Time of an iteration with the margin over that of one without."""
SEARCHED = 0.5
"""Share of the iterations in the time of the whole."""


def explained(
    filled: FilledPattern, *, device: torch.device, told: Told, kept: Kept | None = None
) -> list[Counts]:
    """Phase counts from a few starts, and return the counts that each good one expects, in gaps too.

    Parameters
    ----------
    filled
        Counts with their peak in the middle, gaps filled with standard errors.
    device
        Of the computation.
    told
        Function that is called with the fraction done.
    kept
        Where finished starts are kept, and resumed from.

    Raises
    ------
    InputError
        Every start failed, or the autocorrelation shows no object.
    """
    bounds, wrap = bounds_of(filled), ShrinkWrap.of(Settings())
    start = starts(filled, bounds, Settings(seed=SEED), device=device)
    runs = []
    for index in range(STARTS):
        left = None if kept is None else kept.load(f"start {index}")
        run = stored_run(left) if left else None
        if run is None:
            run = _iterated(start, index, bounds, wrap, device, told)
            if kept:
                kept.save(f"start {index}", **run_arrays(run))
        runs.append(run)
        told(SEARCHED * (index + 1) / STARTS)
    chosen = sorted(select(runs, 1.0), key=figure_of_merit)
    wide, found = with_margin(bounds), list[Refined]()
    for number, run in enumerate(chosen):
        left = None if kept is None else kept.load(f"refined {run.index}")
        refined = stored_refined(left) if left else None
        part = _part(told, SEARCHED + (1 - SEARCHED) * number / len(chosen), (1 - SEARCHED) / len(chosen))
        if refined is None:
            refined = _refined(run, wide, found[0] if found else None, device, part)
            if kept:
                kept.save(f"refined {run.index}", **refined_arrays(refined))
        found.append(refined)
        part(1.0)
    return [cut_back(one.expected, filled.shape) for one in found]


def bounds_of(filled: FilledPattern) -> Bounds:
    """Return wide bounds, and the prior, that follow from a filling.

    Parameters
    ----------
    filled
        Centred counts, with standard errors.
    """
    mask = filled.mask
    sigma = np.where(mask, np.maximum(filled.sigma, np.float32(LEAST_SIGMA)), np.float32(0))
    bounds = amplitude_bounds(replace(filled, sigma=sigma), Settings(sigmas=SIGMAS, seed=SEED))
    level = np.where(mask, np.log1p(filled.intensity), np.float32(0))
    precision = np.where(mask, WEIGHT / np.maximum(sigma, LEAST_SIGMA) ** 2, 0).astype(np.float32)
    return replace(bounds, prior=Prior(level=level, precision=precision))


def _iterated(
    start: StartOf, index: int, bounds: Bounds, wrap: ShrinkWrap, device: torch.device, told: Told
) -> Run:
    """Iterate the recipe from one start, at its end on an array with a margin."""
    steps, wide = split_at_wide(parse(recipe_text(RECIPE)))
    before, after = iterations(steps), WIDER * iterations(wide)
    begun, share = SEARCHED * index / STARTS, SEARCHED / STARTS
    first = share * before / (before + after)
    (run,) = retrieve(
        bounds, [start(index)], steps, wrap, device=device, report=_report(_part(told, begun, first))
    )
    if run.failed:
        return run
    sharp = replace(wrap, sigma=(wrap.sigma[1],) * 2)
    rest = _report(_part(told, begun + first, share - first))
    (run,) = beyond_the_edges([run], bounds, wide, sharp, device=device, report=rest)
    return run


def _refined(run: Run, wide: Bounds, best: Refined | None, device: torch.device, told: Told) -> Refined:
    """Refine a run: under the effects of the best one, which are chosen where there is none yet."""
    if best is None:
        kinds = kinds_for(wide.counts.ndim)
        return best_model(run.object, run.support, wide, kinds, device=device, report=told)
    return refine(
        run.object,
        run.support,
        wide,
        best.nuisances.kinds,
        evaluations=EVALUATIONS,
        dilation=best.dilation,
        known=best.nuisances,
        device=device,
        report=told,
    )


def _part(told: Told, before: float, share: float) -> Told:
    return lambda fraction: told(before + share * min(fraction, 1.0))


def _report(told: Told) -> Report:
    def report(now: Status) -> None:
        told(now.fraction)

    return report
