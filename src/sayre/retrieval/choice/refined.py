"""Runs refined under the model of the measurement, and which of the refined objects is handed back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from sayre.retrieval.choice.margin import resampled, with_margin
from sayre.retrieval.choice.modes import Modes
from sayre.retrieval.choice.select import figure_of_merit
from sayre.retrieval.engine.bounds import Bounds
from sayre.retrieval.engine.runs import Report, Run, Status
from sayre.retrieval.engine.support import ShrinkWrap
from sayre.retrieval.measurement.effects import helpful
from sayre.retrieval.measurement.nuisances import Nuisances, effects_of
from sayre.retrieval.measurement.refine import Refined, refine

Objects = NDArray[np.complex64]
Mask = NDArray[np.bool_]

EVALUATIONS = 60
"""Evaluations of the likelihood for the refinement of a run."""
ITERATIONS = 150
"""Iterations of phase retrieval that take as long as the refinement of a run."""
OF_AVERAGE = 40
"""Evaluations for that of the average."""
TRUSTED = 0.9
"""Agreement of the runs below which their average is not tried."""


def refine_runs(
    runs: Sequence[Run],
    bounds: Bounds,
    sharp: ShrinkWrap,
    effects: str,
    *,
    device: str | torch.device = "cpu",
    report: Report | None = None,
) -> list[Refined]:
    """Refine every run on an array with a margin; none where that predicts the free voxels no better.

    Parameters
    ----------
    runs
        Runs on the measured array or on one with a margin.
    bounds
        Bounds on the measured array.
    sharp
        Shrink-wrap that gives the support of runs on the measured array.
    effects
        As `sayre.retrieval.settings.Settings.refine`.
    device
        `cpu` or `cuda`.
    report
        Function that is called with the status now and then.
    """
    if effects == "none":
        return []
    wide = with_margin(bounds)
    shape = wide.counts.shape
    order = sorted(range(len(runs)), key=lambda i: figure_of_merit(runs[i]))
    done: dict[int, Refined] = {}
    kinds = effects_of(effects, len(shape))
    for number, place in enumerate(order):
        run = runs[place]
        on_wide = run.object.shape == shape
        obj = run.object if on_wide else resampled(run.object, shape)
        support = run.support if on_wide else sharp.final(obj)
        part = _part(report, run, number, len(runs), bounds.counts.shape, sharp)
        if number == 0 and effects == "auto":
            found = helpful(obj, support, wide, kinds, EVALUATIONS, device=device, report=part)
            if found.merit >= figure_of_merit(run):
                return []
            kinds = found.nuisances.kinds
        else:
            known = done[order[0]].nuisances if number else Nuisances()
            found = refine(
                obj, support, wide, kinds, evaluations=EVALUATIONS, known=known, device=device, report=part
            )
        done[place] = found
    return [done[place] for place in range(len(runs))]


def better_of(
    refined: Sequence[Refined],
    modes: Modes,
    bounds: Bounds,
    sharp: ShrinkWrap,
    *,
    device: str | torch.device = "cpu",
) -> tuple[Refined, int | None]:
    """Return what predicts the free voxels best: a refined run with its place, or their refined average.

    Parameters
    ----------
    refined
        Refined runs.
    modes
        Their modes on the measured array.
    bounds
        Bounds on the measured array.
    sharp
        Shrink-wrap that gives the support of the average.
    device
        `cpu` or `cuda`.
    """
    best = min(range(len(refined)), key=lambda i: refined[i].merit)
    if len(refined) < 2 or not modes.agreement >= TRUSTED:
        return refined[best], best
    wide = with_margin(bounds)
    common = resampled(modes.modes[0], wide.counts.shape)
    known = refined[best].nuisances
    average = refine(
        common,
        sharp.final(common),
        wide,
        known.kinds,
        evaluations=OF_AVERAGE,
        known=known,
        device=device,
    )
    return (average, None) if average.merit <= refined[best].merit else (refined[best], best)


def _part(
    report: Report | None, run: Run, number: int, count: int, shape: tuple[int, ...], sharp: ShrinkWrap
) -> Callable[[float], None]:
    """Return a function of the fraction done of one refinement, which reports the status of all."""

    def estimate(_: int) -> tuple[Objects, Mask]:
        obj = resampled(run.object, shape)
        return obj, sharp.final(obj)

    def told(fraction: float) -> None:
        if report:
            report(
                Status(
                    fraction=(number + fraction) / count,
                    iteration=int(EVALUATIONS * fraction),
                    indices=(run.index,),
                    residuals=(run.residual,),
                    estimate=estimate,
                )
            )

    return told
