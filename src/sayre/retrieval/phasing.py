"""Phase retrieval of a pattern in one call, `phase`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sayre.data import AnyPattern, FilledPattern, Pattern
from sayre.data.expect import expect
from sayre.data.option import changed
from sayre.errors import InputError
from sayre.numerics.device import find_device
from sayre.retrieval import prepare
from sayre.retrieval.binning import binned
from sayre.retrieval.choice.consensus import consensus, work_of_selected
from sayre.retrieval.choice.refined import THRESHOLDS
from sayre.retrieval.choice.select import agreeing_with_last, select
from sayre.retrieval.doubts import warn_of_doubt, warn_of_overfit, why_unrefined
from sayre.retrieval.engine.bounds import amplitude_bounds
from sayre.retrieval.engine.recipe import PRESETS, iterations, parse, recipe_text, split_at_wide
from sayre.retrieval.engine.runs import Report, Run, part_of, retrieve
from sayre.retrieval.engine.snapshots import Snapshots
from sayre.retrieval.engine.support import ShrinkWrap
from sayre.retrieval.phased import Phased
from sayre.retrieval.settings import Settings
from sayre.retrieval.starts import Objects, starts

ENOUGH = 0.95
"""Complex correlation of two starts from which on no more are made, where a network predicts the starts."""


@dataclass(frozen=True, kw_only=True)
class Watch:
    """Functions that follow phase retrieval, and what an earlier, stopped call saved.

    Attributes
    ----------
    report
        Function that is called with the status every few iterations.
    on_run
        Function that is called with every new run as it finishes.
    finished
        Runs that an earlier, stopped call with the same arguments finished; they are not repeated.
    snapshots
        Where the state of running starts is saved, and resumed from.
    """

    report: Report | None = None
    on_run: Callable[[Run], None] | None = None
    finished: tuple[Run, ...] = ()
    snapshots: Snapshots | None = None


def phase(
    pattern: AnyPattern,
    settings: Settings | None = None,
    *,
    init: Objects | str | None = None,
    device: str = "auto",
    watch: Watch | None = None,
    **changes: Any,
) -> Phased:
    """Retrieve the phase of a pattern from many starts.

    Parameters
    ----------
    pattern
        2D or 3D counts, measured or filled.
    settings
        Recipe, number of starts, bounds, support and binning; by default `Settings()`.
    init
        In place of `settings.init`: the same text, or a complex object, centred, of the shape phased.
    device
        `auto`, `cpu` or `cuda`.
    watch
        Functions that follow the progress, and what an earlier, stopped call saved.
    changes
        Single settings by name, in place of those of `settings`: `phase(pattern, runs=4)`.

    Returns
    -------
    Phased
        Its `object` is the average of the starts that agree, complex64, centred.

    Raises
    ------
    InputError
        `pattern` is not a pattern or cannot be phased (see `prepare.check`), a setting is out of range, or
        every start failed.

    Warns
    -----
    SayreWarning
        The averaged starts agree to less than 0.9, or only one of several was selected; free voxels are
        predicted far worse than the others; effects were asked for that the counts do not tell, or that
        do not help to explain them; voxels were cut off or masked.
    """
    expect(pattern, Pattern, FilledPattern, argument="pattern")
    settings = Settings() if settings is None else settings
    expect(settings, Settings, argument="settings")
    if init is not None:
        expect(init, str, np.ndarray, argument="init")
    settings = changed(settings, changes if not isinstance(init, str) else {**changes, "init": init})
    watch, where = watch or Watch(), find_device(device)
    learned = settings.init == "network" and not isinstance(init, np.ndarray)
    recipe = recipe_text(settings.recipe or ("strained" if learned else "default"))
    steps, wide = split_at_wide(parse(recipe))
    cut = prepare.centred(binned(pattern, settings.binning))
    ratios = prepare.check(cut, part=pattern.meta.origin is not None)
    bounds = amplitude_bounds(cut, settings)
    first = init if isinstance(init, np.ndarray) else None
    start = starts(cut, bounds, settings, init=first, device=where)
    length = iterations(steps)
    of_all_starts = settings.runs * length
    of_selected = max(settings.keep * settings.runs, 1) * work_of_selected(wide, settings.refine)
    share = of_all_starts / (of_all_starts + of_selected)
    wrap = ShrinkWrap.of(settings)

    def fresh(waiting: Sequence[int]) -> Iterator[Run]:
        return retrieve(
            bounds,
            map(start, waiting),
            steps,
            wrap,
            count=len(waiting),
            device=where,
            report=part_of(watch.report, 0, share),
            snapshots=watch.snapshots,
        )

    enough = ENOUGH if settings.enough is None and learned else settings.enough
    done, agreeing = _search(fresh, settings.runs, enough, watch)
    if all(run.failed for run in done):
        raise InputError(
            f"{pattern.name}: every start failed, the first: {done[0].failed}; another `recipe=` may help"
        )
    result = consensus(
        agreeing or select(done, settings.keep),
        bounds,
        wide,
        wrap,
        refine=settings.refine,
        search=() if learned else steps,
        thresholds=THRESHOLDS if settings.threshold is None else (),
        device=where,
        report=part_of(watch.report, share, 1 - share, length),
    )
    if settings.runs > 1:
        finished = sum(not run.failed for run in done)
        warn_of_doubt(
            pattern.name, result.modes.agreement, keep=settings.keep, made=len(done), finished=finished
        )
    residual, likelihood, free_likelihood = (float(value[0]) for value in result.fit)
    warn_of_overfit(pattern.name, likelihood, free_likelihood)
    unrefined = None
    if result.nuisances is None:
        unrefined = why_unrefined(pattern.name, settings.refine, free=bool(np.isfinite(free_likelihood)))
    return Phased(
        object=result.object,
        support=replace(wrap, threshold=result.threshold).final(result.object),
        threshold=result.threshold,
        recipe=PRESETS.get(recipe, recipe),
        modes=result.modes,
        runs=tuple(done),
        selected=result.indices,
        averaged=result.averaged,
        residual=residual,
        likelihood=likelihood,
        free_likelihood=free_likelihood,
        agreement=result.modes.agreement,
        expected=result.expected,
        nuisances=result.nuisances,
        unrefined=unrefined,
        best=result.best,
        oversampling=ratios,
        pattern=cut,
    )


def _search(
    fresh: Callable[[Sequence[int]], Iterator[Run]], count: int, enough: float | None, watch: Watch
) -> tuple[list[Run], list[Run]]:
    """Make starts until all are made or two agree; return the runs made, and those that agree."""
    known = {run.index: run for run in watch.finished}
    runs = fresh([index for index in range(count) if index not in known])
    done: list[Run] = []
    for index in range(count):
        run = known[index] if index in known else next(runs)
        if index not in known and watch.on_run:
            watch.on_run(run)
        done.append(run)
        agreeing = agreeing_with_last(done, enough) if enough is not None else []
        if agreeing:
            return done, agreeing
    return done, []
