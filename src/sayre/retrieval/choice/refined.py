"""Runs refined under the model of the measurement, and which of the refined objects is handed back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sayre.retrieval.choice.margin import resampled, with_margin
from sayre.retrieval.choice.middle import Middle
from sayre.retrieval.choice.modes import TRUSTED, Modes
from sayre.retrieval.choice.select import figure_of_merit
from sayre.retrieval.engine.bounds import Bounds
from sayre.retrieval.engine.iterate import retrieve
from sayre.retrieval.engine.recipe import Step
from sayre.retrieval.engine.run import Run
from sayre.retrieval.engine.start import Start
from sayre.retrieval.engine.status import Report, Status
from sayre.retrieval.engine.support import ShrinkWrap
from sayre.retrieval.measurement.corrected import corrected, point_spread
from sayre.retrieval.measurement.model import Candidate, best_model
from sayre.retrieval.measurement.nuisances import effects_of
from sayre.retrieval.measurement.refine import Refined, refine

Objects = NDArray[np.complex64]
Mask = NDArray[np.bool_]

EVALUATIONS, FEWER = 150, 48
"""Most evaluations of the likelihood for a refinement with effects, and without; many end earlier."""
ROUNDS, PROGRESS = 3, 0.05
"""Most times that a run is iterated and refined on, and the relative improvement of the free likelihood for
which it is done once more, or another threshold taken."""
THRESHOLDS = (0.2, 0.15)
"""Thresholds of shrink-wrap that are tried beside the given one."""
ITERATIONS = 6000
"""Iterations of phase retrieval that take about as long as the refinement of a run with effects, in 48³: the
progress is told by it."""


@dataclass(frozen=True, kw_only=True)
class Refinement:
    """How runs are refined on an array with a margin.

    Parameters
    ----------
    bounds
        Bounds on the measured array.
    sharp
        Shrink-wrap of the last iterations.
    steps
        Iterations after `WIDE`, repeated while that helps once the effects of the measurement are known.
    search
        Iterations before `WIDE`, which come first in the first repetition: a start that the effects led
        astray comes back.
    middle
        Middle of the pattern with the iterations before `WHOLE`, which come before these.
    effects
        As `sayre.retrieval.settings.Settings.refine`.
    thresholds
        Thresholds of shrink-wrap that the best run is iterated on with once it no longer gets better; one is
        kept if it predicts the free voxels better then, and is tried for the other runs.
    device
        `cpu` or `cuda`.
    """

    bounds: Bounds
    sharp: ShrinkWrap
    steps: Sequence[Step]
    effects: str
    search: Sequence[Step] = ()
    middle: Middle | None = None
    thresholds: Sequence[float] = ()
    device: str | torch.device = "cpu"

    def runs(self, runs: Sequence[Run], report: Report | None = None) -> list[Refined]:
        """Refine every run; none where that predicts the free voxels no better.

        The best run is the first, and decides which effects stay and how loose the support is.

        Parameters
        ----------
        runs
            Runs on the measured array or on one with a margin.
        report
            Function that is called with the status now and then.
        """
        if self.effects == "none":
            return []
        wide = with_margin(self.bounds)
        shape = wide.counts.shape
        order = sorted(range(len(runs)), key=lambda i: figure_of_merit(runs[i]))
        model: Refined | None = None
        done: dict[int, Refined] = {}
        tried: tuple[float, ...] = ()
        for number, place in enumerate(order):
            run = runs[place]
            obj, support = self._on_wide(run, shape)
            part = self._part(report, run, number, len(runs) + 1)
            first = _share(part, 0, 1 / (1 + ROUNDS))
            if model is None:
                model = found = self._best_model([(obj, support)], wide, first)
                if not model.merit < figure_of_merit(run):
                    self._part(report, run, len(runs), len(runs) + 1)(1.0)
                    return []
            else:
                found = self._refined(obj, support, wide, model, first)
            thresholds = self.thresholds if number == 0 else tried
            done[place] = model = self._on(found, run, wide, part, thresholds)
            if number == 0:
                tried = () if model.threshold is None else (model.threshold,)
            part(1.0)
        return [done[place] for place in range(len(runs))]

    def one(self, runs: Sequence[Run], report: Report | None = None) -> Refined | None:
        """Refine one of several runs of the same object; None where that predicts the free voxels no better.

        Parameters
        ----------
        runs
            Runs on the measured array or on one with a margin.
        report
            Function that is called with the status now and then.
        """
        wide = with_margin(self.bounds)
        part = self._part(report, runs[0], 0, 1)
        candidates = [self._on_wide(run, wide.counts.shape) for run in runs]
        found = self._best_model(candidates, wide, _share(part, 0, 1 / (1 + ROUNDS)))
        candidates.clear()
        if found.merit < min(map(figure_of_merit, runs)):
            found = self._on(found, runs[0], wide, part, self.thresholds)
            part(1.0)
            return found
        return None

    def better(
        self, refined: Sequence[Refined], modes: Modes, runs: Sequence[Run], report: Report | None = None
    ) -> tuple[Refined, int | None]:
        """Return what predicts the free voxels best: a refined run with its place, or their refined average.

        Parameters
        ----------
        refined
            Refined runs.
        modes
            Their modes on the measured array.
        runs
            The runs before they were refined.
        report
            Function that is called with the status now and then.
        """
        best = min(range(len(refined)), key=lambda i: refined[i].merit)
        part = self._part(report, runs[best], len(runs), len(runs) + 1)
        if len(refined) < 2 or not modes.agreement >= TRUSTED:
            part(1.0)
            return refined[best], best
        wide = with_margin(self.bounds)
        common = resampled(modes.modes[0], wide.counts.shape)
        threshold = refined[best].threshold
        sharp = self.sharp if threshold is None else replace(self.sharp, threshold=threshold)
        average = self._refined(common, sharp.final(common), wide, refined[best], part)
        part(1.0)
        if average.merit > refined[best].merit:
            return refined[best], best
        return replace(average, threshold=threshold), None

    def _on_wide(self, run: Run, shape: tuple[int, ...]) -> Candidate:
        """Return object and support of a run on the array with a margin."""
        if run.object.shape == shape:
            return run.object, run.support
        obj = resampled(run.object, shape)
        return obj, self.sharp.final(obj)

    def _best_model(
        self, candidates: Sequence[Candidate], wide: Bounds, report: Callable[[float], None]
    ) -> Refined:
        kinds, every = effects_of(self.effects, wide.counts.ndim), self.effects != "auto"
        return best_model(candidates, wide, kinds, every=every, device=self.device, report=report)

    def _refined(
        self,
        obj: Objects,
        support: Mask,
        wide: Bounds,
        model: Refined,
        report: Callable[[float], None],
    ) -> Refined:
        """Refine an object under the effects of another one."""
        return refine(
            obj,
            support,
            wide,
            model.nuisances.kinds,
            evaluations=EVALUATIONS if model.nuisances.kinds else FEWER,
            dilation=model.dilation,
            known=model.nuisances,
            device=self.device,
            report=report,
        )

    def _on(
        self,
        found: Refined,
        run: Run,
        wide: Bounds,
        part: Callable[[float], None],
        thresholds: Sequence[float],
    ) -> Refined:
        """Iterate and refine on without the effects found, while that predicts the free voxels better."""
        if not self.steps or not found.nuisances.kinds:
            return found
        count, begun = ROUNDS + len(thresholds), 1 / (1 + ROUNDS)
        share = (1 - begun) / count
        shares = [_share(part, begun + share * i, share) for i in range(count)]
        for number in range(ROUNDS):
            before, again = found, number == 0
            after = self._once_more(before, run.index, wide, self.sharp, shares.pop(0), again=again)
            found = min(before, after, key=lambda one: one.merit)
            if found.merit > (1 - PROGRESS) * before.merit:
                break
        return self._other_threshold(found, run.index, wide, thresholds, shares)

    def _other_threshold(
        self,
        found: Refined,
        index: int,
        wide: Bounds,
        thresholds: Sequence[float],
        shares: list[Callable[[float], None]],
    ) -> Refined:
        """Try other thresholds of shrink-wrap, and keep the one that predicts the free voxels best."""
        for threshold in thresholds:
            sharp = replace(self.sharp, threshold=threshold)
            after = self._once_more(found, index, wide, sharp, shares.pop(0))
            if after.merit < (1 - PROGRESS) * found.merit:
                found = replace(after, threshold=threshold)
        return found

    def _once_more(
        self,
        found: Refined,
        index: int,
        wide: Bounds,
        sharp: ShrinkWrap,
        part: Callable[[float], None],
        *,
        again: bool = False,
    ) -> Refined:
        """Iterate on counts without the effects found, and refine; return `found` where that fails."""
        start = Start(
            index=index,
            object=found.object,
            support=sharp.final(found.object),
            point_spread=point_spread(found.nuisances),
        )
        brought = corrected(wide, found.nuisances, found.moved)
        if again and self.middle:
            (start,) = self.middle.searched([start], brought, sharp, device=self.device)
        report, steps = _fraction_to(_share(part, 0, 0.5)), [*(self.search if again else ()), *self.steps]
        (further,) = retrieve(brought, [start], steps, sharp, device=self.device, report=report)
        if further.failed:
            return found
        return self._refined(further.object, further.support, wide, found, _share(part, 0.5, 0.5))

    def _part(self, report: Report | None, run: Run, number: int, count: int) -> Callable[[float], None]:
        """Return a function of the fraction done of one refinement, which reports the status of all."""

        def estimate(_: int) -> tuple[Any, Any]:
            obj = resampled(run.object, self.bounds.counts.shape)
            return obj, self.sharp.final(obj)

        def told(fraction: float) -> None:
            if report:
                report(
                    Status(
                        fraction=(number + min(fraction, 1.0)) / count,
                        iteration=0,
                        indices=(run.index,),
                        residuals=(run.residual,),
                        estimate=estimate,
                        step="refining under beam and detector",
                    )
                )

        return told


def _share(report: Callable[[float], None], before: float, share: float) -> Callable[[float], None]:
    """Return a function of the fraction done of a part of the work, which reports that of the whole."""

    def told(fraction: float) -> None:
        report(before + share * min(fraction, 1.0))

    return told


def _fraction_to(told: Callable[[float], None]) -> Report:
    """Return a report that passes on the fraction done alone."""

    def report(now: Status) -> None:
        told(now.fraction)

    return report
