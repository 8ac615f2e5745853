"""The counts that a crystal explains: starts, then likelihood with the filling as a prior."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from sayre.data import FilledPattern
from sayre.errors import InputError
from sayre.filling.kept import Kept
from sayre.numerics.progress import Advance
from sayre.retrieval.choice.margin import cut_back, resampled, with_margin
from sayre.retrieval.choice.select import figure_of_merit, select
from sayre.retrieval.choice.wide import beyond_the_edges
from sayre.retrieval.engine.bounds import Bounds, Prior, amplitude_bounds
from sayre.retrieval.engine.iterate import retrieve
from sayre.retrieval.engine.recipe import parse, recipe_text, stages
from sayre.retrieval.engine.run import Run
from sayre.retrieval.engine.status import Report, Status
from sayre.retrieval.engine.support import ShrinkWrap
from sayre.retrieval.measurement.model import best_model
from sayre.retrieval.measurement.nuisances import Nuisances, kinds_for
from sayre.retrieval.measurement.refine import Refined, refine
from sayre.retrieval.search import Round, search
from sayre.retrieval.settings import Settings
from sayre.retrieval.starts import starts
from sayre.retrieval.stored import refined_arrays, run_arrays, stored_refined, stored_run

Counts = NDArray[np.float32]
Told = Callable[[float], None]
T = TypeVar("T")

STARTS, SEED, RECIPE = 4, 0, "quick"
"""Starts at most."""
ENOUGH, REFINED = 0.9, 2
"""Complex correlation of two starts from which on no more are made, and how many are refined."""
SEARCH_SIDE = {2: 96, 3: 64}
"""Voxels a side around the peak in which starts are searched for, by dimensions; the rest of the box follows.
In 3D the whole box would take too long."""
SIGMAS, LEAST_SIGMA = 4.0, 0.05
"""Half-width of the bounds of the iterations, in standard errors of the filling, and the least such error."""
WEIGHT = 0.25
"""Weight of the filling in the likelihood: its error is too confident where the crystal knows more."""
EVALUATIONS, FEWER = 120, 48
"""Evaluations of the likelihood for a start under known effects, and without effects."""
SEARCHED, EXTENDED, CHOSEN, NEAR = 0.3, 0.5, 0.8, 0.2
"""Fraction of the work after the search, the iterations beyond the edges, and the choice of the effects; and
of that choice after its iterations."""


def explained(
    filled: FilledPattern, *, device: torch.device, told: Advance, kept: Kept | None = None
) -> list[Counts]:
    """Phase counts from a few starts, and return the counts that each good one expects, in gaps too.

    Starts are made around the peak until two agree. There the effects of the measurement are chosen, and the
    best starts are then iterated and refined in the whole box.

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
    phasing = _Phasing(device=device, told=told, kept=kept)
    inner = filled.crop(tuple(_middle(n, SEARCH_SIDE[len(filled.shape)]) for n in filled.shape))
    near = bounds_of(inner)
    chosen = phasing.chosen(inner, near)
    whole = near if inner.shape == filled.shape else bounds_of(filled)
    share = (EXTENDED - SEARCHED) / len(chosen)
    extended = [
        phasing.extended(run, whole, "wide", _part(told, SEARCHED + number * share, share))
        for number, run in enumerate(chosen)
    ]
    share = (1 - CHOSEN) / len(chosen)
    last = [_part(told, CHOSEN + number * share, share) for number in range(len(chosen))]
    choice = _part(told, EXTENDED, CHOSEN - EXTENDED)
    if whole is near:
        model = phasing.model(extended[0], near, choice)
        others = zip(extended[1:], last[1:], strict=True)
        refined = [model, *(phasing.refined(run, near, model, 1.0, part) for run, part in others)]
    else:
        first = phasing.extended(chosen[0], near, "near", _part(choice, 0, NEAR))
        model = phasing.model(first, near, _part(choice, NEAR, 1 - NEAR))
        finer = with_margin(whole).counts.shape[0] / with_margin(near).counts.shape[0]
        refined = [
            phasing.refined(run, whole, model, finer, part) for run, part in zip(extended, last, strict=True)
        ]
    told(1.0)
    return [cut_back(one.expected, filled.shape) for one in refined]


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


