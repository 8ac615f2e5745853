"""The modulus constraint: project objects on the amplitude bounds, and compare them with the counts."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sayre.retrieval.engine.arrays.fourier import Fourier
from sayre.retrieval.engine.arrays.kernels import LEAST, clamping, half_deviance, intensity
from sayre.retrieval.engine.bounds import Bounds
from sayre.retrieval.engine.coherence import PartialCoherence

Comparison = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Makes of calculated intensities, counts and weights of a part the sums of each start, `(starts, sums)`."""
SHARPER = 1.3
"""Largest ratio of a coherent amplitude to its bound under partial coherence; without a limit iterations may
diverge."""


class FitQuality(NamedTuple):
    """How well calculated intensities agree with the counts.

    Attributes
    ----------
    residual
        `(batch,)` float64, R = √(Σ(√I_calc − √I)² / ΣI) over the voxels used (the error of cohere).
    likelihood
        `(batch,)` float64, log-likelihood as half the Poisson deviance, averaged over the voxels used:
        −log(likelihood) less that of a perfect fit, so that less is better.
    free_likelihood
        The same, averaged over the voxels left free for cross-validation.
    """

    residual: Tensor
    likelihood: Tensor
    free_likelihood: Tensor

    @property
    def merit(self) -> float:
        """Of the first object the free log-likelihood, or the log-likelihood where no voxel was free."""
        free = float(self.free_likelihood[0])
        return free if math.isfinite(free) else float(self.likelihood[0])


