"""What the selected starts agree on, and on from there beyond the edges of the detector.

A crystal with facets scatters past the edge of any detector. Cut off there, its field is that of no object
with a sharp surface: it rings through the whole array, no support holds it, and iterations turn the phases of
the outermost fringes wrong, alike in every start. On an array with a margin in which nothing was measured,
the object is sampled finer and ends at its surface again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np
import scipy.fft
import torch
from numpy.typing import NDArray

from sayre.errors import warn
from sayre.retrieval.choice.align import aligned
from sayre.retrieval.choice.modes import Modes, find_modes
from sayre.retrieval.engine.bounds import Bounds
from sayre.retrieval.engine.modulus import FitQuality, Modulus
from sayre.retrieval.engine.recipe import Step
from sayre.retrieval.engine.runs import Run, Start, Status, retrieve
from sayre.retrieval.engine.support import ShrinkWrap

Objects = NDArray[np.complex64]
Mask = NDArray[np.bool_]

MARGIN = 1.25
"""Length of an array with a margin over that of the measured one, on each axis."""


@dataclass(frozen=True, kw_only=True)
class Consensus:
    """The result of several runs; arrays of their shape, centred.

    Attributes
    ----------
    object
        complex64, their first mode.
    indices
        Those averaged.
    averaged
        complex64, as they were when they were, aligned on the first.
    modes
        Of `averaged`.
    fit
        Of `object`.
    """

    object: Objects
    indices: tuple[int, ...]
    averaged: tuple[Objects, ...] = field(repr=False)
    modes: Modes
    fit: FitQuality


def consensus(
    runs: Sequence[Run],
    bounds: Bounds,
    steps: Sequence[Step],
    shrink_wrap: ShrinkWrap,
    *,
    device: str | torch.device = "cpu",
    report: Callable[[Status], None] | None = None,
) -> Consensus:
    """Take runs through `steps` on an array with a margin, if there are any, and average them.

    Parameters
    ----------
    runs
        Those selected; the others are aligned on the first.
    steps
        Of the recipe, those after `WIDE`.
    shrink_wrap
        As for the runs, its smoothing that of their end.

    Notes
    -----
    What is found with a margin is cut back to the measured array: it is then what the detector saw of the
    crystal, and rings a little outside of its support, as the true field does.

    Warns
    -----
    SayreWarning
        The steps broke all runs (not finite, empty); they are left out.
    """
    shape, further = bounds.counts.shape, tuple(runs)
    if steps:
        beyond = tuple(_beyond_the_edges(runs, bounds, steps, shrink_wrap, device, report))
        further = tuple(run for run in beyond if not run.failed) or further
        if all(run.failed for run in beyond):
            why = beyond[0].failed
            warn(f"WIDE: {why}; the steps after it are left out")
    averaged = aligned(resampled(run.object, shape) for run in further)
    modes = find_modes(averaged)
    first = torch.from_numpy(np.fft.ifftshift(modes.modes[0]))[None].to(device)
    modulus = Modulus(bounds, 1, torch.device(device))
    spreads = [run.point_spread for run in further if run.point_spread is not None]
    modulus.set_point_spreads([np.mean(spreads, 0) if len(spreads) == len(further) else None])
    return Consensus(
        object=modes.modes[0],
        indices=tuple(run.index for run in further),
        averaged=tuple(averaged),
        modes=modes,
        fit=modulus.fit_quality(first),
    )


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
    if obj.shape == shape:
        return obj
    field = scipy.fft.fftn(np.fft.ifftshift(obj), workers=-1, overwrite_x=True)
    new = np.zeros(shape, np.complex64)
    kept = [min(n, size) for n, size in zip(obj.shape, shape, strict=True)]
    for part in product(*((slice(n - n // 2), slice(-(n // 2), None)) for n in kept)):
        new[part] = field[part]
    del field
    return np.fft.fftshift(scipy.fft.ifftn(new, workers=-1, overwrite_x=True))


def _beyond(n: int, size: int) -> tuple[int, int]:
    """Voxels that an axis of `size` has before and after one of `n`, their centres together."""
    before = size // 2 - n // 2
    return before, size - n - before


def _beyond_the_edges(
    runs: Sequence[Run],
    bounds: Bounds,
    steps: Sequence[Step],
    shrink_wrap: ShrinkWrap,
    device: str | torch.device,
    report: Callable[[Status], None] | None,
) -> Iterator[Run]:
    """Runs taken on in an array with a margin, as they are there."""
    wide, shape = with_margin(bounds), bounds.counts.shape
    sharp = replace(shrink_wrap, sigma=(shrink_wrap.sigma[1],) * 2)

    def starts() -> Iterator[Start]:
        for run in runs:
            finer = resampled(run.object, wide.counts.shape)
            yield Start(
                index=run.index,
                object=finer,
                support=sharp.final(finer),
                point_spread=run.point_spread,
            )

    def told(now: Status) -> None:
        def cut(place: int) -> tuple[Objects, Mask]:
            inner = resampled(now.estimate(place)[0], shape)
            return inner, sharp.final(inner)

        if report:
            report(replace(now, estimate=cut))

    yield from retrieve(wide, starts(), steps, sharp, count=len(runs), device=device, report=told)
