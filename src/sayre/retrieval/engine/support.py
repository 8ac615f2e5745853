"""The support of the object: the first one from the autocorrelation, later ones from shrink-wrap."""

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
    """Compute the autocorrelation of the object, the inverse Fourier transform of its intensity.

    Returns
    -------
    modulus
        float32, centred, of the shape of the centred `intensity`.
    noise
        Poisson noise of each of its voxels, √ΣI / N.
    """
    field = scipy.fft.ifftn(np.fft.ifftshift(intensity), workers=-1)
    noise = float(np.sqrt(intensity.sum(dtype=np.float64))) / intensity.size
    return np.fft.fftshift(np.abs(field)).astype(np.float32), noise


def initial_support(
    intensity: NDArray[np.float32], *, threshold: float = 0.04, noise_factor: float = 8.0
) -> NDArray[np.bool_]:
    """Compute a first support: the voxels at twice whose position the autocorrelation is strong.

    It is exact for a convex, centrosymmetric shape.

    Parameters
    ----------
    intensity
        float32, centred counts with filled gaps.
    threshold, noise_factor
        The autocorrelation must exceed both `threshold` times its maximum and `noise_factor` times its
        Poisson noise √ΣI / N.

    Notes
    -----
    The autocorrelation of an object is supported on the differences of its points; for a convex shape that is
    its own inversion those are twice the shape (Fienup, Crimmins and Holsztynski, JOSA 72, 610, 1982).
    """
    modulus, noise = autocorrelation(intensity)
    inside = modulus > max(threshold * float(modulus.max()), noise_factor * noise)
    index, within = [], []
    for n in modulus.shape:
        twice = 2 * (np.arange(n) - n // 2) + n // 2
        within.append((twice >= 0) & (twice < n))
        index.append(np.clip(twice, 0, n - 1))
    support: NDArray[np.bool_] = inside[np.ix_(*index)]
    for axis, ok in enumerate(within):
        support &= ok.reshape([-1 if i == axis else 1 for i in range(support.ndim)])
    return support


@dataclass(frozen=True, kw_only=True)
class ShrinkWrap:
    """Shrink-wrap: the support is where the smoothed amplitude of the object exceeds a threshold.

    After Marchesini et al., Phys. Rev. B 68, 140101 (2003).

    Attributes
    ----------
    threshold
        Fraction of the reference amplitude above which a voxel is in the support.
    reference
        `max`, `rms` or `average` of the amplitude inside the present support.
    sigma
        Standard deviations in voxels of the Gaussian that smooths the amplitude, at the start and at the end
        of the run.
    only_shrink
        Add no voxels to the support.
    fraction
        Smallest and largest fraction of the array that the support may fill; outside this range the brightest
        voxels of that number are the support.
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
            threshold=cls.threshold if settings.threshold is None else settings.threshold,
            reference=settings.reference,
            sigma=settings.smoothing,
            fraction=settings.support_fraction,
        )

    def update(self, x: Tensor, support: Tensor, progress: float, buffer: Tensor | None = None) -> Tensor:
        """Compute new supports, bool `(batch, *shape)`.

        Parameters
        ----------
        x
            complex64 `(batch, *shape)`, objects.
        support
            bool of the same shape, present supports.
        progress
            Fraction done of the run, from 0 to 1, which selects the width of the Gaussian.
        buffer
            complex64 of the same shape, overwritten.
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
        """Compute the support of a finished, centred object, without smoothing, from its bright part."""
        amplitude = torch.from_numpy(np.abs(obj))[None]
        bright = amplitude > 0.2 * amplitude.max()
        sharp = replace(self, sigma=(0.0, 0.0), only_shrink=False)
        return np.asarray(sharp.update(amplitude, bright, 1.0)[0].numpy())

    def _level(self, amplitude: Tensor, support: Tensor) -> float:
        """Compute the reference amplitude inside a support."""
        sums = []
        for values, inside in kernels.in_parts(amplitude, support):
            within = values * inside
            sums.append(torch.stack([within.max(), within.sum(), torch.dot(within, within)]))
        most, total, squares = torch.stack(sums).double().unbind(1)
        count = float(torch.count_nonzero(support))
        if self.reference == "max":
            return float(most.max())
        return float((squares.sum() / count).sqrt() if self.reference == "rms" else total.sum() / count)

    def _keep_in_range(self, amplitude: Tensor, support: Tensor, buffer: Tensor | None) -> None:
        """Replace a support that is too small or too large by the brightest voxels, in place."""
        least, most = (max(int(f * support.numel()), 1) for f in self.fraction)
        count = int(torch.count_nonzero(support))
        if count < max(least, 1) or count > most:
            wanted = max(least, 1) if count < max(least, 1) else most
            place = amplitude.numel() - wanted
            spare = torch.empty_like(amplitude) if buffer is None else torch.view_as_real(buffer)
            order = spare.flatten()[: amplitude.numel()].copy_(amplitude.flatten()).cpu().numpy()
            order.partition(place)
            torch.ge(amplitude, float(order[place]), out=support)


def smooth(amplitude: Tensor, sigma: float, buffer: Tensor | None = None) -> Tensor:
    """Convolve an array with a periodic Gaussian, in place.

    Parameters
    ----------
    amplitude
        float32 of any dimension, overwritten and returned.
    sigma
        Standard deviation in voxels; 0 changes nothing.
    buffer
        complex64 `(1 or more, *shape)`, overwritten.
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