class Modulus:
    """The modulus constraint of a batch of objects.

    Arrays on the device, those of the field and of the object alike, have their origin at index 0.

    Parameters
    ----------
    bounds
        Bounds of the amplitude of every voxel, centred.
    batch
        Number of objects.
    device
        Device of the computation.

    Attributes
    ----------
    lower, upper, counts, weight
        As in `bounds`, in the order in memory in which `fourier` visits them.
    bounded
        Whether voxels that were not measured have bounds.
    field
        complex64 `(batch, *shape)`, a buffer that every step may overwrite.
    coherence
        Point-spread functions of partial coherence; None where the beam is taken to be coherent.
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
        """Compute the objects nearest to `x` whose amplitudes lie within the bounds.

        Parameters
        ----------
        x
            complex64 `(batch, *shape)`.
        out
            Tensor of the same shape that receives the result, and is returned.
        """
        lower, upper = self.lower.flatten(1), self.upper.flatten(1)
        blurred = None if self.coherence is None else self._blurred(x, out, None).flatten(2)

        def bound(field: Tensor, starts: slice, columns: slice) -> None:
            squares = intensity(field)
            most = upper[:, columns]
            if blurred is None:
                field.mul_(clamping(squares.sqrt_(), lower[:, columns], most))
                return
            modulus = torch.empty_like(squares).copy_(blurred[starts, :, columns]).sqrt_()
            factors = clamping(modulus, lower[:, columns], most)
            limits = squares.clamp_(min=LEAST**2).rsqrt_().mul_(SHARPER).mul_(most)
            field.mul_(torch.minimum(factors, limits, out=factors))

        return self.fourier.round_trip(x, out, bound, visited=blurred is not None)

    def fit_quality(self, x: Tensor, support: Tensor | None = None) -> FitQuality:
        """Compare objects with the counts.

        Parameters
        ----------
        x
            complex64 `(batch, *shape)`.
        support
            bool of the same shape; outside of it the objects are taken to be 0.
        """
        misfit, used, free = self._sums(_misfits, 3, x, support).unbind(1)
        return FitQuality(self._residual(misfit), _mean(used, self._used), _mean(free, self._free))

    def residual(self, x: Tensor, support: Tensor | None = None) -> Tensor:
        """Compute the residual R of `fit_quality` alone, in less time.

        Parameters
        ----------
        x, support
            As `fit_quality` takes them.
        """
        return self._residual(self._sums(_apart, 1, x, support)[:, 0])

    def _residual(self, misfit: Tensor) -> Tensor:
        return (misfit / max(self._power, 1e-30)).sqrt()

    def _sums(self, of: Comparison, many: int, x: Tensor, support: Tensor | None) -> Tensor:
        """Sum over all voxels what a comparison with the counts gives, float64 `(batch, many)`."""
        sums = torch.zeros((len(x), many), dtype=torch.float64, device=x.device)
        counts, weight = self.counts.flatten(1), self.weight.flatten(1)

        def compare(calculated: Tensor, starts: slice, columns: slice) -> None:
            sums[starts] += of(calculated, counts[:, columns], weight[:, columns])

        if self.coherence is None:
            self.fourier.visit(
                x,
                self.field,
                lambda field, starts, columns: compare(intensity(field), starts, columns),
                support=support,
            )
        else:
            blurred = self._blurred(x, self.field, support).flatten(2)
            for starts, columns in self.fourier.parts(len(x)):
                compare(blurred[starts, :, columns], starts, columns)
        return sums.cpu()

    def expected(self, x: Tensor) -> Tensor:
        """Compute the intensities of objects, with partial coherence, as float32 `(batch, *shape)`.

        Parameters
        ----------
        x
            complex64 `(batch, *shape)`.
        """
        if self.coherence is not None:
            return self._blurred(x, self.field, None)
        return self._coherent(x, self.field, None)

    def set_point_spreads(self, spreads: Sequence[NDArray[np.float32] | None]) -> None:
        """Set the point-spread function of each object; the beam is coherent unless all are known."""
        known = [torch.from_numpy(spread) for spread in spreads if spread is not None]
        self.coherence = None
        if len(known) == len(self.field):
            device = self.field.device
            self.coherence = PartialCoherence(len(known), self.shape, device, known=torch.stack(known))

    def update_coherence(self, x: Tensor, support: Tensor | None = None) -> None:
        """Refine the point-spread function of each object against the counts; the first call starts it.

        Parameters
        ----------
        x
            complex64 `(batch, *shape)`, objects.
        support
            bool of the same shape; outside of it the objects are taken to be 0.
        """
        if self.coherence is None:
            self.coherence = PartialCoherence(len(self.field), self.shape, self.field.device)
        coherent = self._coherent(x, self.field, support)
        self.coherence.update(coherent, self.counts, self.weight == 1, self.field)

    def _blurred(self, x: Tensor, buffer: Tensor, support: Tensor | None) -> Tensor:
        """Compute the intensities, convolved with the point-spread functions."""
        assert self.coherence is not None
        coherent = self._coherent(x, buffer, support)
        return self.coherence.blur(coherent, out=coherent, buffer=self.field)

    def _coherent(self, x: Tensor, buffer: Tensor, support: Tensor | None) -> Tensor:
        """Compute the coherent intensities `(batch, *shape)`."""
        coherent = torch.empty(x.shape, device=x.device)
        flat = coherent.flatten(2)

        def keep(field: Tensor, starts: slice, columns: slice) -> None:
            flat[starts, :, columns] = intensity(field)

        self.fourier.visit(x, buffer, keep, support=support)
        return coherent


def _misfits(calculated: Tensor, counts: Tensor, weight: Tensor) -> Tensor:
    """Sum over a part, `(starts, 3)`: squared amplitude difference, deviance of used and of free voxels."""
    deviance = half_deviance(calculated, counts)
    totals = [(deviance * (weight == value)).sum((1, 2)) for value in (1, 2)]
    return torch.cat((_apart(calculated, counts, weight), torch.stack(totals, 1).double()), 1)


def _apart(calculated: Tensor, counts: Tensor, weight: Tensor) -> Tensor:
    """Sum the squared amplitude difference of used voxels over a part, `(starts, 1)`."""
    difference = (calculated.sqrt() - counts.sqrt()).square_().mul_(weight == 1)
    return difference.sum((1, 2))[:, None].double()


def _mean(total: Tensor, count: int) -> Tensor:
    return total / count if count else torch.full_like(total, torch.nan)
