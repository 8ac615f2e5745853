"""The result of the selected runs: iterated beyond the edges of the detector, refined, and united."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray

from sayre.retrieval.choice.align import aligned, correlation
from sayre.retrieval.choice.margin import cut_back, resampled
from sayre.retrieval.choice.middle import Middle
from sayre.retrieval.choice.modes import TRUSTED, Modes, find_modes
from sayre.retrieval.choice.refined import ITERATIONS, Refinement
from sayre.retrieval.choice.wide import beyond_the_edges
from sayre.retrieval.engine.bounds import Bounds
from sayre.retrieval.engine.modulus import FitQuality, Modulus
from sayre.retrieval.engine.packed import Packed
from sayre.retrieval.engine.recipe import Step, iterations
from sayre.retrieval.engine.run import Run
from sayre.retrieval.engine.status import Report, part_of
from sayre.retrieval.engine.support import ShrinkWrap
from sayre.retrieval.measurement.nuisances import Nuisances
from sayre.retrieval.measurement.refine import Refined

Objects = NDArray[np.complex64]

SAME = 0.99
"""Complex correlation with the first of some runs from which on all count as one object."""


@dataclass(frozen=True, kw_only=True)
class Consensus:
    """The result of several runs; arrays are centred and of the shape of the bounds.

    Attributes
    ----------
    object
        complex64: what the runs have in common, or the best of them where they do not agree.
    indices
        Numbers of the starts that were united.
    averaged
        complex64, their objects, aligned on the first.
    modes
        Modes of `averaged`.
    fit
        Fit of `object` to the counts.
    expected
        float32, the counts that are expected of `object`.
    threshold
        Threshold of shrink-wrap in the last iterations.
    nuisances
        Effects of beam and detector under which the objects were refined; None where they were not.
    best
        Number of the start that `object` is; None where it is common to several.
    of_mean
        Whether the mean of the runs was refined, which are one object, and not each of them after the steps
        of the recipe after `WIDE`; `averaged` are the runs before these steps then.
    """

    object: Objects
    indices: tuple[int, ...]
    averaged: tuple[Objects, ...] = field(repr=False)
    modes: Modes
    fit: FitQuality
    expected: NDArray[np.float32] = field(repr=False)
    threshold: float
    nuisances: Nuisances | None = None
    best: int | None = None
    of_mean: bool = False


def _measured_part(nuisances: Nuisances, shape: tuple[int, ...]) -> Nuisances:
    """Return effects without the margin, in which nothing tells them."""

    def part(values: NDArray[np.float32] | None, axes: tuple[int, ...]) -> NDArray[np.float32] | None:
        return None if values is None else cut_back(values, axes)

    return replace(
        nuisances,
        frames=part(nuisances.frames, shape[:1]),
        background_frames=part(nuisances.background_frames, shape[:1]),
        background_waves=part(nuisances.background_waves, shape[-2:]),
        gains=part(nuisances.gains, shape[1:]),
        angles=part(nuisances.angles, shape[:1]),
    )


def work_of_selected(steps: Sequence[Step], refine: str) -> int:
    """Return how many iterations a selected run takes, refinement counted as some.

    Parameters
    ----------
    steps
        Steps of the recipe after `WIDE`.
    refine
        As `consensus` takes it.
    """
    return iterations(steps) + (0 if refine == "none" else ITERATIONS)


def consensus(
    runs: Sequence[Run],
    bounds: Bounds,
    steps: Sequence[Step],
    shrink_wrap: ShrinkWrap,
    *,
    refine: str = "none",
    search: Sequence[Step] = (),
    middle: Middle | None = None,
    thresholds: Sequence[float] = (),
    device: str | torch.device = "cpu",
    report: Report | None = None,
) -> Consensus:
    """Iterate the given runs on an array with a margin, if the recipe has steps for it, and unite them.

    Parameters
    ----------
    runs
        The selected runs; the others are aligned on the first.
    bounds
        Bounds of the amplitudes.
    steps
        Steps of the recipe after `WIDE`.
    shrink_wrap
        How `SW` updates the support; its width at the end of the run is used throughout.
    refine
        Effects under which the objects are refined, as in `sayre.retrieval.settings.Settings`.
    search
        Steps of the recipe before `WIDE`, repeated once the effects are known.
    middle
        Middle of the pattern with the steps before `WHOLE`, which come first then.
    thresholds
        Thresholds of shrink-wrap to try beside that of `shrink_wrap`, once the effects are known.
    device
        `cpu` or `cuda`.
    report
        Function that is called with the status every few iterations.

    Warns
    -----
    SayreWarning
        All runs fail in these steps (not finite, empty), whose result is then discarded.

    Notes
    -----
    Runs of a large pattern, one with a middle, that are the same object (`SAME`) are not iterated on and
    refined one by one, but their mean is: as it is, where the noise of the runs is averaged, or iterated on
    where the edges cut off the field.

    The field computed with a margin is cut back to the measured array. The object is then the crystal at the
    resolution of the detector, and rings a little outside its support, as the true one does.
    """
    shape, sharp = bounds.counts.shape, replace(shrink_wrap, sigma=(shrink_wrap.sigma[1],) * 2)
    share = iterations(steps) / max(work_of_selected(steps, refine), 1)
    first, then = part_of(report, 0, share), part_of(report, share, 1 - share, iterations(steps))
    refinement = Refinement(
        bounds=bounds,
        sharp=sharp,
        steps=steps,
        effects=refine,
        search=search,
        middle=middle,
        thresholds=thresholds,
        device=device,
    )
    alike = aligned(run.object for run in runs) if middle and refine != "none" and len(runs) > 1 else []
    if alike and all(correlation(alike[0], one) >= SAME for one in alike[1:]):
        modes = find_modes(alike)
        mean = _mean(runs, modes.modes[0], refinement)
        further = beyond_the_edges([mean], bounds, steps, sharp, device=device, report=first)
        united = refinement.one([mean, *further] if steps else [mean], then)
        if united:
            found = _of_refined(united, alike, [run.index for run in runs], modes, refinement)
            return replace(found, of_mean=True)
        del modes
    alike.clear()
    selected = beyond_the_edges(runs, bounds, steps, sharp, device=device, report=first)
    indices = tuple(run.index for run in selected)
    refined = refinement.runs(selected, then)
    objects = [one.object for one in refined] or [run.object for run in selected]
    averaged = tuple(aligned(resampled(one, shape) for one in objects))
    modes = find_modes(averaged)
    if refined:
        chosen, best = refinement.better(refined, modes, selected, then)
        return _of_refined(chosen, averaged, indices, modes, refinement, best)
    common = _common_spread(selected)
    modulus = Modulus(bounds, 1, torch.device(device))
    fit, expected = _explained(modulus, modes.modes[0], common)
    obj, best = modes.modes[0], None
    if len(selected) > 1 and modes.agreement < TRUSTED:
        for place, (one, run) in enumerate(zip(averaged, selected, strict=True)):
            alone, calculated = _explained(modulus, one, run.point_spread)
            if alone.merit < fit.merit:
                obj, best, fit, expected = one, indices[place], alone, calculated
    return Consensus(
        object=obj,
        indices=indices,
        averaged=averaged,
        modes=modes,
        fit=fit,
        threshold=sharp.threshold,
        expected=expected,
        best=best,
    )


def _mean(runs: Sequence[Run], obj: Objects, refinement: Refinement) -> Run:
    """Return the mean of some runs as a run."""
    spread = _common_spread(runs)
    fit, _ = _explained(Modulus(refinement.bounds, 1, torch.device(refinement.device)), obj, spread)
    residual, likelihood, free = (float(value[0]) for value in fit)
    return Run(
        index=runs[0].index,
        packed=Packed.of(obj, refinement.sharp.final(obj)),
        residual=residual,
        likelihood=likelihood,
        free_likelihood=free,
        point_spread=spread,
    )


def _of_refined(
    chosen: Refined,
    averaged: Sequence[Objects],
    indices: Sequence[int],
    modes: Modes,
    refinement: Refinement,
    best: int | None = None,
) -> Consensus:
    """Return the result where objects were refined; `best` is the place of the one handed back."""
    shape, usual = refinement.bounds.counts.shape, refinement.sharp.threshold
    return Consensus(
        object=resampled(chosen.object, shape),
        indices=tuple(indices),
        averaged=tuple(averaged),
        modes=modes,
        fit=chosen.fit,
        expected=cut_back(chosen.expected, shape),
        nuisances=_measured_part(chosen.nuisances, shape),
        threshold=usual if chosen.threshold is None else chosen.threshold,
        best=None if best is None else indices[best],
    )


def _common_spread(runs: Sequence[Run]) -> NDArray[np.float32] | None:
    """Return the mean point spread of the runs; None where one of them has none."""
    spreads = [run.point_spread for run in runs if run.point_spread is not None]
    return np.asarray(np.mean(spreads, 0), np.float32) if len(spreads) == len(runs) else None


def _explained(
    modulus: Modulus, obj: Objects, spread: NDArray[np.float32] | None
) -> tuple[FitQuality, NDArray[np.float32]]:
    """Return how well an object explains the counts, and the counts that are expected of it."""
    modulus.set_point_spreads([spread])
    one = torch.from_numpy(np.fft.ifftshift(obj))[None].to(modulus.field.device)
    return modulus.fit_quality(one), np.fft.fftshift(modulus.expected(one)[0].cpu().numpy())
