"""The average of the selected runs, after further iterations on an array larger than the detector.

A crystal with facets scatters beyond the edges of any detector. A field that is cut off there belongs to no
object with a sharp surface: the object rings through the whole array, no support contains it, and iterations
give the phases of the outermost fringes the same error in every start. On an array with a margin in
which nothing was measured, the object is sampled more finely and ends at its surface again.
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
"""Length of the array with a margin in units of the length of the measured one, on each axis."""


@dataclass(frozen=True, kw_only=True)
class Consensus:
    """The average of several runs; arrays are centred and of the shape of the bounds.

    Attributes
    ----------
    object
        complex64, the first mode of the runs averaged.
    indices
        Numbers of the starts that were averaged.
    averaged
        complex64, the objects that were averaged, aligned on the first.
    modes
        Modes of `averaged`.
    fit
        Fit of `object` to the counts.
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
    """Iterate `steps`, if there are any, on an array with a margin from the given runs, and average them.

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
    shape, selected = bounds.counts.shape, tuple(runs)
    if steps:
        wide = tuple(_on_wide_array(runs, bounds, steps, shrink_wrap, device, report))
        selected = tuple(run for run in wide if not run.failed) or selected
        if all(run.failed for run in wide):
            warn(
                f"recipe: every start failed in the steps after WIDE, the first: {wide[0].failed}; "
                "the objects before these steps are averaged"
            )
    averaged = aligned(resampled(run.object, shape) for run in selected)
    modes = find_modes(averaged)
    first = torch.from_numpy(np.fft.ifftshift(modes.modes[0]))[None].to(device)
    modulus = Modulus(bounds, 1, torch.device(device))
    spreads = [run.point_spread for run in selected if run.point_spread is not None]
    modulus.set_point_spreads([np.mean(spreads, 0) if len(spreads) == len(selected) else None])
    return Consensus(
        object=modes.modes[0],
        indices=tuple(run.index for run in selected),
        averaged=tuple(averaged),
        modes=modes,
        fit=modulus.fit_quality(first),
    )


def with_margin(bounds: Bounds, margin: float = MARGIN) -> Bounds:
    """Return the bounds on a larger array, without bounds where nothing was measured.

    Parameters
    ----------
    bounds
        Bounds on the measured array.
    margin
        Least length of the new array in units of the old one, on each axis.
    """
    shape = bounds.counts.shape
    sizes = [scipy.fft.next_fast_len(int(np.ceil(margin * n))) for n in shape]
    around = [_padding(n, size) for n, size in zip(shape, sizes, strict=True)]
    return Bounds(
        lower=np.pad(bounds.lower, around),
        upper=np.pad(bounds.upper, around, constant_values=np.inf),
        counts=np.pad(bounds.counts, around),
        weight=np.pad(bounds.weight, around),
    )


def resampled(obj: Objects, shape: tuple[int, ...]) -> Objects:
    """Resample a centred object to another shape, more finely or coarsely, by padding or cutting its field.

    The remaining field does not change, so that the amplitudes of an object on fewer voxels are larger.

    Parameters
    ----------
    obj
        complex64, centred.
    shape
        Shape of the result.
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


def _padding(n: int, size: int) -> tuple[int, int]:
    """Return the voxels before and after an axis of `n` voxels in one of `size` with the same centre."""
    before = size // 2 - n // 2
    return before, size - n - before


def _on_wide_array(
    runs: Sequence[Run],
    bounds: Bounds,
    steps: Sequence[Step],
    shrink_wrap: ShrinkWrap,
    device: str | torch.device,
    report: Callable[[Status], None] | None,
) -> Iterator[Run]:
    """Iterate further steps from runs on an array with a margin, and yield the results there."""
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

    def report_measured(status: Status) -> None:
        """Report with estimates on the measured array."""

        def estimate(place: int) -> tuple[Objects, Mask]:
            obj = resampled(status.estimate(place)[0], shape)
            return obj, sharp.final(obj)

        if report:
            report(replace(status, estimate=estimate))

    yield from retrieve(wide, starts(), steps, sharp, count=len(runs), device=device, report=report_measured)
