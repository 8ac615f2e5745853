"""The result of the selected runs: iterated beyond the edges of the detector, refined, and united."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray

from sayre.retrieval.choice.align import aligned
from sayre.retrieval.choice.margin import cut_back, resampled
from sayre.retrieval.choice.middle import Middle
from sayre.retrieval.choice.modes import TRUSTED, Modes, find_modes
from sayre.retrieval.choice.refined import ITERATIONS, Refinement
from sayre.retrieval.choice.wide import beyond_the_edges
from sayre.retrieval.engine.bounds import Bounds
from sayre.retrieval.engine.modulus import FitQuality, Modulus
from sayre.retrieval.engine.recipe import Step, iterations
from sayre.retrieval.engine.run import Run
from sayre.retrieval.engine.status import Report, part_of
from sayre.retrieval.engine.support import ShrinkWrap
from sayre.retrieval.measurement.nuisances import Nuisances

Objects = NDArray[np.complex64]


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
    The field computed with a margin is cut back to the measured array. The object is then the crystal at the
    resolution of the detector, and rings a little outside its support, as the true one does.
    """
    shape, sharp = bounds.counts.shape, replace(shrink_wrap, sigma=(shrink_wrap.sigma[1],) * 2)
    share = iterations(steps) / max(work_of_selected(steps, refine), 1)
    first, then = part_of(report, 0, share), part_of(report, share, 1 - share, iterations(steps))
    selected = beyond_the_edges(runs, bounds, steps, sharp, device=device, report=first)
    indices = tuple(run.index for run in selected)
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
    refined = refinement.runs(selected, then)
    objects = [one.object for one in refined] or [run.object for run in selected]
    averaged = tuple(aligned(resampled(one, shape) for one in objects))
    modes = find_modes(averaged)
    if refined:
        chosen, best = refinement.better(refined, modes, selected, then)
        return Consensus(
            object=resampled(chosen.object, shape),
            indices=indices,
            averaged=averaged,
            modes=modes,
            fit=chosen.fit,
            expected=cut_back(chosen.expected, shape),
            nuisances=_measured_part(chosen.nuisances, shape),
            threshold=sharp.threshold if chosen.threshold is None else chosen.threshold,
            best=None if best is None else indices[best],
        )
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
