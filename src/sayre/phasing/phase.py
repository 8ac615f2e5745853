"""The one call that phases a pattern."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sayre.data import FilledPattern, Pattern
from sayre.errors import InputError
from sayre.phasing import prepare
from sayre.phasing.choice.consensus import consensus
from sayre.phasing.choice.modes import Modes
from sayre.phasing.choice.select import select
from sayre.phasing.engine.bounds import Bounds, Gaps, amplitude_bounds
from sayre.phasing.engine.recipe import Stages, divide, parse
from sayre.phasing.engine.runs import Progress, Run, Start, random_start, retrieve
from sayre.phasing.engine.support import ShrinkWrap, initial_support

Objects = NDArray[np.complex64]


@dataclass(frozen=True, kw_only=True)
class Phased:
    """What the starts agree on; arrays centred, of the shape phased.

    Attributes
    ----------
    object
        complex64, the first mode of the believed runs: their average but for what differs. Where the recipe
        has `MEAN`, what its steps made of that.
    support
        bool, where the amplitude of `object` exceeds the threshold of shrink-wrap.
    modes
        Modes of the believed runs, with weights, and the scatter to expect of `object`.
    runs
        Every run: those believed as they were averaged, the others as the recipe's first part left them.
    believed
        Indices of the runs behind `object`, the middle one first.
    residual, likelihood, free_likelihood
        Of `object`, as in `sayre.phasing.engine.modulus.Fit`.
    agreement
        Median complex correlation of the believed runs with the middle one.
    oversampling
        Ratio of each axis, from the autocorrelation.
    origin
        First voxel of the part of the pattern that was phased.
    """

    support: NDArray[np.bool_]
    modes: Modes
    runs: tuple[Run, ...] = field(repr=False)
    believed: tuple[int, ...]
    residual: float
    likelihood: float
    free_likelihood: float
    agreement: float
    oversampling: tuple[float, ...]
    origin: tuple[int, ...]
    object: NDArray[np.complex64]

    @property
    def metrics(self) -> dict[str, Any]:
        """Numbers worth printing and keeping, as JSON can hold them: what is not known is None."""
        found = {
            "residual": self.residual,
            "likelihood": self.likelihood,
            "free_likelihood": self.free_likelihood,
            "agreement": self.agreement,
            "scatter": self.modes.scatter,
            "mode_weights": self.modes.weights.tolist(),
            "runs": len(self.runs),
            "failed": sum(bool(run.failed) for run in self.runs),
            "believed": list(self.believed),
            "support_voxels": int(self.support.sum()),
            "oversampling": list(self.oversampling),
        }
        return {name: None if value != value else value for name, value in found.items()}


def phase(
    pattern: Pattern | FilledPattern,
    *,
    recipe: str = "default",
    runs: int = 20,
    seed: int = 0,
    keep: float = 0.5,
    gaps: Gaps = "bounded",
    sigmas: float = 2.0,
    confidence: float = 0.0,
    free: float = 0.05,
    shrink_wrap: ShrinkWrap | None = None,
    init: Objects | None = None,
    device: str = "auto",
    finished: tuple[Run, ...] = (),
    report: Callable[[Progress], None] | None = None,
    on_run: Callable[[Run], None] | None = None,
) -> Phased:
    """Retrieve the phase of a pattern from many starts.

    Parameters
    ----------
    pattern
        2D or 3D counts, measured or filled; cropped so that the peak lies at `n // 2`.
    recipe
        Text as `sayre.phasing.engine.recipe.parse` takes it; what follows `WIDE` and `MEAN` is done with the
        believed runs and their average, see `sayre.phasing.choice.consensus.consensus`.
    runs, seed
        Starts, each with random phases inside the support of the autocorrelation.
    keep
        Fraction of the runs to average at most; see `sayre.phasing.choice.select.select`.
    gaps, sigmas, confidence, free
        See `sayre.phasing.engine.bounds.amplitude_bounds`.
    init
        Centred complex object of the shape phased to start from: one run from it as it is, the others
        from its amplitude with random phases.
    device
        `auto`, `cpu` or `cuda`.
    finished
        Runs of an earlier, stopped call with the same arguments, which are not repeated.
    report, on_run
        Told of the progress, and of every run as it finishes.

    Raises
    ------
    InputError
        Options out of range, a pattern that cannot be phased (see `prepare.check`), every run failed.
    """
    if runs < 1 or not 0 < keep <= 1:
        raise InputError(f"runs must be 1 or more and keep between 0 and 1, found {runs} and {keep}")
    stages = divide(parse(recipe))
    wrap = shrink_wrap or ShrinkWrap()
    where = _device(device)
    cut, origin = prepare.centred(pattern)
    ratios = prepare.check(cut)
    bounds = amplitude_bounds(cut, gaps=gaps, sigmas=sigmas, confidence=confidence, free=free, seed=seed)
    starts = _starts(bounds, cut, runs, seed, init)
    known = {run.index: run for run in finished}
    done: list[Run] = list(known.values())
    waiting = [start for start in starts if start.index not in known]
    for run in retrieve(bounds, waiting, stages.starts, wrap, device=where, report=report):
        done.append(run)
        if on_run:
            on_run(run)
    done.sort(key=lambda run: run.index)
    if all(run.failed for run in done):
        raise InputError(
            f"{_name(pattern)}: every run failed, the first: {done[0].failed}; another --recipe?"
        )
    return _summary(bounds, stages, wrap, done, select(done, keep), ratios, origin, where)


def _starts(
    bounds: Bounds, pattern: Pattern | FilledPattern, runs: int, seed: int, init: Objects | None
) -> list[Start]:
    support = initial_support(prepare.first_fill(pattern))
    if not support.any():
        raise InputError(f"{_name(pattern)}: the autocorrelation shows no object; the counts are noise")
    if init is None:
        return [random_start(bounds, support, index, seed) for index in range(runs)]
    if init.shape != bounds.counts.shape:
        raise InputError(f"init: the object has shape {init.shape}, the pattern phased {bounds.counts.shape}")
    amplitude = np.abs(init)
    inside = amplitude > 0.1 * float(amplitude.max())
    first = Start(index=0, object=init.astype(np.complex64), support=inside)
    others = (random_start(bounds, inside, i, seed, amplitude=amplitude) for i in range(1, runs))
    return [first, *others]


def _summary(
    bounds: Bounds,
    stages: Stages,
    wrap: ShrinkWrap,
    runs: list[Run],
    chosen: list[Run],
    ratios: tuple[float, ...],
    origin: tuple[int, ...],
    device: torch.device,
) -> Phased:
    found = consensus(chosen, bounds, stages, wrap, device=device)
    further = {run.index: run for run in found.runs}
    return Phased(
        object=found.object,
        support=wrap.final(found.object),
        modes=found.modes,
        runs=tuple(further.get(run.index, run) for run in runs),
        believed=tuple(further),
        residual=found.residual,
        likelihood=found.likelihood,
        free_likelihood=found.free_likelihood,
        agreement=found.modes.agreement,
        oversampling=ratios,
        origin=origin,
    )


def _device(name: str) -> torch.device:
    if name not in ("auto", "cpu", "cuda"):
        raise InputError(f"device: {name!r} is not known; auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("device: cuda was asked for, but torch sees no GPU; --device cpu")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def _name(pattern: Pattern | FilledPattern) -> str:
    return prepare.unfilled(pattern).meta.source or "pattern"
