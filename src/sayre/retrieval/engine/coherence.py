"""Partial coherence: the counts are the coherent intensity convolved with a point-spread function."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sayre.retrieval.engine.arrays.fourier import Fourier, Visit

REACH = 5
"""Voxels that the point-spread function extends to on each side."""
LUCY_STEPS = 10
"""Richardson-Lucy steps of one update."""


class PartialCoherence:
    """Point-spread functions of partial coherence, one for each object of a batch.

    They start as narrow Gaussians, or as those `known`, and are refined against the counts by
    Richardson-Lucy steps (Clark, Huang, Harder and Robinson, Nat. Commun. 3, 993, 2012). They are kept
    non-negative, of sum 1 and equal to their inversion, so that the mutual coherence function is real and the
    object does not move.

    Parameters
    ----------
    batch
        Number of objects.
    shape
        Shape of the array of counts.
    device
        Device of the computation.
    sigma
        Standard deviation of the first Gaussian, in voxels.
    known
        float32 `(batch, *lags)`, lag 0 in the middle, in place of the Gaussian.

    Attributes
    ----------
    kernel
        float32 `(batch, *lags)`, the point-spread functions, lag 0 in the middle.
    transfer
        float32, their Fourier transforms on the half-space of `rfftn`, origin at index 0.
    """

    def __init__(
        self,
        batch: int,
        shape: tuple[int, ...],
        device: torch.device,
        sigma: float = 0.5,
        known: Tensor | None = None,
    ) -> None:
        self.shape, self.dims = shape, tuple(range(1, len(shape) + 1))
        self.fourier = Fourier(shape, device)
        reach = [min(REACH, (n - 1) // 2) for n in shape]
        if known is not None:
            reach = [(n - 1) // 2 for n in known.shape[1:]]
        self.lags = tuple(torch.arange(-r, r + 1) for r in reach)
        grids: list[Tensor] = list(torch.meshgrid(*self.lags, indexing="ij"))
        self.near: Any = (slice(None), *grids)
        distance = torch.stack(grids).float().square().sum(0)
        kernel = torch.exp(-distance / (2 * sigma**2))
        self.kernel = (kernel / kernel.sum()).expand(batch, *kernel.shape).clone().to(device)
        if known is not None:
            self.kernel = known.to(device)
        self._spread()

    def point_spread(self) -> Tensor:
        """Compute the point-spread functions from `transfer`, `(batch, *lags)` with lag 0 in the middle."""
        near: Tensor = torch.fft.irfftn(self.transfer, s=self.shape, dim=self.dims)[self.near]
        return near / near.sum(self.dims, keepdim=True)

    def blur(self, intensity: Tensor, *, out: Tensor | None = None, buffer: Tensor | None = None) -> Tensor:
        """Convolve intensities with the point-spread functions.

        Parameters
        ----------
        intensity
            float32 `(batch, *shape)`, coherent intensities.
        out
            Tensor of the same shape that receives the result; it may be `intensity` itself.
        buffer
            complex64 of the same shape, overwritten.
        """
        transfer = self.transfer.flatten(2)

        def damp(field: Tensor, starts: slice, columns: slice) -> None:
            field.mul_(torch.empty_like(field.real).copy_(transfer[starts, :, columns]))

        return self._convolve(intensity, damp, out, buffer).clamp_(min=0)

    def update(self, intensity: Tensor, counts: Tensor, used: Tensor, buffer: Tensor | None = None) -> None:
        """Refine the point-spread functions by `LUCY_STEPS` Richardson-Lucy steps.

        Parameters
        ----------
        intensity
            float32 `(batch, *shape)`, coherent intensities of the objects.
        counts
            float32 `shape`, measured counts.
        used
            bool `shape`; voxels that are not used are taken to agree with the counts.
        buffer
            complex64 `(batch, *shape)`, overwritten.
        """
        spectrum = torch.fft.rfftn(intensity, dim=self.dims)
        flat = spectrum.flatten(2)
        total = intensity.sum(self.dims, dtype=torch.float64).float().clamp(min=1e-30)
        sums = tuple(range(1, self.kernel.ndim))
        ratio = torch.empty_like(intensity)

        def correlate(field: Tensor, starts: slice, columns: slice) -> None:
            field.mul_(flat[starts, :, columns].conj())

        for _ in range(LUCY_STEPS):
            self.blur(intensity, out=ratio, buffer=buffer)
            torch.div(counts, ratio.clamp_(min=1e-3), out=ratio)
            ratio.masked_fill_(~used, 1)
            weights = self._convolve(ratio, correlate, ratio, buffer)
            gain = weights[self.near] / total.reshape(-1, *(1,) * len(self.shape))
            kernel = self.kernel * gain.clamp(min=0)
            kernel = kernel + kernel.flip(sums)
            self.kernel = kernel / kernel.sum(sums, keepdim=True).clamp(min=1e-30)
            self._spread()

    def _convolve(self, x: Tensor, visit: Visit, out: Tensor | None, buffer: Tensor | None) -> Tensor:
        buffer = torch.empty(x.shape, dtype=torch.complex64, device=x.device) if buffer is None else buffer
        out = torch.empty_like(x) if out is None else out
        return self.fourier.round_trip(x, out, visit, buffer=self.fourier.half(buffer))

    def widths(self) -> Tensor:
        """Compute the standard deviations of the point-spread functions in voxels, `(batch, axes)`."""
        widths = []
        for axis, lag in enumerate(self.lags):
            others = [i + 1 for i in range(len(self.shape)) if i != axis]
            profile = self.kernel.sum(others) if others else self.kernel
            widths.append((profile * lag.to(self.kernel).square()).sum(1).sqrt())
        return torch.stack(widths, 1)

    def _spread(self) -> None:
        """Compute the transfer functions of the kernels."""
        whole = torch.zeros((len(self.kernel), *self.shape), device=self.kernel.device)
        whole[self.near] = self.kernel
        self.transfer = torch.fft.rfftn(whole, dim=self.dims).real.contiguous()
