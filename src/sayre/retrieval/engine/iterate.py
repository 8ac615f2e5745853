"""Iterate one recipe from many starts, several at a time on the device.

A start that fails (not finite, empty) is marked as failed and does not stop the others.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence, Sized
from dataclasses import replace
from functools import partial
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from sayre.retrieval.engine.algorithms import ER, Algorithm, State
from sayre.retrieval.engine.arrays.corner import to_corner
from sayre.retrieval.engine.bounds import Bounds
from sayre.retrieval.engine.modulus import Modulus
from sayre.retrieval.engine.packed import Mask, Objects, Packed
from sayre.retrieval.engine.recipe import DETWIN, PSF, Step
from sayre.retrieval.engine.run import Run
from sayre.retrieval.engine.snapshots import Snapshot, Snapshots, arrays_of, restore
from sayre.retrieval.engine.start import Start
from sayre.retrieval.engine.status import Report, Status
from sayre.retrieval.engine.support import ShrinkWrap

BATCH_BYTES = 6 * 8
"""Bytes of device memory that one start needs for each voxel: six complex arrays."""
DETWIN_STEPS = 10
"""Iterations of error reduction in one half of the support for each `DETWIN`."""


def retrieve(
    bounds: Bounds,
    starts: Iterable[Start],
    steps: Sequence[Step],
    shrink_wrap: ShrinkWrap,
    *,
    count: int | None = None,
    device: str | torch.device = "cpu",
    batch: int | None = None,
    report: Report | None = None,
    snapshots: Snapshots | None = None,
) -> Generator[Run, None, None]:
    """Iterate a recipe from every start, and yield runs as they finish, in the order of the starts.

    Parameters
    ----------
    bounds
        Bounds of the amplitude of every voxel.
    starts
        Starts; they are requested one batch at a time, so that a generator need not hold all.
    steps
        Steps of the recipe, from `sayre.retrieval.engine.recipe.parse`.
    shrink_wrap
        How `SW` updates the support.
    count
        Number of starts, where `starts` has no length; used for the fraction done.
    device
        `cpu` or `cuda`.
    batch
        Starts on the device at once; by default one on a CPU, and on a GPU as many as its free memory holds.
    report
        Function that is called with the status after every group of iterations.
    snapshots
        Where the state of running starts is saved, and resumed from.
    """
    device = torch.device(device)
    size = batch or batch_size(bounds.counts.size, device)
    total = len(starts) if isinstance(starts, Sized) else count
    waiting, done = iter(starts), 0
    modulus = None
    while group := list(islice(waiting, size)):
        if modulus is None or len(modulus.field) != len(group):
            modulus = Modulus(bounds, len(group), device)
        running = _Batch(group, modulus, steps, shrink_wrap, report, snapshots)
        running.done, running.total = done, max(total or 0, done + len(group))
        done += len(group)
        group.clear()
        yield from running.run()
        del running  # its arrays are not kept while the next start is made


def batch_size(voxels: int, device: torch.device) -> int:
    """Return how many starts are iterated at once: one on a CPU, on a GPU as many as its free memory holds.

    Parameters
    ----------
    voxels
        Of the array.
    device
        Device of the computation.
    """
    if device.type != "cuda":
        return 1
    free, _ = torch.cuda.mem_get_info(device)
    return max(1, int(0.8 * free) // (BATCH_BYTES * voxels))


class _Batch:
    """Starts that are iterated together.

    `at` is the index of the present step in `steps`, `within` the iterations done of that step, `iteration`
    those of all steps; `done` of `total` starts finished in earlier batches.
    """

    at = within = iteration = done = total = 0
    last: Algorithm | None = None

    def __init__(
        self,
        starts: Sequence[Start],
        modulus: Modulus,
        steps: Sequence[Step],
        shrink_wrap: ShrinkWrap,
        report: Report | None,
        snapshots: Snapshots | None,
    ) -> None:
        self.indices = tuple(start.index for start in starts)
        self.modulus, self.steps, self.shrink_wrap = modulus, steps, shrink_wrap
        self.report, self.snapshots = report, snapshots
        self.failed = [start.failed for start in starts]
        self.history: list[list[tuple[int, float]]] = [[*start.history] for start in starts]
        self.before = [start.history[-1][0] if start.history else 0 for start in starts]
        self.iterations = sum(step.count for step in steps if step.algorithm)
        x = torch.empty_like(modulus.field)
        self.state = State(x=x, p=torch.empty_like(x), support=torch.empty_like(x, dtype=torch.bool))
        modulus.coherence = None
        saved = snapshots.of_starts(self.indices) if snapshots else None
        if saved is None:
            for start, one, inside in zip(starts, x, self.state.support, strict=True):
                to_corner(start.object, one)
                to_corner(start.support, inside)
            modulus.set_point_spreads([start.point_spread for start in starts])
        else:
            self._resume(saved)

    def run(self) -> Iterator[Run]:
        """Iterate the recipe, and yield the runs in the order of the starts."""
        with torch.no_grad():
            last = self._iterate()
            solution = last.solution(self.state, self.modulus)
            fit = self.modulus.fit_quality(solution)
        self.state.x = solution  # frees the iterate
        for row, one in enumerate(solution):
            yield self._finish(row, one, *(float(value[row]) for value in fit))

    def _iterate(self) -> Algorithm:
        while self.at < len(self.steps):
            step = self.steps[self.at]
            if step.algorithm is None:
                self._special(step)
            else:
                self._repeat(step.algorithm, step.count)
            self.at += 1
        assert self.last is not None
        return self.last

    def _repeat(self, algorithm: Algorithm, count: int) -> None:
        if algorithm != self.last:
            self.state.extra.clear()
            self.last = algorithm
        while self.within < count:
            if self.snapshots and self.snapshots.due:
                self._keep(self.snapshots)
            algorithm.step(self.state, self.modulus)
            self.within += 1
            self.iteration += 1
        self.within = 0
        self._check(algorithm)

    def _special(self, step: Step) -> None:
        state, last = self.state, self.last
        if step.operation == DETWIN:
            self._detwin()
        elif last is not None and step.operation == PSF:
            self.modulus.update_coherence(last.estimate(state), state.support)
        elif last is not None:
            wrap = self.shrink_wrap
            if step.sigma is not None:
                wrap = replace(wrap, sigma=(step.sigma, step.sigma))
            progress = self.iteration / self.iterations
            state.support = wrap.update(last.estimate(state), state.support, progress, self.modulus.field)
            state.extra.clear()

    def _detwin(self) -> None:
        """Iterate error reduction in one half of each support, so that object and twin do not mix."""
        state, whole = self.state, self.state.support
        halved = whole.clone()
        for row in halved:
            axis = max(range(row.ndim), key=lambda a: int(_extent(row, a)))
            n = row.shape[axis]
            row.narrow(axis, 1, (n - 1) // 2).fill_(False)
        state.support = halved
        for _ in range(DETWIN_STEPS):
            ER().step(state, self.modulus)
        state.support = whole
        state.extra.clear()

    def _check(self, algorithm: Algorithm) -> None:
        """Mark starts that failed, and report the residuals of all."""
        state, iteration = self.state, max(self.before) + self.iteration
        after = f"after {iteration} iterations"
        for row, x in enumerate(state.x):
            power = float(torch.vdot(x.flatten(), x.flatten()).real)
            if not self.failed[row] and not np.isfinite(power):
                self.failed[row] = f"not finite {after}"
            elif not self.failed[row] and (power == 0 or not bool(state.support[row].any())):
                self.failed[row] = f"support or object empty {after}"
            if self.failed[row]:
                x.zero_()
                state.p[row].zero_()
                state.extra.clear()
        residuals = self.modulus.residual(algorithm.estimate(state), state.support).tolist()
        for past, before, residual in zip(self.history, self.before, residuals, strict=True):
            past.append((before + self.iteration, residual))
        if self.report:
            self.report(
                Status(
                    fraction=(self.done + len(self.indices) * self.iteration / self.iterations) / self.total,
                    iteration=iteration,
                    indices=self.indices,
                    residuals=tuple(residuals),
                    estimate=partial(self._estimate, algorithm),
                )
            )

    def _estimate(self, algorithm: Algorithm, row: int) -> tuple[Objects, Mask]:
        """Copy the present object and support of one start, centred."""
        support = self.state.support[row]
        inside = algorithm.estimate(self.state)[row] * support
        return np.fft.fftshift(inside.cpu().numpy()), np.fft.fftshift(support.cpu().numpy())

    def _keep(self, snapshots: Snapshots) -> None:
        arrays = arrays_of(self.state, self.modulus)
        if arrays is not None:
            snapshots.keep(
                {
                    **arrays,
                    "indices": np.array(self.indices),
                    "place": np.array([self.at, self.within, self.iteration]),
                    "history": np.array(self.history, np.float64),
                    "failed": np.array(self.failed),
                }
            )

    def _resume(self, saved: Snapshot) -> None:
        restore(saved, self.state, self.modulus)
        self.at, self.within, self.iteration = (int(n) for n in saved["place"])
        self.last = self.steps[self.at].algorithm
        self.history = [[(int(i), float(r)) for i, r in past] for past in saved["history"]]
        self.failed = [str(reason) for reason in saved["failed"]]

    def _finish(self, row: int, solution: Tensor, residual: float, likelihood: float, free: float) -> Run:
        if self.failed[row]:
            solution.zero_()
        centred = (np.fft.fftshift(part.cpu().numpy()) for part in (solution, self.state.support[row]))
        coherence = self.modulus.coherence
        return Run(
            index=self.indices[row],
            packed=Packed.of(*centred),
            residual=residual,
            likelihood=likelihood,
            free_likelihood=free,
            history=tuple(self.history[row]),
            failed=self.failed[row],
            point_spread=None if coherence is None else coherence.point_spread()[row].cpu().numpy(),
        )


def _extent(support: Tensor, axis: int) -> Tensor:
    """Count the planes across `axis` that hold voxels of the support."""
    return support.any(tuple(i for i in range(support.ndim) if i != axis)).sum()
