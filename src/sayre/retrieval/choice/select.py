"""Which starts to believe, without knowing the truth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from sayre.retrieval.choice.align import align, aligned, correlation
from sayre.retrieval.engine.runs import Run

LIKELIHOOD_RANGE = 1.5
"""Starts whose free likelihood is worse than the best by more than this factor are not selected."""
OUTLIER = 1.5
"""Nor those that disagree with the middle start this many times more than its median neighbour."""


def select(runs: Sequence[Run], keep: float = 0.5) -> list[Run]:
    """The runs to average, the one in the middle of them first.

    The best `keep` of those that finished by free likelihood (by likelihood where no voxels were free); of
    them those that agree with the one that agrees best with all.

    Raises
    ------
    ValueError
        No run finished.
    """
    finished = sorted((run for run in runs if not run.failed), key=figure_of_merit)
    if not finished:
        raise ValueError("select: no run finished")
    best = finished[: max(1, round(keep * len(finished)))]
    selected = [run for run in best if figure_of_merit(run) <= LIKELIHOOD_RANGE * figure_of_merit(best[0])]
    if len(selected) < 3:
        return selected
    apart = 1 - agreement(run.object for run in selected)
    middle = int(apart.sum(0).argmin())
    others = np.delete(apart[middle], middle)
    near = apart[middle] <= OUTLIER * float(np.median(others)) + 1e-6
    order = np.argsort(apart[middle], kind="stable")
    return [selected[i] for i in order if near[i]]


def agreeing_with_last(runs: Sequence[Run], enough: float) -> list[Run]:
    """The last run and those that are the same object; none if there are none, or if another fits better.

    Fits as well: `LIKELIHOOD_RANGE`; the same: a complex correlation of `enough` after alignment.
    """
    *others, last = (run for run in runs if not run.failed or run is runs[-1])
    if last.failed or not others:
        return []
    limit = LIKELIHOOD_RANGE * min(figure_of_merit(run) for run in (last, *others))
    same = [
        run
        for run in others
        if figure_of_merit(run) <= limit
        and correlation(align(run.object, last.object), last.object) >= enough
    ]
    return [last, *same] if same and figure_of_merit(last) <= limit else []


def figure_of_merit(run: Run) -> float:
    """The free likelihood, or where no voxels were free the likelihood; less is better."""
    return run.free_likelihood if np.isfinite(run.free_likelihood) else run.likelihood


def agreement(objects: Iterable[NDArray[np.complex64]]) -> NDArray[np.float64]:
    """Complex correlation of every pair after alignment, `(n, n)`, ones on the diagonal.

    Objects are aligned on the first, once each: aligned on one, they are aligned on each other.
    """
    found = aligned(objects)
    table = np.eye(len(found))
    for i, a in enumerate(found):
        for j, b in enumerate(found[:i]):
            table[i, j] = table[j, i] = correlation(a, b)
    return table