def _middle(n: int, most: int) -> slice:
    """Return the part of an axis in which starts are searched for, with the same centre."""
    side = min(n, most)
    return slice(n // 2 - side // 2, n // 2 - side // 2 + side)


@dataclass(frozen=True, kw_only=True)
class _Phasing:
    """Steps of the phasing, each kept as it is done."""

    device: torch.device
    told: Advance
    kept: Kept | None

    def chosen(self, inner: FilledPattern, bounds: Bounds) -> list[Run]:
        """Make starts until two agree, and return the best, the best one first."""
        wrap, steps = ShrinkWrap.of(Settings()), stages(parse(recipe_text(RECIPE))).starts
        settings = Settings(seed=SEED)

        def made(one: Round, waiting: Iterable[int]) -> Iterator[Run]:
            start = one.starts()
            for index in waiting:
                report = _report(_part(self.told, SEARCHED * index / STARTS, SEARCHED / STARTS))
                yield from retrieve(bounds, [start(index)], steps, wrap, device=self.device, report=report)

        known = [self._kept(f"start {index}", stored_run) for index in range(STARTS)]
        one = Round(
            starts=lambda: starts(inner, bounds, settings, device=self.device),
            recipe=recipe_text(RECIPE),
            indices=range(STARTS),
        )
        found = search(
            [one],
            made,
            enough=ENOUGH,
            finished=[run for run in known if run is not None],
            on_run=lambda run: self._keep(f"start {run.index}", run_arrays(run)),
        )
        if all(run.failed for run in found.runs):
            raise InputError(f"{inner.name}: every start failed, the first: {found.runs[0].failed}")
        self.told(SEARCHED)
        return sorted(found.agreeing or select(found.runs, 1.0), key=figure_of_merit)[:REFINED]

    def extended(self, run: Run, bounds: Bounds, name: str, told: Told) -> Run:
        """Iterate a start on an array with a margin around the bounds."""
        known = self._kept(f"{name} {run.index}", stored_run)
        if known is not None:
            return known
        wrap = ShrinkWrap.of(Settings())
        sharp, wide = replace(wrap, sigma=(wrap.sigma[1],) * 2), stages(parse(recipe_text(RECIPE))).wide
        (found,) = beyond_the_edges([run], bounds, wide, sharp, device=self.device, report=_report(told))
        self._keep(f"{name} {run.index}", run_arrays(found))
        return found

    def model(self, run: Run, bounds: Bounds, told: Told) -> Refined:
        """Refine a start, and choose which effects of the measurement there are."""
        known = self._kept("model", stored_refined)
        if known is not None:
            return known
        wide = with_margin(bounds)
        kinds = kinds_for(wide.counts.ndim)
        found = best_model([_on(run, wide)], wide, kinds, device=self.device, report=told)
        self._keep("model", refined_arrays(found))
        return found

    def refined(self, run: Run, bounds: Bounds, model: Refined, finer: float, told: Told) -> Refined:
        """Refine a start under the effects of another one, on voxels that are so many times finer."""
        known = self._kept(f"refined {run.index}", stored_refined)
        if known is not None:
            return known
        wide, effects = with_margin(bounds), model.nuisances
        obj, support = _on(run, wide)
        if finer != 1:
            effects = Nuisances(spread=effects.spread, tails=effects.tails, background=effects.background)
        found = refine(
            obj,
            support,
            wide,
            model.nuisances.kinds,
            evaluations=EVALUATIONS if model.nuisances.kinds else FEWER,
            dilation=round(finer * model.dilation),
            known=effects,
            device=self.device,
            report=told,
        )
        self._keep(f"refined {run.index}", refined_arrays(found))
        return found

    def _kept(self, name: str, made: Callable[[Mapping[str, Any]], T | None]) -> T | None:
        left = None if self.kept is None else self.kept.load(name)
        return None if left is None else made(left)

    def _keep(self, name: str, arrays: dict[str, Any]) -> None:
        if self.kept is not None:
            self.kept.save(name, **arrays)


def _part(told: Told, before: float, share: float) -> Told:
    return lambda fraction: told(before + share * min(fraction, 1.0))


def _report(told: Told) -> Report:
    def report(now: Status) -> None:
        told(now.fraction)

    return report


def _on(run: Run, wide: Bounds) -> tuple[NDArray[np.complex64], NDArray[np.bool_]]:
    """Return object and support of a run on an array with a margin, even where it failed to get there."""
    if run.object.shape == wide.counts.shape:
        return run.object, run.support
    obj = resampled(run.object, wide.counts.shape)
    return obj, ShrinkWrap.of(Settings()).final(obj)
