"""Selection of the runs to average, from their fit to the counts and their agreement."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from sayre.retrieval.choice.align import align, aligned, correlation
from sayre.retrieval.engine.run import Run

LIKELIHOOD_RANGE = 1.5
"""Runs whose free log-likelihood is more than this factor times the best are not selected."""
OUTLIER = 1.5
"""Runs are not selected whose disagreement with the central run, 1 less the complex correlation, is more than
this factor times the median."""


def select(runs: Sequence[Run], keep: float = 0.5) -> list[Run]:
    """Return the runs to average, the central one first: that which agrees best with the others.

    These are, among the best runs by `figure_of_merit`, those that agree with the central one.

    Parameters
    ----------
    runs
        Finished runs; failed ones are left out.
    keep
        Fraction of them to select at most, rounded to whole runs, but one at least.

    Raises
    ------
    ValueError
        Every run failed.
    """
    finished = sorted((run for run in runs if not run.failed), key=figure_of_merit)
    if not finished:
        raise ValueError("select: every run failed, so that there is nothing to select")
    best = finished[: most_selected(len(finished), keep)]
    selected = [run for run in best if figure_of_merit(run) <= LIKELIHOOD_RANGE * figure_of_merit(best[0])]
    if len(selected) < 3:
        return selected
    apart = 1 - agreement(run.object for run in selected)
    central = int(apart.sum(0).argmin())
    others = np.delete(apart[central], central)
    near = apart[central] <= OUTLIER * float(np.median(others)) + 1e-6
    order = np.argsort(apart[central], kind="stable")
    return [selected[i] for i in order if near[i]]


def most_selected(finished: int, keep: float) -> int:
    """Return how many of some finished runs are selected at most.

    Parameters
    ----------
    finished
        Number of runs that did not fail.
    keep
        As `select` takes it.
    """
    return max(1, round(keep * finished))


def agreeing_with_last(runs: Sequence[Run], enough: float) -> list[Run]:
    """Return the last run and those of the same object, if they fit as well as any; else no runs.

    Runs fit as well as the best within `LIKELIHOOD_RANGE`.

    Parameters
    ----------
    runs
        Runs in the order in which they finished.
    enough
        Complex correlation, after alignment, from which on two objects count as the same.
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
    """Return the free log-likelihood, or the log-likelihood where no voxel was free; less is better."""
    return run.free_likelihood if np.isfinite(run.free_likelihood) else run.likelihood


def agreement(objects: Iterable[NDArray[np.complex64]]) -> NDArray[np.float64]:
    """Compute the complex correlation of every pair of objects, `(n, n)` with ones on the diagonal.

    Each object is aligned on the first once, and they are then aligned on each other.
    """
    on_first = aligned(objects)
    table = np.eye(len(on_first))
    for i, a in enumerate(on_first):
        for j, b in enumerate(on_first[:i]):
            table[i, j] = table[j, i] = correlation(a, b)
    return table
