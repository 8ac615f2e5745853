"""Many starts of one recipe, some at a time on the device; one that breaks does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sayre.phasing.engine.algorithms import ER, Algorithm, State
from sayre.phasing.engine.bounds import Bounds
from sayre.phasing.engine.modulus import Modulus
from sayre.phasing.engine.recipe import HALVE, SPREAD, Step
from sayre.phasing.engine.support import ShrinkWrap

Objects = NDArray[np.complex64]
Mask = NDArray[np.bool_]

BATCH_BYTES = 6 * 8
"""Device memory of one start for each voxel: six complex arrays."""
DETWIN_STEPS = 10


@dataclass(frozen=True, kw_only=True)
class Start:
    """Where a run begins: centred complex64 `object` and bool `support` of the bounds' shape."""

    index: int
    object: Objects
    support: Mask


@dataclass(frozen=True, kw_only=True)
class Run:
    """One finished start; `failed` says why it has no object (empty when it has).

    `object` is complex64, zero outside `support`, both centred. `residual`, `likelihood` and
    `free_likelihood` are those of `sayre.phasing.engine.modulus.Fit`; `history` holds (iteration, residual).
    """

    index: int
    object: Objects
    support: Mask
    residual: float
    likelihood: float
    free_likelihood: float
    history: tuple[tuple[int, float], ...] = ()
    failed: str = ""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Told after every few iterations: the fraction done of all starts, and residuals of those running.

    `look` takes a place in `indices` and gives that start's present object, centred complex64, and support.
    """

    fraction: float
    iteration: int
    indices: tuple[int, ...]
    residuals: tuple[float, ...]
    look: Callable[[int], tuple[Objects, Mask]]

    def note(self, runs: int) -> str:
        """For a progress bar: which start of how many, and the residuals of the first few that run."""
        residuals = ", ".join(f"{r:.3f}" for r in self.residuals[:3])
        return f"start {self.indices[0] + 1} of {runs}, R {residuals}"


def random_start(
    bounds: Bounds, support: Mask, index: int, seed: int, *, amplitude: NDArray[np.floating] | None = None
) -> Start:
    """Uniform amplitude in the support (or the given one) with uniformly random phases.

    Scaled to the measured counts; the same `seed` and `index` give the same start.
    """
    generator = np.random.default_rng([seed, index])
    phases = generator.uniform(-np.pi, np.pi, bounds.counts.shape)
    field = support * np.exp(1j * phases) * (1 if amplitude is None else amplitude)
    power = float(np.sum(np.abs(field) ** 2)) * field.size
    scale = np.sqrt(float(bounds.counts.sum(dtype=np.float64)) / max(power, 1e-30))
    return Start(index=index, object=(field * scale).astype(np.complex64), support=support)


def retrieve(
    bounds: Bounds,
    starts: Sequence[Start],
    steps: Sequence[Step],
    shrink_wrap: ShrinkWrap,
    *,
    device: str | torch.device = "cpu",
    batch: int | None = None,
    report: Callable[[Progress], None] | None = None,
) -> Iterator[Run]:
    """Run a recipe from every start; yields runs as they finish, in the order of the starts.

    Parameters
    ----------
    bounds
        What the counts allow.
    steps
        From `sayre.phasing.engine.recipe.parse`.
    batch
        Starts on the device at once; by default one on a CPU, on a GPU what its free memory takes.
    """
    device = torch.device(device)
    size = batch or _batch_size(bounds.counts.size, device)
    done = 0
    for first in range(0, len(starts), size):
        group = starts[first : first + size]
        modulus = Modulus(bounds, len(group), device)
        yield from _Batch(group, modulus, steps, shrink_wrap, report, done, len(starts)).run()
        done += len(group)


def _batch_size(voxels: int, device: torch.device) -> int:
    if device.type != "cuda":
        return 1
    free, _ = torch.cuda.mem_get_info(device)
    return max(1, int(0.8 * free) // (BATCH_BYTES * voxels))


class _Batch:
    """Starts that run together."""

    def __init__(
        self,
        starts: Sequence[Start],
        modulus: Modulus,
        steps: Sequence[Step],
        shrink_wrap: ShrinkWrap,
        report: Callable[[Progress], None] | None,
        done: int,
        total: int,
    ) -> None:
        device = modulus.field.device
        x = torch.stack([torch.from_numpy(np.fft.ifftshift(s.object)) for s in starts]).to(device)
        support = torch.stack([torch.from_numpy(np.fft.ifftshift(s.support)) for s in starts]).to(device)
        self.state = State(x=x, p=x.clone(), support=support)
        self.starts, self.modulus, self.steps, self.shrink_wrap = starts, modulus, steps, shrink_wrap
        self.report, self.done, self.total = report, done, total
        self.failed = [""] * len(starts)
        self.history: list[list[tuple[int, float]]] = [[] for _ in starts]
        self.iterations = sum(step.count for step in steps if step.algorithm)

    def run(self) -> Iterator[Run]:
        with torch.no_grad():
            last = self._iterate()
            solution = last.solution(self.state, self.modulus).clone()
            fit = self.modulus.fit(solution)
        for row, start in enumerate(self.starts):
            yield self._finish(row, start, solution[row], *(float(value[row]) for value in fit))

    def _iterate(self) -> Algorithm:
        iteration, last = 0, None
        for step in self.steps:
            if step.algorithm is None:
                self._special(step.what, last, iteration)
                continue
            if step.algorithm != last:
                self.state.extra.clear()
                last = step.algorithm
            for _ in range(step.count):
                last.step(self.state, self.modulus)
                iteration += 1
            self._check(last, iteration)
        assert last is not None
        return last

    def _special(self, what: str, last: Algorithm | None, iteration: int) -> None:
        state = self.state
        if what == HALVE:
            self._detwin()
            return
        if last is None:
            return
        if what == SPREAD:
            self.modulus.update_coherence(last.estimate(state), state.support)
            return
        state.support = self.shrink_wrap.update(
            last.estimate(state), state.support, iteration / self.iterations
        )
        state.extra.clear()

    def _detwin(self) -> None:
        """A few error reductions in one half of each support, so that one of the twins wins."""
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

    def _check(self, algorithm: Algorithm, iteration: int) -> None:
        """Take out starts that broke; tell how the others do."""
        state = self.state
        for row in range(len(self.starts)):
            power = float(torch.view_as_real(state.x[row]).square().sum(dtype=torch.float64))
            if not self.failed[row] and not np.isfinite(power):
                self.failed[row] = f"not finite after {iteration} iterations"
            elif not self.failed[row] and (power == 0 or not bool(state.support[row].any())):
                self.failed[row] = f"support or object empty after {iteration} iterations"
            if self.failed[row]:
                state.x[row].zero_()
                state.p[row].zero_()
                state.extra.clear()
        residuals = self.modulus.fit(algorithm.estimate(state), state.support).residual.tolist()
        for past, residual in zip(self.history, residuals, strict=True):
            past.append((iteration, residual))
        if self.report:
            self.report(
                Progress(
                    fraction=(self.done + len(self.starts) * iteration / self.iterations) / self.total,
                    iteration=iteration,
                    indices=tuple(s.index for s in self.starts),
                    residuals=tuple(residuals),
                    look=partial(self._look, algorithm),
                )
            )

    def _look(self, algorithm: Algorithm, row: int) -> tuple[Objects, Mask]:
        support = self.state.support[row]
        seen = algorithm.estimate(self.state)[row] * support
        return np.fft.fftshift(seen.cpu().numpy()), np.fft.fftshift(support.cpu().numpy())

    def _finish(
        self, row: int, start: Start, solution: Tensor, residual: float, likelihood: float, free: float
    ) -> Run:
        object_ = np.fft.fftshift(solution.cpu().numpy())
        support = np.fft.fftshift(self.state.support[row].cpu().numpy())
        run = Run(
            index=start.index,
            object=object_,
            support=support,
            residual=residual,
            likelihood=likelihood,
            free_likelihood=free,
            history=tuple(self.history[row]),
            failed=self.failed[row],
        )
        return replace(run, object=np.zeros_like(object_)) if run.failed else run


def _extent(support: Tensor, axis: int) -> Tensor:
    others = tuple(i for i in range(support.ndim) if i != axis)
    return support.any(others).sum() if others else support.sum()
