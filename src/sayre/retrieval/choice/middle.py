"""The middle of a large pattern, on which starts are iterated first, coarser in space and faster."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.fft
import torch

from sayre.retrieval.choice.margin import resampled
from sayre.retrieval.engine.bounds import Bounds, Prior
from sayre.retrieval.engine.iterate import batch_size, retrieve
from sayre.retrieval.engine.packed import Mask, Objects
from sayre.retrieval.engine.recipe import Step
from sayre.retrieval.engine.start import Start
from sayre.retrieval.engine.status import Report, Status
from sayre.retrieval.engine.support import ShrinkWrap

PART = 0.5
"""Least length of the middle over that of the array, on each axis."""
ACROSS = 21
"""Least voxels of the crystal across the middle. Of starts with 16 half fail which succeed with 21."""
WORTH = 0.6
"""Voxels of the middle over those of the array from which on it is not worth while."""
ALL = 0.85
"""Part of an axis from which on the middle has all of it: frames at the rim are few, and save no time."""


def middle_shape(shape: Sequence[int], ratios: Sequence[float]) -> tuple[int, ...] | None:
    """Return the shape of the middle of a pattern; None for 2D, and where it would be most of the array.

    Parameters
    ----------
    shape
        Voxels of the array.
    ratios
        Oversampling ratio along each axis, which says how many voxels the crystal has.
    """
    if len(shape) != 3 or not np.isfinite(ratios).all():
        return None
    pairs = zip(shape, ratios, strict=True)
    wanted = (max(math.ceil(PART * n), math.ceil(ACROSS * ratio)) for n, ratio in pairs)
    sizes = zip(shape, map(_even_and_fast, wanted), strict=True)
    middle = tuple(size if size < ALL * n else n for n, size in sizes)
    return middle if math.prod(middle) <= WORTH * math.prod(shape) else None


@dataclass(frozen=True)
class Middle:
    """A part of an array with the same centre, and what is iterated on it.

    Attributes
    ----------
    shape
        Voxels along each axis.
    steps
        Steps of the recipe before `WHOLE`.
    """

    shape: tuple[int, ...]
    steps: Sequence[Step]

    def bounds(self, bounds: Bounds) -> Bounds:
        """Cut bounds to the middle; voxels that are left free stay so.

        Parameters
        ----------
        bounds
            Of the whole array, or of one with a margin around it.
        """
        box = tuple(
            slice(n // 2 - size // 2, n // 2 - size // 2 + size)
            for n, size in zip(bounds.counts.shape, self.shape, strict=True)
        )
        prior = bounds.prior
        if prior is not None:
            prior = Prior(level=prior.level[box], precision=prior.precision[box])
        return Bounds(
            lower=bounds.lower[box],
            upper=bounds.upper[box],
            counts=bounds.counts[box],
            weight=bounds.weight[box],
            prior=prior,
        )

    def searched(
        self,
        starts: Iterable[Start],
        bounds: Bounds,
        wrap: ShrinkWrap,
        *,
        count: int | None = None,
        device: str | torch.device = "cpu",
        report: Report | None = None,
    ) -> Iterator[Start]:
        """Iterate starts on the middle, and yield them on the whole array.

        Parameters
        ----------
        starts
            Starts on the whole array.
        bounds
            Bounds on it.
        wrap
            How `SW` updates the support.
        count, device, report
            As `retrieve` takes them.
        """
        shape, sharp = bounds.counts.shape, replace(wrap, sigma=(wrap.sigma[1],) * 2)

        def told(status: Status) -> None:
            def estimate(place: int) -> tuple[Objects, Mask]:
                obj = resampled(status.estimate(place)[0], shape)
                return obj, sharp.final(obj)

            if report:
                report(replace(status, estimate=estimate, step="middle of the pattern"))

        cut, coarse = self.bounds(bounds), (self._coarse(start) for start in starts)
        # What the device holds of these is still there while the whole array is iterated.
        together = batch_size(bounds.counts.size, torch.device(device))
        for run in retrieve(
            cut, coarse, self.steps, wrap, count=count, device=device, batch=together, report=told
        ):
            empty = np.zeros(shape, np.complex64)
            obj = empty if run.failed else resampled(run.object, shape)
            yield Start(
                index=run.index,
                object=obj,
                support=empty != 0 if run.failed else sharp.final(obj),
                point_spread=run.point_spread,
                history=run.history,
                failed=run.failed and f"{run.failed} on the middle of the pattern",
            )

    def _coarse(self, start: Start) -> Start:
        """Return a start with the middle of its field alone."""
        support = resampled(start.support.astype(np.complex64), self.shape).real
        return replace(
            start,
            object=resampled(start.object, self.shape),
            support=support > 0.5 * float(support.max()),
        )


def _even_and_fast(size: int) -> int:
    """Return the least even length of a fast Fourier transform that is not below a size."""
    return next(n for n in range(size + size % 2, 4 * size + 2, 2) if n == scipy.fft.next_fast_len(n))
