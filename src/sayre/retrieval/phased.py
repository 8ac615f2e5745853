"""The one call that phases a pattern."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sayre.data import FilledPattern, Pattern
from sayre.data.json_text import plain
from sayre.errors import InputError, warn
from sayre.numerics.device import find_device
from sayre.retrieval import prepare
from sayre.retrieval.choice.consensus import Consensus, consensus
from sayre.retrieval.choice.modes import Modes
from sayre.retrieval.choice.select import agreed, select
from sayre.retrieval.engine.bounds import Gaps, amplitude_bounds
from sayre.retrieval.engine.recipe import divide, iterations, parse
from sayre.retrieval.engine.runs import Progress, Run, retrieve
from sayre.retrieval.engine.snapshots import Snapshots
from sayre.retrieval.engine.support import ShrinkWrap
from sayre.retrieval.starts import Init, starts

Report = Callable[[Progress], None]
TRUSTED = 0.9
"""Agreement of the believed starts below which the result is said to be doubtful."""
ENOUGH = 0.95
"""Complex correlation of two starts that ends a search."""


@dataclass(frozen=True, kw_only=True)
class Phased:
    """What the starts agree on; arrays centred, of the shape phased.

    Attributes
    ----------
    object
        complex64, the first mode of the believed runs: their average but for what differs.
    support
        bool, where the amplitude of `object` exceeds the threshold of shrink-wrap.
    modes
        Modes of the believed runs, with weights, and the scatter to expect of `object`.
    runs
        Every run, as the part of the recipe before `WIDE` left it.
    believed
        Indices of the runs behind `object`, the middle one first.
    averaged
        Their objects, as they were averaged, aligned on the first.
    residual, likelihood, free_likelihood
        Of `object`, as in `sayre.retrieval.engine.modulus.Fit`.
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
    averaged: tuple[NDArray[np.complex64], ...] = field(repr=False)
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
        metrics: dict[str, Any] = plain(
            {
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
        )
        return metrics


def phase(
    pattern: Pattern | FilledPattern,
    *,
    recipe: str | None = None,
    runs: int = 20,
    enough: float | None = None,
    seed: int = 0,
    keep: float = 0.5,
    gaps: Gaps = "bounded",
    sigmas: float = 2.0,
    confidence: float = 0.0,
    free: float = 0.05,
    shrink_wrap: ShrinkWrap | None = None,
    init: Init = "random",
    weights: str | Path | None = None,
    device: str = "auto",
    finished: tuple[Run, ...] = (),
    snapshots: Snapshots | None = None,
    report: Report | None = None,
    on_run: Callable[[Run], None] | None = None,
) -> Phased:
    """Retrieve the phase of a pattern from many starts.

    Parameters
    ----------
    pattern
        2D or 3D counts, measured or filled; cropped so that the peak lies at `n // 2`.
    recipe
        Text as `sayre.retrieval.engine.recipe.parse` takes it; what follows `WIDE` is done with the
        believed runs, see `sayre.retrieval.choice.consensus.consensus`. By default
        "default", or "strained" where a network gives the shape.
    runs, seed
        Starts at most.
    enough
        No further starts once two that fit as well as the best agree to this complex correlation. By
        default `ENOUGH` where a network gives the shape, else all starts are made.
    keep
        Fraction of the runs to average at most; see `sayre.retrieval.choice.select.select`.
    gaps, sigmas, confidence, free
        See `sayre.retrieval.engine.bounds.amplitude_bounds`.
    init, weights
        Where runs begin, see `sayre.retrieval.starts.starts`.
    device
        `auto`, `cpu` or `cuda`.
    finished
        Runs of an earlier, stopped call with the same arguments, which are not repeated.
    snapshots
        Where running starts are kept, and taken up again.
    report, on_run
        Told of the progress, and of every run as it finishes.

    Raises
    ------
    InputError
        Options out of range, a pattern that cannot be phased (see `prepare.check`), every run failed.

    Warns
    -----
    SayreWarning
        Believed runs agree to less than `TRUSTED`, or there is but one.
    """
    if runs < 1 or not 0 < keep <= 1:
        raise InputError(f"runs must be 1 or more and keep between 0 and 1, found {runs} and {keep}")
    learned = not isinstance(init, np.ndarray) and init == "network"
    steps, wide = divide(parse(recipe or ("strained" if learned else "default")))
    enough = ENOUGH if enough is None and learned else enough
    wrap = shrink_wrap or ShrinkWrap()
    where = find_device(device)
    cut, origin = prepare.centred(pattern)
    ratios = prepare.check(cut)
    bounds = amplitude_bounds(cut, gaps=gaps, sigmas=sigmas, confidence=confidence, free=free, seed=seed)
    start = starts(cut, bounds, init, seed=seed, ratios=ratios, device=where, weights=weights)
    done: list[Run] = []
    known = {run.index: run for run in finished}
    waiting = [index for index in range(runs) if index not in known]
    length = iterations(steps)
    share = runs * length / (runs * length + max(keep * runs, 1) * iterations(wide))
    alone, together = _part(report, 0, share), _part(report, share, 1 - share, length)
    fresh = retrieve(
        bounds,
        map(start, waiting),
        steps,
        wrap,
        count=len(waiting),
        device=where,
        report=alone,
        snapshots=snapshots,
    )
    for index in range(runs):
        run = known[index] if index in known else next(fresh)
        if index not in known and on_run:
            on_run(run)
        done.append(run)
        chosen = agreed(done, enough) if enough is not None else []
        if chosen:
            break
    fresh.close()  # frees its arrays
    if all(run.failed for run in done):
        raise InputError(f"{pattern.name}: every run failed, the first: {done[0].failed}; another --recipe?")
    found = consensus(chosen or select(done, keep), bounds, wide, wrap, device=where, report=together)
    if runs > 1:
        _warn_of_doubt(pattern.name, found.modes.agreement)
    return _summary(found, wrap, done, ratios, origin)


def _warn_of_doubt(what: str, agreement: float) -> None:
    if agreement >= TRUSTED:
        return
    found = "one start fits better than all others, and none confirms it"
    if np.isfinite(agreement):
        found = f"the starts that fit best agree to {agreement:.2f} only (complex correlation)"
    warn(f"{what}: {found}: do not trust the result; more --runs, or for strain --init network")


def _part(report: Report | None, before: float, share: float, past: int = 0) -> Report:
    """What takes reports of a part of the work, and tells `report` of the whole."""

    def told(now: Progress) -> None:
        if report:
            fraction = before + share * now.fraction
            report(replace(now, fraction=fraction, iteration=past + now.iteration))

    return told


def _summary(
    found: Consensus, wrap: ShrinkWrap, runs: list[Run], ratios: tuple[float, ...], origin: tuple[int, ...]
) -> Phased:
    residual, likelihood, free_likelihood = (float(value[0]) for value in found.fit)
    return Phased(
        object=found.object,
        support=wrap.final(found.object),
        modes=found.modes,
        runs=tuple(runs),
        believed=found.indices,
        averaged=found.averaged,
        residual=residual,
        likelihood=likelihood,
        free_likelihood=free_likelihood,
        agreement=found.modes.agreement,
        oversampling=ratios,
        origin=origin,
    )
