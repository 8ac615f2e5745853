"""Phase retrieval of a pattern in one call, `phase`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sayre.data import AnyPattern, FilledPattern, Pattern
from sayre.data.expect import expect
from sayre.data.option import changed
from sayre.errors import InputError, note
from sayre.numerics.device import find_device
from sayre.numerics.notebook import following
from sayre.numerics.progress import Advance
from sayre.retrieval import prepare
from sayre.retrieval.aliens import EXPLAINED, WORSE, described, free_deviance, suspects, without
from sayre.retrieval.binning import binned
from sayre.retrieval.choice.consensus import consensus, work_of_selected
from sayre.retrieval.choice.middle import middle_shape
from sayre.retrieval.choice.modes import TRUSTED
from sayre.retrieval.choice.refined import THRESHOLDS
from sayre.retrieval.choice.select import select
from sayre.retrieval.doubts import (
    noise_residual,
    warn_of_doubt,
    warn_of_effects,
    warn_of_misfit,
    warn_of_overfit,
    warn_of_unrefined,
    why_unrefined,
)
from sayre.retrieval.engine.bounds import Bounds, amplitude_bounds
from sayre.retrieval.engine.iterate import retrieve
from sayre.retrieval.engine.recipe import PRESETS, recipe_text
from sayre.retrieval.engine.run import Run
from sayre.retrieval.engine.snapshots import Snapshots
from sayre.retrieval.engine.start import Start
from sayre.retrieval.engine.status import Report, in_turns, part_of
from sayre.retrieval.engine.support import ShrinkWrap
from sayre.retrieval.phased import Phased
from sayre.retrieval.search import Round, search
from sayre.retrieval.settings import Settings
from sayre.retrieval.starts import Objects, starts

ENOUGH = 0.95
"""Complex correlation of two starts from which on no more are made, where a network predicts the starts."""
PASSES = (0.4, 0.3, 0.2, 0.1)
"""Parts of the work where aliens are suspected: with all counts, and up to three times without some."""


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
    without
        Makes the watch of the starts that are made again without some voxels, those of aliens.
    """

    report: Report | None = None
    on_run: Callable[[Run], None] | None = None
    finished: tuple[Run, ...] = ()
    snapshots: Snapshots | None = None
    without: Callable[[NDArray[np.bool_]], Watch] | None = None


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
        Functions that follow the progress, and what an earlier, stopped call saved. Where it reports to none,
        a notebook shows a bar.
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
        The averaged starts agree to less than 0.9, or only one of several was selected; the object does not
        explain the counts; free voxels are predicted far worse than the others; effects were asked for that
        the counts do not tell, or that do not help to explain them; voxels were cut off or masked.
    """
    expect(pattern, Pattern, FilledPattern, argument="pattern")
    settings = Settings() if settings is None else settings
    expect(settings, Settings, argument="settings")
    if init is not None:
        expect(init, str, np.ndarray, argument="init")
    settings = changed(settings, changes if not isinstance(init, str) else {**changes, "init": init})
    watch, where = watch or Watch(), find_device(device)
    cut = prepare.centred(binned(pattern, settings.binning))
    ratios = prepare.check(cut.as_photons(), part=pattern.meta.origin is not None)
    cut = prepare.not_below_zero(cut)
    job = _Job(
        settings, init if isinstance(init, np.ndarray) else None, where, middle_shape(cut.shape, ratios)
    )
    with _followed(watch, cut.name, settings.runs) as watch:
        found = _without_aliens(cut, job, watch) if settings.mask_aliens else job.phased(cut, watch)
    _warn(found, settings)
    return replace(found, oversampling=ratios)


@contextmanager
def _followed(watch: Watch, name: str, runs: int) -> Iterator[Watch]:
    """The watch, with a bar where it reports to none and the caller is a notebook."""

    def told(fraction: float, note: str = "") -> None:
        """Stand for the report of the watch, beside which there is no bar."""

    with following(f"phasing {name}", told if watch.report else None) as advance:
        if watch.report or advance is None:
            yield watch
            return
        shown: Advance = advance
        yield replace(watch, report=lambda now: shown(now.fraction, now.note(runs)))


@dataclass(frozen=True)
class _Job:
    """Phase retrieval as settings describe it; `init` is an object in place of `settings.init`."""

    settings: Settings
    init: Objects | None
    device: torch.device
    middle_shape: tuple[int, ...] | None

    @property
    def learned(self) -> bool:
        """Whether a network predicts the starts."""
        return self.settings.init == "network" and self.init is None

    def _rounds(self, cut: AnyPattern, bounds: Bounds) -> list[Round]:
        """Return the rounds of starts: where those of a network do not agree, as many random ones follow.

        They do not where the recipe is a user's own, nor after a single start, with which none can agree.
        """

        def of(settings: Settings, recipe: str, indices: range) -> Round:
            make = partial(starts, cut, bounds, settings, init=self.init, device=self.device)
            return Round(
                starts=make, recipe=recipe_text(recipe), indices=indices, middle_shape=self.middle_shape
            )

        own, runs = self.settings.recipe, self.settings.runs
        rounds = [of(self.settings, own or ("strained" if self.learned else "default"), range(runs))]
        if self.learned and own is None and runs > 1:
            random = replace(self.settings, init="random", init_weights=None)
            rounds.append(of(random, "default", range(runs, 2 * runs)))
        return rounds

    def phased(self, cut: AnyPattern, watch: Watch) -> Phased:
        """Make the starts, select, and unite them."""
        settings, where = self.settings, self.device
        bounds, wrap = amplitude_bounds(cut, settings), ShrinkWrap.of(settings)
        rounds = self._rounds(cut, bounds)
        work = [one.work(bounds.counts.size) for one in rounds]
        of_all_starts = sum(map(sum, work))
        of_selected = max(settings.keep * settings.runs, 1) * work_of_selected(
            rounds[0].stages.wide, settings.refine
        )
        share = of_all_starts / (of_all_starts + of_selected)

        def made(one: Round, waiting: Iterable[int]) -> Iterator[Run]:
            place = rounds.index(one)
            before, mine = sum(map(sum, work[:place])), tuple(part / of_all_starts for part in work[place])
            on_middle, on_whole = in_turns(
                watch.report, share * before / of_all_starts, tuple(share * part for part in mine)
            )
            count = len(one.indices) - sum(run.index in one.indices for run in watch.finished)
            begun: Iterator[Start] = map(one.starts(), waiting)
            if one.middle:
                begun = one.middle.searched(begun, bounds, wrap, count=count, device=where, report=on_middle)
            return retrieve(
                bounds,
                begun,
                one.stages.starts,
                wrap,
                count=count,
                device=where,
                report=on_whole,
                snapshots=watch.snapshots,
            )

        enough = ENOUGH if settings.enough is None and self.learned else settings.enough
        found = search(rounds, made, enough=enough, finished=watch.finished, on_run=watch.on_run)
        done = found.runs
        if all(run.failed for run in done):
            raise InputError(
                f"{cut.name}: every start failed, the first: {done[0].failed}; another `recipe=` may help"
            )
        selected = found.agreeing or select(done, settings.keep)
        last = found.round_of(selected)
        result = consensus(
            selected,
            bounds,
            last.stages.wide,
            wrap,
            refine=settings.refine,
            search=() if self.learned and last is rounds[0] else last.stages.starts,
            middle=None if self.learned and last is rounds[0] else last.middle,
            thresholds=THRESHOLDS if settings.threshold is None else (),
            device=where,
            report=part_of(watch.report, share, 1 - share, last.iterations),
        )
        residual, likelihood, free = (float(value[0]) for value in result.fit)
        refined = result.nuisances is not None
        return Phased(
            object=result.object,
            support=replace(wrap, threshold=result.threshold).final(result.object),
            threshold=result.threshold,
            recipe=PRESETS.get(last.recipe, last.recipe),
            modes=result.modes,
            runs=tuple(done),
            random_from=settings.runs if len(found.rounds) > 1 else None,
            selected=result.indices,
            averaged=result.averaged,
            residual=residual,
            likelihood=likelihood,
            free_likelihood=free,
            agreement=result.modes.agreement,
            expected=result.expected,
            nuisances=result.nuisances,
            unrefined=None if refined else why_unrefined(settings.refine, free=bool(np.isfinite(free))),
            best=result.best,
            of_mean=result.of_mean,
            oversampling=(float("nan"),) * len(cut.shape),
            pattern=cut,
        )


def _without_aliens(cut: AnyPattern, job: _Job, watch: Watch) -> Phased:
    """Phase, and phase again without what is suspected, while starts that never saw it explain part of it."""
    places, begun = suspects(cut), PASSES[0]
    if not places:
        return job.phased(cut, watch)
    found = job.phased(cut, replace(watch, report=part_of(watch.report, 0, begun)))
    for share in PASSES[1:]:
        if not places:
            return found
        pattern = without(cut, places)
        again = watch.without(pattern.mask) if watch.without else Watch()
        masked = job.phased(pattern, replace(again, report=part_of(watch.report, begun, share)))
        begun += share
        explained = [one.scattered(masked.expected) > EXPLAINED * one.counts for one in places]
        if not any(explained):
            elsewhere = amplitude_bounds(masked.pattern, job.settings)
            free = (free_deviance(found.expected, elsewhere), free_deviance(masked.expected, elsewhere))
            if free[1] > WORSE * free[0]:
                return found
            return replace(masked, aliens=described(cut, places, masked.expected, free))
        places = [one for one, known in zip(places, explained, strict=True) if not known]
    return found


def _warn(found: Phased, settings: Settings) -> None:
    """Warn of what makes a result doubtful."""
    name = found.pattern.name
    if settings.runs > 1:
        finished = sum(not run.failed for run in found.runs)
        warn_of_doubt(
            name,
            found.agreement,
            keep=settings.keep,
            made=len(found.runs),
            finished=finished,
            network=found.random_from,
            unfilled=0.0 if isinstance(found.pattern, FilledPattern) else float(found.pattern.mask.mean()),
        )
    if settings.runs == 1 or found.agreement >= TRUSTED:  # else the starts were warned of
        warn_of_misfit(name, found.residual, noise_residual(found.expected, found.pattern.measured))
    warn_of_overfit(name, found.likelihood, found.free_likelihood)
    warn_of_effects(name, found.nuisances)
    if found.unrefined is not None:
        warn_of_unrefined(name, settings.refine, found.unrefined)
    if settings.mask_aliens:
        many = len(suspects(found.pattern))
        none = f"none of {many} bright places without a counterpart is an alien" if many else "no alien found"
        told = found.aliens.sentence if found.aliens else none
        note(f"{name}: {told}")
