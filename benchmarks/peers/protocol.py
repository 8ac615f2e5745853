"""What an adapter is given and gives back, and the clock that stops while it is looked at.

IN is an npz with `intensity` (float32 counts, centred) and `mask` (bool, True = not measured). OUT holds

- `objects`: complex64 `(starts, *shape)`, centred or not, with Sayre's Fourier sign, scaled to the counts;
- `residuals`, `deviances`, `seconds`: of each start; `iterations` of one;
- `answer`, `answer_residual`, `answer_deviance`: what the program itself makes of as many starts, if it does;
- `preparation`, `total`: seconds before the first start, and with those of all starts, or of the answer;
- `history`: rows of start, iteration, seconds since the start began (preparation included), residual;
- `pair`: seconds of torch's FFT pair of the same array, before and after;
- `memory`: bytes at the peak above what the imports and the input took, from a run that nobody looked at.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

EVERY = 20
"""Iterations between looks."""
FLOOR = 1e-3
"""Least counts that are calculated of a voxel: its deviance would be infinite where a count meets none."""
PAIR_REPEATS = 15

Object = NDArray[np.complex64]
Expected = NDArray[np.float32]


class Fit(NamedTuple):
    """Residual R and half the Poisson deviance of a voxel, of the measured voxels; the object, scaled."""

    residual: float
    deviance: float
    object: Object


@dataclass(frozen=True)
class Problem:
    """Counts to phase, with the budget: `iterations` of each of `starts`. `scratch` is an empty folder."""

    intensity: NDArray[np.float32]
    mask: NDArray[np.bool_]
    iterations: int
    starts: int
    seed: int
    threads: int
    scratch: Path


class Watch:
    """Times the starts of a program and judges what it has, with the clock stopped.

    An adapter calls `begin`, `look` every `EVERY` iterations and `end` for every start, then `begin` and
    `answer` if it has one of its own. It sets `iterations` where it does not keep to those of the problem.
    """

    def __init__(self, problem: Problem, *, looking: bool) -> None:
        self.amplitude = torch.from_numpy(np.sqrt(np.fft.ifftshift(problem.intensity)))
        self.used = torch.from_numpy(np.fft.ifftshift(~problem.mask))
        self.iterations, self.looking = problem.iterations, looking
        self.history: list[tuple[int, int, float, float]] = []
        self.objects: list[Object] = []
        self.residuals: list[float] = []
        self.deviances: list[float] = []
        self.seconds: list[float] = []
        self.extra: dict[str, Any] = {}
        self.answer_seconds: float | None = None
        self._lost = 0.0
        self._zero = time.perf_counter()
        self._began = 0.0
        self.preparation: float | None = None

    def begin(self) -> None:
        self._began = self._now()
        if self.preparation is None:
            self.preparation = self._began

    def look(self, iteration: int, object_: Callable[[], Any]) -> None:
        """Note the residual of the object that the call gives: what the program would return by now."""
        if not self.looking:
            return
        seconds = self._now() - self._began + (self.preparation or 0)
        with self._stopped():
            residual = self._judge(np.asarray(object_())).residual
        self.history.append((len(self.objects), iteration, seconds, residual))

    def end(self, object_: Any, expected: Expected | None = None) -> None:
        """A start finished with this object; the last look, too.

        `expected` are the centred counts of a program whose model has more than the object.
        """
        self.seconds.append(self._now() - self._began)
        with self._stopped():
            residual, deviance, scaled = self._judge(np.asarray(object_), expected)
            seconds = self.seconds[-1] + (self.preparation or 0)
            self.history.append((len(self.objects), self.iterations, seconds, residual))
            self.residuals.append(residual)
            self.deviances.append(deviance)
            self.objects.append(scaled)

    def answer(self, object_: Any, expected: Expected | None = None) -> None:
        """What the program makes of all starts, begun after the last of them ended."""
        self.answer_seconds = self._now() - self._began
        with self._stopped():
            residual, deviance, scaled = self._judge(np.asarray(object_), expected)
        self.extra = {"answer": scaled, "answer_residual": residual, "answer_deviance": deviance}

    def results(self) -> dict[str, Any]:
        preparation = self.preparation or 0.0
        all_starts = sum(self.seconds) if self.answer_seconds is None else self.answer_seconds
        return {
            "objects": np.stack(self.objects),
            "residuals": np.array(self.residuals),
            "deviances": np.array(self.deviances),
            "seconds": np.array(self.seconds),
            "iterations": self.iterations,
            "preparation": preparation,
            "total": preparation + all_starts,
            "history": np.array(self.history),
            **self.extra,
        }

    def _judge(self, object_: NDArray[Any], expected: Expected | None = None) -> Fit:
        """Compare an object with the counts, or those that a program expects of it.

        R = √(Σ(s|F x| − √I)² / ΣI), at the scale s of the object that makes it least. The deviance is that of
        s'²|F x|², as many counts as were measured. Expected counts have their scale.
        """
        x = torch.from_numpy(np.ascontiguousarray(object_, np.complex64))
        wanted = self.amplitude[self.used].double()
        if expected is None:
            seen = torch.fft.fftn(x).abs()[self.used].double()
            scale = float((seen * wanted).sum() / (seen * seen).sum().clamp(min=1e-30))
            counts = seen.square() * (wanted.square().sum() / seen.square().sum().clamp(min=1e-30))
        else:
            counts = torch.from_numpy(np.fft.ifftshift(expected))[self.used].double()
            seen, scale = counts.sqrt(), 1.0
        residual = float(((scale * seen - wanted).square().sum() / wanted.square().sum()).sqrt())
        deviance = float(half_deviance(counts, wanted.square()).mean())
        return Fit(residual, deviance, np.asarray(x.numpy() * scale, np.complex64))

    def _now(self) -> float:
        return time.perf_counter() - self._zero - self._lost

    @contextlib.contextmanager
    def _stopped(self) -> Any:
        began = time.perf_counter()
        yield
        self._lost += time.perf_counter() - began


def half_deviance(calculated: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """λ − n + n log(n/λ) of counts n where λ are calculated, in the logarithm at least `FLOOR`."""
    logarithm = torch.xlogy(counts, counts) - torch.xlogy(counts, calculated.clamp(min=FLOOR))
    return calculated - counts + logarithm


def serve(solve: Callable[[Problem, Watch], None], distribution: str) -> None:
    """The command line of an adapter. `--check` prints the version; imports that fail have failed by then."""
    parser = argparse.ArgumentParser()
    parser.add_argument("input", type=Path, nargs="?")
    parser.add_argument("output", type=Path, nargs="?")
    for name in ("iterations", "starts", "seed", "threads"):
        parser.add_argument(f"--{name}", type=int, default=1)
    parser.add_argument("--memory", action="store_true", help="measure the memory, and nothing else")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    if options.check:
        print(importlib.metadata.version(distribution))
        return
    torch.set_num_threads(options.threads)
    with np.load(options.input) as given:
        intensity, mask = given["intensity"], given["mask"]
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        os.chdir(folder)
        problem = Problem(
            intensity, mask, options.iterations, options.starts, options.seed, options.threads, Path(folder)
        )
        found = measure_memory(solve, problem) if options.memory else measure(solve, problem)
        os.chdir(options.output.parent)
    np.savez(options.output, **found)


def measure(solve: Callable[[Problem, Watch], None], problem: Problem) -> dict[str, Any]:
    before = fft_pair(problem.intensity.shape)
    watch = Watch(problem, looking=True)
    solve(problem, watch)
    found = watch.results()
    return {**found, "pair": (before + fft_pair(problem.intensity.shape)) / 2}


def measure_memory(solve: Callable[[Problem, Watch], None], problem: Problem) -> dict[str, Any]:
    watch = Watch(problem, looking=False)
    with contextlib.suppress(OSError):  # the mark of the highest memory so far starts anew
        Path("/proc/self/clear_refs").write_text("5")
    before = _memory("VmRSS")
    solve(problem, watch)
    return {"memory": _memory("VmHWM") - before}


def fft_pair(shape: tuple[int, ...]) -> float:
    """Median seconds of torch's FFT and inverse FFT of a complex64 array, into arrays that are there."""
    x = torch.randn(shape, dtype=torch.complex64)
    field, back = torch.empty_like(x), torch.empty_like(x)
    times = []
    for _ in range(PAIR_REPEATS + 2):
        began = time.perf_counter()
        torch.fft.fftn(x, out=field)
        torch.fft.ifftn(field, out=back)
        times.append(time.perf_counter() - began)
    return statistics.median(times[2:])


def _memory(field: str) -> float:
    """Bytes of this process as Linux counts them, NaN elsewhere."""
    try:
        found = re.search(rf"{field}:\s+(\d+)", Path("/proc/self/status").read_text())
    except OSError:
        return float("nan")
    return 1024.0 * int(found[1]) if found else float("nan")
