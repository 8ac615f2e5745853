"""Expected counts of an object, and the gradient of their Poisson likelihood by object and nuisances."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sayre.retrieval.engine.arrays.kernels import half_deviance, intensities
from sayre.retrieval.engine.bounds import Bounds
from sayre.retrieval.measurement.angles import Frames
from sayre.retrieval.measurement.background import SmoothShape, by_values, less_mean
from sayre.retrieval.measurement.envelope import unmeasured_rate
from sayre.retrieval.measurement.factors import MOST, by_logarithms, factors, rough
from sayre.retrieval.measurement.likelihood import Bounded, Known, Likelihood, Prior
from sayre.retrieval.measurement.spread import PointSpread, Transfer

SCATTER = 0.1, 0.15
"""Prior standard deviations of the logarithms of flux and response."""
UNEVEN = 0.5
"""The same of the logarithms of a background that differs from frame to frame, and of its cosines."""
STEP = 0.1
"""Prior standard deviation of the errors of the rocking angle, in steps of the scan."""


class Parameters(NamedTuple):
    """What is fitted, or the gradient by it; nuisances that are not in the model are None.

    Attributes
    ----------
    object
        Complex, the voxels inside the support.
    factor
        Real `(axes, axes)`: the covariance of the point-spread function is `L Lᵀ` of its lower triangle, in
        voxels².
    tails
        Real scalar, angle whose squared sine is the share of a Lorentzian in the point spread.
    frames, gains
        Real, origin at index 0, `(frames,)` and `(rows, columns)`; `factors` makes of them flux and
        response.
    background
        Real scalar, square root of the counts a voxel.
    background_frames, background_waves
        Real `(frames,)` and `(ORDER, ORDER)`, logarithms of the background relative to that; their means over
        the voxels used are taken off.
    angles
        Real `(frames,)`, origin at index 0; `rough` makes of them the errors of the rocking angle in steps.
    """

    object: Tensor
    factor: Tensor | None = None
    tails: Tensor | None = None
    frames: Tensor | None = None
    background: Tensor | None = None
    background_frames: Tensor | None = None
    background_waves: Tensor | None = None
    gains: Tensor | None = None
    angles: Tensor | None = None


class Misfit(NamedTuple):
    """Half the deviance of the voxels used, with priors, and its gradient."""

    value: float
    gradient: Parameters


class Forward:
    """The forward model of a measurement, `λ = g (s (h ⊗ |F x|²) + b)`, with its likelihood.

    Arrays on the device have their origin at index 0 and the shape of the bounds, which may be larger than
    the detector (see `sayre.retrieval.choice.margin.with_margin`): nothing was measured there.

    Parameters
    ----------
    bounds
        Counts and weights, and bounds for what was not measured, centred.
    inside
        bool, centred, the voxels in which the object may differ from 0.
    device
        Device of the computation.
    dtype
        Precision, torch.float32 or torch.float64.
    scatter
        Prior standard deviations of the logarithms of flux and response.

    Attributes
    ----------
    voxels
        Number of voxels of the array.
    inside
        int64, flat indices of the voxels of the object.
    """

    def __init__(
        self,
        bounds: Bounds,
        inside: NDArray[np.bool_],
        device: torch.device,
        *,
        dtype: torch.dtype = torch.float32,
        scatter: tuple[float, float] = SCATTER,
    ) -> None:
        self.shape, self.device, self.dtype = bounds.counts.shape, device, dtype
        self.voxels, self.scatter = int(np.prod(self.shape)), scatter

        def corner(array: NDArray[Any]) -> Tensor:
            return torch.from_numpy(np.fft.ifftshift(array)).to(device)

        self.counts = corner(bounds.counts).to(dtype)
        weight = corner(bounds.weight)
        self.used, self.free = weight == 1, weight == 2
        self.inside = corner(inside).flatten().nonzero().squeeze(1)
        self.likelihood = Likelihood(self.counts, self.used, **_elsewhere(bounds, corner, dtype))
        self.spread = PointSpread(self.shape, dtype, device)
        seen = self.used.to(dtype) / self.used.sum().clamp(min=1)
        self.seen = seen.sum(self._others)
        self.smooth = SmoothShape(seen.reshape(-1, *self.shape[-2:]).sum(0))
        self.turned: Frames | None = None

    def expected(self, p: Parameters) -> Tensor:
        """Compute the expected counts of every voxel.

        Parameters
        ----------
        p
            Object and nuisances.
        """
        return self._pass(p).expected

    def blurred(self, p: Parameters) -> Tensor:
        """Compute the intensity behind the point spread, before flux, background and response.

        Parameters
        ----------
        p
            Object and nuisances.
        """
        return self._pass(p).blurred

    def misfit(self, p: Parameters) -> Misfit:
        """Compute half the deviance of the voxels used, with priors and bounds, and its gradient.

        Parameters
        ----------
        p
            Object and nuisances.
        """
        done = self._pass(p)
        value, slope = self.likelihood.compare(done.expected)
        found = Parameters(p.object)  # gradients take the places of parameters
        if p.gains is not None:
            by_gains = by_logarithms(p.gains, (slope * done.expected).sum(0))
            found = found._replace(gains=by_gains + p.gains / self.scatter[1] ** 2)
            value += _prior(p.gains, self.scatter[1])
            slope = slope * factors(p.gains)
        if p.background is not None:
            found, more = self._by_background(p, slope, done.dark, found)
            value += more
        if p.frames is not None:
            flux = factors(p.frames)
            by_flux = by_logarithms(p.frames, (slope * done.blurred).sum(self._others) * flux)
            found = found._replace(frames=by_flux + p.frames / self.scatter[0] ** 2)
            value += _prior(p.frames, self.scatter[0])
            slope = slope * self._along(flux)
        if p.factor is not None:
            assert done.transfer is not None
            assert done.spectrum is not None
            spectrum = torch.fft.rfftn(slope * (done.blurred > 0))
            factor, tails = self.spread.gradient(p.factor, p.tails, done.transfer, spectrum, done.spectrum)
            found = found._replace(factor=factor, tails=tails)
            slope = torch.fft.irfftn(spectrum.mul_(done.transfer.whole), s=self.shape)
        by_field = done.field.mul_(slope)
        if p.angles is None or self.turned is None or done.planes is None:
            by_object = torch.fft.ifftn(by_field, out=by_field).flatten()[self.inside] * self.voxels
        else:
            by_object, by_angles = self.turned.back(by_field, done.planes, rough(p.angles))
            found = found._replace(angles=rough(2 * by_angles) + p.angles / STEP**2)
            value += _prior(p.angles, STEP)
        return Misfit(value, found._replace(object=2 * by_object))

    def likelihoods(self, expected: Tensor) -> tuple[float, float, float]:
        """Compute residual R, and mean half deviance of the voxels used and of the free ones.

        Parameters
        ----------
        expected
            From `expected`.
        """
        deviance = half_deviance(expected.clamp(min=0), self.counts).double()
        apart = (expected.clamp(min=0).sqrt() - self.counts.sqrt()).square().double()
        power = self.counts[self.used].sum(dtype=torch.float64).clamp(min=1e-30)
        residual = (apart[self.used].sum() / power).sqrt()
        return (
            float(residual),
            float(deviance[self.used].mean()) if bool(self.used.any()) else float("nan"),
            float(deviance[self.free].mean()) if bool(self.free.any()) else float("nan"),
        )

    def whole(self, inside: Tensor) -> Tensor:
        """Return the voxels inside the support as an object of the array's shape.

        Parameters
        ----------
        inside
            Complex, the object's voxels inside the support.
        """
        whole = torch.zeros(self.voxels, dtype=inside.dtype, device=self.device)
        whole[self.inside] = inside
        return whole.reshape(self.shape)

    def _pass(self, p: Parameters) -> _Pass:
        """Compute the expected counts, and what their gradient needs."""
        field, planes = self._field(p)
        blurred = intensities(field)
        transfer = spectrum = dark = None
        if p.factor is not None:
            transfer = self.spread.transfer(p.factor, p.tails)
            spectrum = torch.fft.rfftn(blurred)
            soft = spectrum.mul_(transfer.whole) if p.tails is None else spectrum * transfer.whole
            blurred = torch.fft.irfftn(soft, s=self.shape).clamp_(min=0)
        expected = blurred
        if p.frames is not None:
            expected = expected * self._along(factors(p.frames))
        if p.background is not None:
            flat = p.background_frames is None and p.background_waves is None
            dark = None if flat else self.background(p)
            expected = expected + (p.background.square() if dark is None else dark)
        if p.gains is not None:
            expected = expected * factors(p.gains)
        return _Pass(field, planes, blurred, transfer, spectrum, dark, expected)

    def _field(self, p: Parameters) -> tuple[Tensor, Tensor | None]:
        """Compute the field, and of turned frames the transforms of the object's planes."""
        if p.angles is None:
            whole = self.whole(p.object)
            return torch.fft.fftn(whole, out=whole), None
        if self.turned is None:
            self.turned = Frames(self.shape, self.inside, self.dtype)
        return self.turned.field(p.object, rough(p.angles))

    def background(self, p: Parameters) -> Tensor:
        """Compute the background before the pixels respond, of a shape that the array's is broadcast with.

        Parameters
        ----------
        p
            Parameters of which that of the background is not None.
        """
        assert p.background is not None
        dark = p.background.square()
        if p.background_frames is not None:
            dark = dark * self._along(self.background_frames(p.background_frames))
        if p.background_waves is not None:
            dark = dark * self.smooth.field(p.background_waves).exp()
        return dark

    def _by_background(
        self, p: Parameters, slope: Tensor, dark: Tensor | None, found: Parameters
    ) -> tuple[Parameters, float]:
        """Return the gradient with the derivatives by the background, and the value of its priors."""
        assert p.background is not None
        if dark is None:
            return found._replace(background=slope.sum() * (2 * p.background)), 0.0
        by_dark, value = slope * dark, 0.0
        found = found._replace(background=by_dark.sum() * (2 / p.background))
        if p.background_frames is not None:
            free = less_mean(p.background_frames, self.seen).abs() < MOST
            by_frames = by_values(by_dark.sum(self._others) * free, self.seen)
            by_frames = by_frames + p.background_frames / UNEVEN**2
            found, value = found._replace(background_frames=by_frames), _prior(p.background_frames, UNEVEN)
        if p.background_waves is not None:
            by_waves = self.smooth.back(by_dark.reshape(-1, *self.shape[-2:]).sum(0))
            found = found._replace(background_waves=by_waves + p.background_waves / UNEVEN**2)
            value += _prior(p.background_waves, UNEVEN)
        return found, value

    def background_frames(self, values: Tensor) -> Tensor:
        """Return the factor of the background of each frame.

        Parameters
        ----------
        values
            As in `Parameters`.
        """
        return less_mean(values, self.seen).clamp(-MOST, MOST).exp()

    @property
    def _others(self) -> tuple[int, ...]:
        return tuple(range(1, len(self.shape)))

    def _along(self, frames: Tensor) -> Tensor:
        return frames.reshape(-1, *(1,) * (len(self.shape) - 1))


