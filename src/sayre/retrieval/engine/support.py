"""Where the object is: a first support from the autocorrelation, then shrink-wrap."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce

import numpy as np
import scipy.fft
import torch
from numpy.typing import NDArray
from torch import Tensor

from sayre.retrieval.engine.arrays import kernels
from sayre.retrieval.engine.arrays.fourier import Fourier
from sayre.retrieval.settings import Reference, Settings


def autocorrelation(intensity: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
    """Modulus of the inverse FFT of centred counts, centred, and the Poisson noise of each voxel of it."""
    field = scipy.fft.ifftn(np.fft.ifftshift(intensity), workers=-1)
    noise = float(np.sqrt(intensity.sum(dtype=np.float64))) / intensity.size
    return np.fft.fftshift(np.abs(field)).astype(np.float32), noise


def initial_support(
    intensity: NDArray[np.float32], *, threshold: float = 0.04, noise_factor: float = 8.0
) -> NDArray[np.bool_]:
    """Support from the autocorrelation at twice each position: exact for a centrosymmetric shape.

    Parameters
    ----------
    intensity
        Centred counts, gaps filled.
    threshold, noise_factor
        The autocorrelation must exceed both `threshold` of its maximum and `noise_factor` times its
        Poisson noise √ΣI / N.

    Notes
    -----
    The autocorrelation of an object is supported on the differences of its points; for a convex shape that is
    its own inversion those are twice the shape (Fienup, Crimmins and Holsztynski, JOSA 72, 610, 1982).
    """
    shadow, noise = autocorrelation(intensity)
    inside = shadow > max(threshold * float(shadow.max()), noise_factor * noise)
    index, within = [], []
    for n in shadow.shape:
        twice = 2 * (np.arange(n) - n // 2) + n // 2
        within.append((twice >= 0) & (twice < n))
        index.append(np.clip(twice, 0, n - 1))
    support: NDArray[np.bool_] = inside[np.ix_(*index)]
    for axis, ok in enumerate(within):
        support &= ok.reshape([-1 if i == axis else 1 for i in range(support.ndim)])
    return support


@dataclass(frozen=True, kw_only=True)
class ShrinkWrap:
    """Support from the object's own smoothed amplitude (Marchesini et al., Phys. Rev. B 68, 140101, 2003).

    Attributes
    ----------
    threshold, reference
        Voxels above `threshold` × the maximum, root mean square or average of the amplitude inside the
        present support.
    sigma
        Width in voxels of the Gaussian that smooths the amplitude, at the start and the end of the run.
    only_shrink
        Never take voxels in.
    fraction
        Smallest and largest fraction of the array; beyond it the support is that fraction of the brightest
        voxels, so that it neither dies nor fills the box.
    """

    threshold: float = 0.3
    reference: Reference = "rms"
    sigma: tuple[float, float] = (2.0, 1.0)
    only_shrink: bool = False
    fraction: tuple[float, float] = (1e-4, 0.4)

    @classmethod
    def of(cls, settings: Settings) -> ShrinkWrap:
        """Return the update of the support that settings of phase retrieval describe."""
        return cls(
            threshold=settings.threshold,
            reference=settings.reference,
            sigma=settings.smoothing,
            fraction=settings.support_fraction,
        )

    def update(self, x: Tensor, support: Tensor, progress: float, buffer: Tensor | None = None) -> Tensor:
        """New supports, bool `(batch, *shape)`, of objects `x`; `progress` of the run is from 0 to 1.

        A complex `buffer` of the shape of `x` is overwritten.
        """
        width = self.sigma[0] + (self.sigma[1] - self.sigma[0]) * progress
        updated = torch.empty_like(support)
        for one, old, new in zip(x, support, updated, strict=True):
            amplitude = smooth(kernels.moduli(one), width, buffer)
            level = self._level(amplitude, old if old.any() else ~old)
            torch.gt(amplitude, self.threshold * level, out=new)
            if self.only_shrink:
                new &= old
            self._keep_in_range(amplitude, new, buffer)
        return updated

    def final(self, obj: NDArray[np.complex64]) -> NDArray[np.bool_]:
        """Support of a finished centred object, not smoothed: the reference is taken where it is bright."""
        amplitude = torch.from_numpy(np.abs(obj))[None]
        bright = amplitude > 0.2 * amplitude.max()
        sharp = replace(self, sigma=(0.0, 0.0), only_shrink=False)
        return np.asarray(sharp.update(amplitude, bright, 1.0)[0].numpy())

    def _level(self, amplitude: Tensor, support: Tensor) -> float:
        """What the threshold is a fraction of."""
        found, size = [], kernels.block() if amplitude.device.type == "cpu" else amplitude.numel()
        parts = (torch.split(a.flatten(), size) for a in (amplitude, support))
        for values, inside in zip(*parts, strict=True):
            within = values * inside
            found.append(torch.stack([within.max(), within.sum(), torch.dot(within, within)]))
        most, total, squares = torch.stack(found).double().unbind(1)
        count = float(torch.count_nonzero(support))
        if self.reference == "max":
            return float(most.max())
        return float((squares.sum() / count).sqrt() if self.reference == "rms" else total.sum() / count)

    def _keep_in_range(self, amplitude: Tensor, support: Tensor, buffer: Tensor | None) -> None:
        least, most = (int(f * support.numel()) for f in self.fraction)
        count = int(torch.count_nonzero(support))
        if count < max(least, 1) or count > most:
            wanted = max(least, 1) if count < max(least, 1) else most
            place = amplitude.numel() - wanted
            spare = torch.empty_like(amplitude) if buffer is None else torch.view_as_real(buffer)
            order = spare.flatten()[: amplitude.numel()].copy_(amplitude.flatten()).cpu().numpy()
            order.partition(place)
            torch.ge(amplitude, float(order[place]), out=support)


def smooth(amplitude: Tensor, sigma: float, buffer: Tensor | None = None) -> Tensor:
    """Gaussian of standard deviation `sigma` voxels on a periodic array of any dimension, real.

    `amplitude` is overwritten, and so is a complex `buffer`, `(1 or more, *shape)`.
    """
    if sigma <= 0:
        return amplitude
    fourier, shape = Fourier(tuple(amplitude.shape), amplitude.device), amplitude.shape
    lines = [
        (torch.fft.rfftfreq if axis == len(shape) - 1 else torch.fft.fftfreq)(n, device=amplitude.device)
        for axis, n in enumerate(shape)
    ]
    first, *rest = (torch.exp(-2 * (np.pi * sigma * line) ** 2) for line in lines)
    others = reduce(lambda a, b: torch.outer(a, b).flatten(), rest)

    def damp(field: Tensor, _: slice, columns: slice) -> None:
        field.mul_(torch.outer(first, others[columns]))

    if buffer is None:
        buffer = torch.empty((1, *shape), dtype=torch.complex64, device=amplitude.device)
    fourier.round_trip(amplitude[None], amplitude[None], damp, buffer=fourier.half(buffer[:1]))
    return amplitude
