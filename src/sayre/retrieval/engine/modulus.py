"""The detector's side of an iteration: two FFTs around the amplitude bounds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sayre.retrieval.engine.arrays.fourier import Fourier
from sayre.retrieval.engine.arrays.kernels import clamping, intensity
from sayre.retrieval.engine.bounds import Bounds
from sayre.retrieval.engine.coherence import PartialCoherence


class FitQuality(NamedTuple):
    """How well calculated amplitudes meet the counts, each `(batch,)` float64.

    `residual` is R = √(Σ(√I_calc − √I)² / ΣI) over the voxels used (cohere's error), `likelihood` and
    `free_likelihood` the mean over voxels used and free of half the Poisson deviance, −log(likelihood) less
    that of a perfect fit.
    """

    residual: Tensor
    likelihood: Tensor
    free_likelihood: Tensor


class Modulus:
    """Projects objects on the amplitude bounds.

    Arrays on the device have their origin at index 0 (corner), the field's and the object's alike.

    Parameters
    ----------
    bounds
        Centred arrays.
    batch
        Objects handled at once.
    device
        Where.

    Attributes
    ----------
    lower, upper, counts, weight
        As in `bounds`, in the order in memory that `fourier` visits them.
    bounded
        Whether voxels that were not measured have bounds.
    field
        complex64 `(batch, *shape)`, free for every step to use.
    """

    def __init__(self, bounds: Bounds, batch: int, device: torch.device) -> None:
        self.shape = bounds.counts.shape
        self.dims = tuple(range(1, len(self.shape) + 1))
        self.fourier = Fourier(self.shape, device)

        def corner(array: NDArray[Any]) -> Tensor:
            return self.fourier.arrange(torch.from_numpy(np.fft.ifftshift(array)).to(device))

        self.lower, self.upper = corner(bounds.lower), corner(bounds.upper)
        self.counts, self.weight = corner(bounds.counts), corner(bounds.weight)
        self.field = torch.empty((batch, *self.shape), dtype=torch.complex64, device=device)
        self.coherence: PartialCoherence | None = None
        used, free, rest = (bounds.weight == value for value in (1, 2, 0))
        self.bounded = bool(((bounds.lower > 0) | np.isfinite(bounds.upper))[rest].any())
        self._used, self._free = int(used.sum()), int(free.sum())
        self._power = float(bounds.counts.sum(dtype=np.float64, where=used))

    def project(self, x: Tensor, out: Tensor) -> Tensor:
        """The object nearest to `x` whose amplitudes lie within the bounds, written to `out`."""
        lower, upper = self.lower.flatten(1), self.upper.flatten(1)
        seen = None if self.coherence is None else self._seen(x, out, None).flatten(2)

        def bound(field: Tensor, starts: slice, columns: slice) -> None:
            modulus = (intensity(field) if seen is None else seen[starts, :, columns].clone()).sqrt_()
            field.mul_(clamping(modulus, lower[:, columns], upper[:, columns]))

        return self.fourier.round_trip(x, out, bound)

    def fit_quality(self, x: Tensor, support: Tensor | None = None) -> FitQuality:
        """Agreement with the counts of objects `(batch, *shape)`, cut at a bool `support`."""
        sums = torch.zeros((len(x), 3), dtype=torch.float64, device=x.device)
        counts, weight = self.counts.flatten(1), self.weight.flatten(1)

        def compare(seen: Tensor, starts: slice, columns: slice) -> None:
            sums[starts] += _misfits(seen, counts[:, columns], weight[:, columns])

        if self.coherence is None:
            self.fourier.visit(
                x,
                self.field,
                lambda field, starts, columns: compare(intensity(field), starts, columns),
                support=support,
            )
        else:
            seen = self._seen(x, self.field, support).flatten(2)
            for starts, columns in self.fourier.parts(len(x)):
                compare(seen[starts, :, columns], starts, columns)
        misfit, used, free = sums.cpu().unbind(1)
        power = max(self._power, 1e-30)
        return FitQuality((misfit / power).sqrt(), _mean(used, self._used), _mean(free, self._free))

    def set_point_spreads(self, spreads: Sequence[NDArray[np.float32] | None]) -> None:
        """Take the point-spread function of each object; none, unless all are known."""
        known = [torch.from_numpy(spread) for spread in spreads if spread is not None]
        self.coherence = None
        if len(known) == len(self.field):
            device = self.field.device
            self.coherence = PartialCoherence(len(known), self.shape, device, known=torch.stack(known))

    def update_coherence(self, x: Tensor, support: Tensor | None = None) -> None:
        """Bring the point-spread function of each object `x` to the counts; the first call starts it."""
        if self.coherence is None:
            self.coherence = PartialCoherence(len(self.field), self.shape, self.field.device)
        seen = self._coherent(x, self.field, support)
        self.coherence.update(seen, self.counts, self.weight == 1, self.field)

    def _seen(self, x: Tensor, buffer: Tensor, support: Tensor | None) -> Tensor:
        """Intensities as they are counted."""
        assert self.coherence is not None
        seen = self._coherent(x, buffer, support)
        return self.coherence.blur(seen, out=seen, buffer=self.field)

    def _coherent(self, x: Tensor, buffer: Tensor, support: Tensor | None) -> Tensor:
        seen = torch.empty(x.shape, device=x.device)
        flat = seen.flatten(2)

        def keep(field: Tensor, starts: slice, columns: slice) -> None:
            flat[starts, :, columns] = intensity(field)

        self.fourier.visit(x, buffer, keep, support=support)
        return seen


def _misfits(seen: Tensor, counts: Tensor, weight: Tensor) -> Tensor:
    """Of a part, `(starts, 3)`: squared difference of amplitudes, deviance of used voxels and of free."""
    used, free = ((weight == value).float() for value in (1, 2))
    difference = (seen.sqrt() - counts.sqrt()).square_().mul_(used)
    ratio = (counts / seen.clamp(min=1e-3)).clamp_(min=1e-30)
    deviance = ratio.log_().mul_(counts).add_(seen).sub_(counts)
    totals = [a.sum((1, 2)) for a in (difference, deviance * used, deviance * free)]
    return torch.stack(totals, 1).double()


def _mean(total: Tensor, count: int) -> Tensor:
    return total / count if count else torch.full_like(total, torch.nan)