def _elsewhere(bounds: Bounds, corner: Callable[[NDArray[Any]], Tensor], dtype: torch.dtype) -> Known:
    """Return what is known of voxels whose counts are not compared."""
    found = Known()
    lower, upper = corner(bounds.lower).to(dtype).flatten(), corner(bounds.upper).to(dtype).flatten()
    not_used = corner(bounds.weight).flatten() != 1
    voxels = (not_used & ((lower > 0) | torch.isfinite(upper))).nonzero().squeeze(1)
    if len(voxels):
        found["bounded"] = Bounded(voxels, lower[voxels], upper[voxels])
    rate = corner(unmeasured_rate(bounds)).to(dtype)
    if bool(rate.any()):
        found["rate"] = rate
    if bounds.prior is not None:
        level, precision = corner(bounds.prior.level).flatten(), corner(bounds.prior.precision).flatten()
        voxels = precision.nonzero().squeeze(1)
        found["prior"] = Prior(voxels, level[voxels].to(dtype), precision[voxels].to(dtype))
    return found


def _prior(values: Tensor, deviation: float) -> float:
    return float((values / deviation).square().sum(dtype=torch.float64)) / 2


class _Pass(NamedTuple):
    """Arrays of one evaluation of the model."""

    field: Tensor
    planes: Tensor | None
    blurred: Tensor
    transfer: Transfer | None
    spectrum: Tensor | None
    dark: Tensor | None
    expected: Tensor
