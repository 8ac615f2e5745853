"""What the believed starts agree on, and on from there beyond the edges of the detector.

A crystal with facets scatters past the edge of any detector. Cut off there, its field is that of no object
with a sharp surface: it rings through the whole array, no support holds it, and iterations turn the phases of
the outermost fringes wrong, alike in every start. On an array with a margin in which nothing was measured,
the object is sampled finer and ends at its surface again.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.fft
import torch
from numpy.typing import NDArray

from sayre.errors import SayreWarning
from sayre.phasing.choice.modes import Modes, find_modes, scatter
from sayre.phasing.engine.bounds import Bounds
from sayre.phasing.engine.modulus import Modulus
from sayre.phasing.engine.recipe import Step
from sayre.phasing.engine.runs import Start, retrieve
from sayre.phasing.engine.support import ShrinkWrap

Objects = NDArray[np.complex64]

MARGIN = 1.25
"""Length of an array with a margin over that of the measured one, on each axis."""


@dataclass(frozen=True, kw_only=True)
class Consensus:
    """The result of several runs.

    Attributes
    ----------
    object
        complex64, centred, of the runs' shape: their first mode, or what the steps after `MEAN` made of it.
    modes
        Of the runs; its `scatter` is that of `object`.
    residual, likelihood, free_likelihood
        Of `object`, as in `sayre.phasing.engine.modulus.Fit`.
    """

    object: Objects
    modes: Modes
    residual: float
    likelihood: float
    free_likelihood: float


def consensus(
    objects: Sequence[Objects],
    bounds: Bounds,
    steps: Sequence[Step],
    shrink_wrap: ShrinkWrap,
    *,
    device: str | torch.device = "cpu",
) -> Consensus:
    """Average objects, and take the average through `steps` on an array with a margin.

    Parameters
    ----------
    objects
        Of the believed runs; the others are aligned on the first.
    steps
        What follows `MEAN` in a recipe; without any the average is the result.
    shrink_wrap
        As for the runs, its smoothing that of their end.

    Notes
    -----
    Two halves of the objects take the same way on their own, so that `scatter` is of results as they are
    returned. What is found is cut back to the measured array: it is then what the detector saw of the
    crystal, and rings a little outside of its support, as the true field does.

    Warns
    -----
    SayreWarning
        The steps broke (not finite, empty); the average is the result.
    """
    modes = find_modes(list(objects))
    if steps:
        wide, shape = with_margin(bounds), bounds.counts.shape
        sharp = replace(shrink_wrap, sigma=(shrink_wrap.sigma[1],) * 2)
        starts = [
            Start(index=index, object=x, support=shrink_wrap.final(x))
            for index, x in enumerate(
                resampled(x, wide.counts.shape) for x in (modes.modes[0], *modes.halves)
            )
        ]
        first, *halves = retrieve(wide, starts, steps, sharp, device=device)
        if not first.failed:
            ends = [resampled(run.object, shape) for run in halves if not run.failed]
            return Consensus(
                object=resampled(first.object, shape),
                modes=replace(modes, scatter=scatter(ends)),
                residual=first.residual,
                likelihood=first.likelihood,
                free_likelihood=first.free_likelihood,
            )
        warnings.warn(f"MEAN: {first.failed}; the average of the starts is given", SayreWarning, stacklevel=2)
    device = torch.device(device)
    first_mode = torch.from_numpy(np.fft.ifftshift(modes.modes[0]))[None].to(device)
    fit = Modulus(bounds, 1, device).fit(first_mode)
    return Consensus(
        object=modes.modes[0],
        modes=modes,
        residual=float(fit.residual[0]),
        likelihood=float(fit.likelihood[0]),
        free_likelihood=float(fit.free_likelihood[0]),
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
    field = np.fft.fftshift(scipy.fft.fftn(np.fft.ifftshift(obj), workers=-1))
    around = [_beyond(n, size) for n, size in zip(obj.shape, shape, strict=True)]
    cut = [slice(max(-a, 0), n + min(b, 0)) for n, (a, b) in zip(obj.shape, around, strict=True)]
    field = np.pad(field[tuple(cut)], [(max(before, 0), max(after, 0)) for before, after in around])
    return np.fft.fftshift(scipy.fft.ifftn(np.fft.ifftshift(field), workers=-1)).astype(np.complex64)


def _beyond(n: int, size: int) -> tuple[int, int]:
    """Voxels that an axis of `size` has before and after one of `n`, their centres together."""
    before = size // 2 - n // 2
    return before, size - n - before
