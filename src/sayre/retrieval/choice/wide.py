"""Iterations of the selected runs beyond the edges of the detector."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from sayre.errors import warn
from sayre.retrieval.choice.margin import resampled, with_margin
from sayre.retrieval.engine.bounds import Bounds
from sayre.retrieval.engine.iterate import retrieve
from sayre.retrieval.engine.recipe import Step
from sayre.retrieval.engine.run import Run
from sayre.retrieval.engine.start import Start
from sayre.retrieval.engine.status import Report, Status
from sayre.retrieval.engine.support import ShrinkWrap

Objects = NDArray[np.complex64]
Mask = NDArray[np.bool_]


def beyond_the_edges(
    runs: Sequence[Run],
    bounds: Bounds,
    steps: Sequence[Step],
    sharp: ShrinkWrap,
    *,
    device: str | torch.device = "cpu",
    report: Report | None = None,
) -> tuple[Run, ...]:
    """Return runs after further steps on an array with a margin; the given runs if there are no steps.

    Parameters
    ----------
    runs
        The selected runs.
    bounds
        Bounds of the amplitudes on the measured array.
    steps
        Steps of the recipe after `WIDE`.
    sharp
        How `SW` updates the support.
    device
        `cpu` or `cuda`.
    report
        Function that is called with the status every few iterations.

    Warns
    -----
    SayreWarning
        All runs fail in these steps (not finite, empty); the given ones are returned then.
    """
    if not steps:
        return tuple(runs)
    wide = tuple(_iterated(runs, bounds, steps, sharp, device, report))
    if all(run.failed for run in wide):
        warn(
            f"recipe: every start failed in the steps after WIDE, the first: {wide[0].failed}; "
            "the objects before these steps are averaged"
        )
        return tuple(runs)
    return tuple(run for run in wide if not run.failed)


def _iterated(
    runs: Sequence[Run],
    bounds: Bounds,
    steps: Sequence[Step],
    sharp: ShrinkWrap,
    device: str | torch.device,
    report: Report | None,
) -> Iterator[Run]:
    """Iterate further steps from runs on an array with a margin, and yield the results there."""
    wide, shape = with_margin(bounds), bounds.counts.shape

    def starts() -> Iterator[Start]:
        for run in runs:
            finer = resampled(run.object, wide.counts.shape)
            yield Start(
                index=run.index,
                object=finer,
                support=sharp.final(finer),
                point_spread=run.point_spread,
            )

    def report_measured(status: Status) -> None:
        """Report with estimates on the measured array."""

        def estimate(place: int) -> tuple[Objects, Mask]:
            obj = resampled(status.estimate(place)[0], shape)
            return obj, sharp.final(obj)

        if report:
            report(replace(status, estimate=estimate, step="beyond the edges"))

    yield from retrieve(wide, starts(), steps, sharp, count=len(runs), device=device, report=report_measured)
