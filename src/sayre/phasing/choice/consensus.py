"""What the believed starts agree on, and on from there beyond the edges of the detector.

A crystal with facets scatters past the edge of any detector. Cut off there, its field is that of no object
with a sharp surface: it rings through the whole array, no support holds it, and iterations turn the phases of
the outermost fringes wrong, alike in every start. On an array with a margin in which nothing was measured,
the object is sampled finer and ends at its surface again.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.fft
import torch
from numpy.typing import NDArray

from sayre.errors import SayreWarning
from sayre.phasing.choice.modes import Modes, find_modes, scatter
from sayre.phasing.engine.bounds import Bounds
from sayre.phasing.engine.modulus import Modulus
from sayre.phasing.engine.recipe import Stages, Step
from sayre.phasing.engine.runs import Run, Start, retrieve
from sayre.phasing.engine.support import ShrinkWrap

Objects = NDArray[np.complex64]

MARGIN = 1.25
"""Length of an array with a margin over that of the measured one, on each axis."""


@dataclass(frozen=True, kw_only=True)
class Consensus:
    """The result of several runs; arrays of their shape, centred.

    Attributes
    ----------
    object
        complex64, their first mode, or what the steps after `MEAN` made of it.
    runs
        Those averaged, as they were when they were.
    modes
        Of the runs, but `scatter` is that of `object`.
    residual, likelihood, free_likelihood
        Of `object`, as in `sayre.phasing.engine.modulus.Fit`.
    """

    object: Objects
    runs: tuple[Run, ...]
    modes: Modes
    residual: float
    likelihood: float
    free_likelihood: float


def consensus(
    runs: Sequence[Run],
    bounds: Bounds,
    stages: Stages,
    shrink_wrap: ShrinkWrap,
    *,
    device: str | torch.device = "cpu",
) -> Consensus:
    """Take runs through the steps after `WIDE`, and their average through those after `MEAN`.

    Parameters
    ----------
    runs
        Those believed, the `starts` of the recipe behind them; the others are aligned on the first.
    stages
        Of the recipe. The array has a margin if there are steps after `WIDE`.
    shrink_wrap
        As for the runs, its smoothing that of their end.

    Notes
    -----
    What is found with a margin is cut back to the measured array: it is then what the detector saw of the
    crystal, and rings a little outside of its support, as the true field does. Two halves of the runs are
    averaged and taken through the steps after `MEAN` too, so that `scatter` is of objects like the result.

    Warns
    -----
    SayreWarning
        Steps broke (not finite, empty): of all runs after `WIDE`, or after `MEAN`. They are left out.
    """
    around = with_margin(bounds) if stages.wide else bounds
    sharp = replace(shrink_wrap, sigma=(shrink_wrap.sigma[1],) * 2)
    averaged = tuple(runs)
    if stages.wide:
        further = _further([run.object for run in runs], around, bounds, stages.wide, sharp, device)
        went = [replace(run, index=old.index) for old, run in zip(runs, further, strict=True)]
        averaged = tuple(run for run in went if not run.failed) or averaged
        if all(run.failed for run in went):
            _left_out(f"WIDE: {went[0].failed}")
    modes = find_modes([run.object for run in averaged])
    if stages.mean:
        first, *halves = _further([modes.modes[0], *modes.halves], around, bounds, stages.mean, sharp, device)
        if not first.failed:
            ends = [run.object for run in halves if not run.failed]
            return _consensus(first, averaged, replace(modes, scatter=scatter(ends)))
        _left_out(f"MEAN: {first.failed}")
    return _consensus(_as_run(modes.modes[0], bounds, torch.device(device)), averaged, modes)


def with_margin(bounds: Bounds, margin: float = MARGIN) -> Bounds:
    """Bounds of an array at least `margin` times as long, any amplitude where nothing was measured."""
    shape = bounds.counts.shape
    sizes = [scipy.fft.next_fast_len(int(np.ceil(margin * n))) for n in shape]
    around = [_beyond(n, size) for n, size in zip(shape, sizes, strict=True)]
    return Bounds(
        lower=np.pad(bounds.lower, around),
        upper=np.pad(bounds.upper, around, constant_values=np.inf),
        counts=np.pad(bounds.counts, around),
        weight=np.pad(bounds.weight, around),
    )


def resampled(obj: Objects, shape: tuple[int, ...]) -> Objects:
    """A centred object on as many voxels as `shape` has, finer or coarser: its field padded or cut.

    The field where it remains is the same, so that an object of less voxels has the larger amplitudes.
    """
    field = np.fft.fftshift(scipy.fft.fftn(np.fft.ifftshift(obj), workers=-1))
    around = [_beyond(n, size) for n, size in zip(obj.shape, shape, strict=True)]
    cut = [slice(max(-a, 0), n + min(b, 0)) for n, (a, b) in zip(obj.shape, around, strict=True)]
    field = np.pad(field[tuple(cut)], [(max(before, 0), max(after, 0)) for before, after in around])
    return np.fft.fftshift(scipy.fft.ifftn(np.fft.ifftshift(field), workers=-1)).astype(np.complex64)


def _beyond(n: int, size: int) -> tuple[int, int]:
    """Voxels that an axis of `size` has before and after one of `n`, their centres together."""
    before = size // 2 - n // 2
    return before, size - n - before


def _further(
    objects: Sequence[Objects],
    around: Bounds,
    bounds: Bounds,
    steps: Sequence[Step],
    shrink_wrap: ShrinkWrap,
    device: str | torch.device,
) -> Iterator[Run]:
    """Objects taken on in bounds `around`, and cut back to the shape of `bounds`."""

    def starts() -> Iterator[Start]:
        for index, obj in enumerate(objects):
            finer = resampled(obj, around.counts.shape)
            yield Start(index=index, object=finer, support=shrink_wrap.final(finer))

    for run in retrieve(around, starts(), steps, shrink_wrap, count=len(objects), device=device):
        obj = resampled(run.object, bounds.counts.shape)
        yield replace(run, object=obj, support=shrink_wrap.final(obj))


def _as_run(obj: Objects, bounds: Bounds, device: torch.device) -> Run:
    """An object as it is, with its fit."""
    fit = Modulus(bounds, 1, device).fit(torch.from_numpy(np.fft.ifftshift(obj))[None].to(device))
    residual, likelihood, free = (float(value[0]) for value in fit)
    return Run(
        index=0,
        object=obj,
        support=np.ones(obj.shape, bool),
        residual=residual,
        likelihood=likelihood,
        free_likelihood=free,
    )


def _consensus(result: Run, averaged: tuple[Run, ...], modes: Modes) -> Consensus:
    return Consensus(
        object=result.object,
        runs=averaged,
        modes=modes,
        residual=result.residual,
        likelihood=result.likelihood,
        free_likelihood=result.free_likelihood,
    )


def _left_out(why: str) -> None:
    warnings.warn(f"{why}; these steps are left out", SayreWarning, stacklevel=3)
