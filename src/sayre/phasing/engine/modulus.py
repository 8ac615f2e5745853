"""The detector's side of an iteration: two FFTs around the amplitude bounds."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sayre.phasing.engine.bounds import Bounds
from sayre.phasing.engine.coherence import Coherence
from sayre.phasing.engine.kernels import clamp_modulus


class Fit(NamedTuple):
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
    """

    def __init__(self, bounds: Bounds, batch: int, device: torch.device) -> None:
        def corner(array: NDArray[Any]) -> Tensor:
            return torch.from_numpy(np.fft.ifftshift(array)).to(device)

        self.shape = bounds.counts.shape
        self.dims = tuple(range(1, len(self.shape) + 1))
        self.lower, self.upper = corner(bounds.lower), corner(bounds.upper)
        self.counts, self.weight = corner(bounds.counts), corner(bounds.weight)
        self.field = torch.empty((batch, *self.shape), dtype=torch.complex64, device=device)
        self.coherence: Coherence | None = None

    def project(self, x: Tensor, out: Tensor) -> Tensor:
        """The object nearest to `x` whose amplitudes lie within the bounds, written to `out`."""
        torch.fft.fftn(x, dim=self.dims, out=self.field)
        if self.coherence is None:
            clamp_modulus(self.field, self.lower, self.upper)
        else:
            seen = self.coherence.blur(_intensity(self.field)).sqrt_()
            self.field.mul_(seen.clamp(self.lower, self.upper).div_(seen.clamp_(min=1e-15)))
        torch.fft.ifftn(self.field, dim=self.dims, out=out)
        return out

    def fit(self, x: Tensor) -> Fit:
        """Agreement of objects `(batch, *shape)` with the counts."""
        torch.fft.fftn(x, dim=self.dims, out=self.field)
        seen = _intensity(self.field)
        if self.coherence is not None:
            seen = self.coherence.blur(seen)
        rows = [self._fit(intensity) for intensity in seen]
        return Fit(*(torch.tensor(column, dtype=torch.float64) for column in zip(*rows, strict=True)))

    def update_coherence(self, x: Tensor) -> None:
        """Bring the point-spread function of each object `x` to the counts; the first call starts it."""
        if self.coherence is None:
            self.coherence = Coherence(len(self.field), self.shape, self.field.device)
        torch.fft.fftn(x, dim=self.dims, out=self.field)
        self.coherence.update(_intensity(self.field), self.counts, self.weight == 1)

    def _fit(self, intensity: Tensor) -> tuple[float, float, float]:
        used, free = self.weight == 1, self.weight == 2
        misfit = (intensity.sqrt() - self.counts.sqrt()).square_()
        residual = _total(misfit[used]) / max(_total(self.counts[used]), 1e-30)
        n = self.counts
        deviance = intensity - n + torch.xlogy(n, n / intensity.clamp(min=1e-3))
        likelihood, free_likelihood = (
            _total(deviance[where]) / max(int(where.sum()), 1) if where.any() else float("nan")
            for where in (used, free)
        )
        return residual**0.5, likelihood, free_likelihood


def _intensity(field: Tensor) -> Tensor:
    return torch.view_as_real(field).square().sum(-1)


def _total(a: Tensor) -> float:
    return float(a.sum(dtype=torch.float64))
