"""Expected counts of an object, and the gradient of their Poisson likelihood by object and nuisances."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sayre.retrieval.engine.arrays.kernels import half_deviance
from sayre.retrieval.engine.bounds import Bounds
from sayre.retrieval.measurement.envelope import unmeasured_rate

FLOOR = 0.1
"""Counts added to measured and expected counts in the logarithm, which has a pole at 0. The expectation of
equal voxels stays the mean of their counts."""


MOST = 2.0
"""Largest logarithm of a flux or response, by amount."""
WAVES = 8
"""Variations of flux and response over a scan or detector of fewer waves than this are damped in proportion:
an object that is wider or narrower explains them as well."""


class Parameters(NamedTuple):
    """What is fitted, or the gradient by it; nuisances that are not in the model are None.

    Attributes
    ----------
    object
        Complex, the voxels inside the support.
    factor
        Real `(axes, axes)`: the covariance of the point-spread function is `L Lᵀ` of its lower triangle, in
        voxels².
    frames, gains
        Real, origin at index 0, `(frames,)` and `(rows, columns)`; `factors` makes of them flux and
        response.
    background
        Real scalar, square root of the counts a voxel.
    """

    object: Tensor
    factor: Tensor | None = None
    frames: Tensor | None = None
    background: Tensor | None = None
    gains: Tensor | None = None


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
        scatter: tuple[float, float] = (0.1, 0.15),
    ) -> None:
        self.shape, self.device, self.dtype = bounds.counts.shape, device, dtype
        self.voxels, self.scatter = int(np.prod(self.shape)), scatter

        def corner(array: NDArray[Any]) -> Tensor:
            return torch.from_numpy(np.fft.ifftshift(array)).to(device)

        self.counts = corner(bounds.counts).to(dtype)
        weight = corner(bounds.weight)
        self.used, self.free = weight == 1, weight == 2
        self.inside = corner(inside).flatten().nonzero().squeeze(1)
        lower, upper = corner(bounds.lower).to(dtype), corner(bounds.upper).to(dtype)
        rest = ~self.used & ((lower > 0) | torch.isfinite(upper))
        self.bounded = (lower, upper, rest) if bool(rest.any()) else None
        rate = corner(unmeasured_rate(bounds)).to(dtype)
        self.rate = rate if bool(rate.any()) else None
        prior = bounds.prior
        self.prior = None
        if prior is not None:
            self.prior = corner(prior.level).to(dtype), corner(prior.precision).to(dtype)
        axes = [torch.fft.fftfreq(n, dtype=dtype, device=device) for n in self.shape[:-1]]
        axes.append(torch.fft.rfftfreq(self.shape[-1], dtype=dtype, device=device))
        self.frequencies = [
            q.reshape([-1 if i == axis else 1 for i in range(len(axes))]) for axis, q in enumerate(axes)
        ]

    def expected(self, p: Parameters) -> Tensor:
        """Compute the expected counts of every voxel.

        Parameters
        ----------
        p
            Object and nuisances.
        """
        return self._pass(p).expected

    def misfit(self, p: Parameters) -> Misfit:
        """Compute half the deviance of the voxels used, with priors and bounds, and its gradient.

        Parameters
        ----------
        p
            Object and nuisances.
        """
        done = self._pass(p)
        value, slope = self._compare(done.expected)
        frames = gains = background = factor = None
        if p.gains is not None:
            gains = _back(p.gains, (slope * done.expected).sum(0)) + p.gains / self.scatter[1] ** 2
            value += float((p.gains / self.scatter[1]).square().sum(dtype=torch.float64)) / 2
            slope = slope * factors(p.gains)
        if p.background is not None:
            background = slope.sum() * (2 * p.background)
        if p.frames is not None:
            flux = factors(p.frames)
            frames = _back(p.frames, (slope * done.blurred).sum(self._others) * flux)
            frames = frames + p.frames / self.scatter[0] ** 2
            value += float((p.frames / self.scatter[0]).square().sum(dtype=torch.float64)) / 2
            slope = slope * self._along(flux)
        if p.factor is not None:
            assert done.transfer is not None
            assert done.spectrum is not None
            spectrum = torch.fft.rfftn(slope * (done.blurred > 0))
            factor = self._by_factor(p.factor, spectrum, done.spectrum)
            slope = torch.fft.irfftn(spectrum.mul_(done.transfer), s=self.shape)
        back = torch.fft.ifftn(done.field.mul_(slope)).flatten()[self.inside]
        return Misfit(value, Parameters(back * (2 * self.voxels), factor, frames, background, gains))

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
        field = torch.fft.fftn(self.whole(p.object))
        squares = torch.view_as_real(field).square()
        blurred = squares[..., 0] + squares[..., 1]
        transfer = spectrum = None
        if p.factor is not None:
            transfer = self.transfer(p.factor)
            spectrum = torch.fft.rfftn(blurred).mul_(transfer)
            blurred = torch.fft.irfftn(spectrum, s=self.shape).clamp_(min=0)
        expected = blurred
        if p.frames is not None:
            expected = expected * self._along(factors(p.frames))
        if p.background is not None:
            expected = expected + p.background.square()
        if p.gains is not None:
            expected = expected * factors(p.gains)
        return _Pass(field, blurred, transfer, spectrum, expected)

    def transfer(self, factor: Tensor) -> Tensor:
        """Compute the Fourier transform of the point-spread function, on the half-space of `rfftn`.

        Parameters
        ----------
        factor
            As in `Parameters`.
        """
        covariance = (factor.tril() @ factor.tril().T).tolist()
        exponent: Any = 0
        for i, j, weight in _pairs(len(self.shape)):
            product = self.frequencies[i] * self.frequencies[j]
            exponent = exponent + product * (weight * covariance[i][j])
        return torch.exp(exponent * (-2 * np.pi**2))

    def _by_factor(self, factor: Tensor, slope: Tensor, spectrum: Tensor) -> Tensor:
        """Compute the derivative by `factor` from the transforms of slope and blurred intensity."""
        work = (slope.conj() * spectrum).real
        last = self.shape[-1]
        work[..., 1 : (last + 1) // 2] *= 2  # the other half-space
        by_covariance = torch.zeros_like(factor)
        for i, j, _ in _pairs(len(self.shape)):
            moment = (work * (self.frequencies[i] * self.frequencies[j])).sum(dtype=torch.float64)
            by_covariance[i, j] = by_covariance[j, i] = moment * (-2 * np.pi**2 / self.voxels)
        return (2 * by_covariance @ factor.tril()).tril()

    def _compare(self, expected: Tensor) -> tuple[float, Tensor]:
        """Compute half the deviance of the voxels used, with bounds and prior, and the derivative by λ."""
        counts, raised = self.counts + FLOOR, expected + FLOOR
        ratio = raised / counts
        deviance = counts * (ratio - 1 - ratio.log())
        slope = (1 - 1 / ratio) * self.used
        value = float(deviance[self.used].sum(dtype=torch.float64))
        if self.rate is not None:
            value += float((self.rate * expected).sum(dtype=torch.float64))
            slope = slope + self.rate
        if self.bounded is not None:
            lower, upper, rest = self.bounded
            amplitude = raised.sqrt()
            beyond = (amplitude - amplitude.clamp(lower, upper)) * rest
            value += 2 * float(beyond.square().sum(dtype=torch.float64))
            slope = slope + 2 * beyond / amplitude
        if self.prior is not None:
            level, precision = self.prior
            apart = torch.log1p(expected.clamp(min=0)) - level
            value += float((precision * apart.square()).sum(dtype=torch.float64)) / 2
            slope = slope + precision * apart / (1 + expected.clamp(min=0))
        return value, slope

    @property
    def _others(self) -> tuple[int, ...]:
        return tuple(range(1, len(self.shape)))

    def _along(self, frames: Tensor) -> Tensor:
        return frames.reshape(-1, *(1,) * (len(self.shape) - 1))


def rough(values: Tensor) -> Tensor:
    """Damp the long waves of an array, and its mean, by a factor of waves over `WAVES`.

    Parameters
    ----------
    values
        Real array, origin at index 0.
    """
    damped: Tensor = torch.fft.ifftn(torch.fft.fftn(values) * _damping(values)).real
    return damped


def factors(values: Tensor) -> Tensor:
    """Return the flux or response that belongs to parameters, at most exp(±`MOST`)."""
    return rough(values).clamp(-MOST, MOST).exp()


def _back(values: Tensor, gradient: Tensor) -> Tensor:
    """Return the gradient by the parameters from that by the logarithms of the factors."""
    return rough(gradient * (rough(values).abs() < MOST))


def undamped(values: Tensor) -> Tensor:
    """Return the array, with a mean of 0, of which `rough` makes `values` without their mean.

    Parameters
    ----------
    values
        Real array, origin at index 0.
    """
    damping = _damping(values)
    factors = torch.where(damping > 0, 1 / damping.clamp(min=1e-3), 0)
    raised: Tensor = torch.fft.ifftn(torch.fft.fftn(values) * factors).real
    return raised


def _damping(values: Tensor) -> Tensor:
    waves = torch.zeros((), dtype=values.dtype, device=values.device)
    for axis, n in enumerate(values.shape):
        q = torch.fft.fftfreq(n, 1 / n, dtype=values.dtype, device=values.device)
        waves = waves + q.square().reshape([-1 if i == axis else 1 for i in range(values.ndim)])
    return (waves.sqrt() / WAVES).clamp(max=1)


class _Pass(NamedTuple):
    """Arrays of one evaluation of the model."""

    field: Tensor
    blurred: Tensor
    transfer: Tensor | None
    spectrum: Tensor | None
    expected: Tensor


def _pairs(axes: int) -> Iterable[tuple[int, int, int]]:
    """Yield every pair of axes once, with the number of times it occurs in a quadratic form."""
    for i in range(axes):
        for j in range(i + 1):
            yield i, j, 1 if i == j else 2
