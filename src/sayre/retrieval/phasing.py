"""The one call that phases a pattern."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sayre.data import AnyPattern, FilledPattern, Pattern
from sayre.data.expect import expect
from sayre.data.option import changed
from sayre.errors import InputError, warn
from sayre.numerics.device import find_device
from sayre.retrieval import prepare
from sayre.retrieval.binning import binned
from sayre.retrieval.choice.consensus import consensus
from sayre.retrieval.choice.select import agreeing_with_last, select
from sayre.retrieval.engine.bounds import amplitude_bounds
from sayre.retrieval.engine.recipe import iterations, parse, recipe_text, split_at_wide
from sayre.retrieval.engine.runs import Run, Status, retrieve
from sayre.retrieval.engine.snapshots import Snapshots
from sayre.retrieval.engine.support import ShrinkWrap
from sayre.retrieval.phased import Phased
from sayre.retrieval.settings import Settings
from sayre.retrieval.starts import Objects, starts

Report = Callable[[Status], None]
TRUSTED = 0.9
"""Agreement of the averaged starts below which the result is called doubtful."""
ENOUGH = 0.95
"""Complex correlation of two starts that ends a search from a network's start."""


@dataclass(frozen=True, kw_only=True)
class Watch:
    """Who follows a phase retrieval, and what an earlier call left of it.

    Attributes
    ----------
    report
        Called with the progress every few iterations.
    on_run
        Called with every new start as it finishes.
    finished
        Starts that an earlier, stopped call with the same arguments finished; they are not repeated.
    snapshots
        Where the state of running starts is kept, and resumed from.
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
        Recipe, number of starts, bounds, support, binning; by default those of `Settings()`.
    init
        In place of `settings.init`: that text, or a centred complex object of the shape phased.
    device
        `auto`, `cpu` or `cuda`.
    watch
        Who is told of the progress, and what an earlier call left.
    changes
        Single settings by name, in place of those of `settings`: `phase(pattern, runs=4)`.

    Returns
    -------
    Phased
        Its `object` is the average of the starts that agree, complex64.

    Raises
    ------
    InputError
        No pattern, settings out of range, a pattern that cannot be phased (see `prepare.check`), or every
        start failed.

    Warns
    -----
    SayreWarning
        The averaged starts agree to less than `TRUSTED`, or there is but one; what was cut off or masked.
    """
    expect(pattern, Pattern, FilledPattern, argument="pattern")
    settings = changed(
        settings or Settings(), changes if not isinstance(init, str) else {**changes, "init": init}
    )
    watch, where = watch or Watch(), find_device(device)
    learned = settings.init == "network" and not isinstance(init, np.ndarray)
    steps, wide = split_at_wide(parse(recipe_text(settings.recipe or ("strained" if learned else "default"))))
    cut = prepare.centred(binned(pattern, settings.binning))
    ratios = prepare.check(cut)
    bounds = amplitude_bounds(cut, settings)
    first = init if isinstance(init, np.ndarray) else None
    start = starts(cut, bounds, settings, init=first, ratios=ratios, device=where)
    length = iterations(steps)
    alone = settings.runs * length
    share = alone / (alone + max(settings.keep * settings.runs, 1) * iterations(wide))
    wrap = ShrinkWrap.of(settings)

    def fresh(waiting: Sequence[int]) -> Iterator[Run]:
        return retrieve(
            bounds,
            map(start, waiting),
            steps,
            wrap,
            count=len(waiting),
            device=where,
            report=_part(watch.report, 0, share),
            snapshots=watch.snapshots,
        )

    enough = ENOUGH if settings.enough is None and learned else settings.enough
    done, chosen = _search(fresh, settings.runs, enough, watch)
    if all(run.failed for run in done):
        raise InputError(f"{pattern.name}: every run failed, the first: {done[0].failed}; another --recipe?")
    result = consensus(
        chosen or select(done, settings.keep),
        bounds,
        wide,
        wrap,
        device=where,
        report=_part(watch.report, share, 1 - share, length),
    )
    if settings.runs > 1:
        _warn_of_doubt(pattern.name, result.modes.agreement)
    residual, likelihood, free_likelihood = (float(value[0]) for value in result.fit)
    return Phased(
        object=result.object,
        support=wrap.final(result.object),
        modes=result.modes,
        runs=tuple(done),
        selected=result.indices,
        averaged=result.averaged,
        residual=residual,
        likelihood=likelihood,
        free_likelihood=free_likelihood,
        agreement=result.modes.agreement,
        oversampling=ratios,
        pattern=cut,
    )


def _search(
    fresh: Callable[[Sequence[int]], Iterator[Run]], count: int, enough: float | None, watch: Watch
) -> tuple[list[Run], list[Run]]:
    """Make starts until all are made or enough agree; return all made, and those that agree."""
    known = {run.index: run for run in watch.finished}
    runs = fresh([index for index in range(count) if index not in known])
    done: list[Run] = []
    for index in range(count):
        run = known[index] if index in known else next(runs)
        if index not in known and watch.on_run:
            watch.on_run(run)
        done.append(run)
        chosen = agreeing_with_last(done, enough) if enough is not None else []
        if chosen:
            return done, chosen
    return done, []


def _warn_of_doubt(what: str, agreement: float) -> None:
    if agreement >= TRUSTED:
        return
    found = "one start fits better than all others, and none confirms it"
    if np.isfinite(agreement):
        found = f"the starts that fit best agree to {agreement:.2f} only (complex correlation)"
    warn(f"{what}: {found}: do not trust the result; more --runs, or for strain --init network")


def _part(report: Report | None, before: float, share: float, past: int = 0) -> Report:
    """What takes reports of a part of the work, and tells `report` of the whole."""

    def told(now: Status) -> None:
        if report:
            fraction = before + share * now.fraction
            report(replace(now, fraction=fraction, iteration=past + now.iteration))

    return told
