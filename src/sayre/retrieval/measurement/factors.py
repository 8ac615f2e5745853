"""Factors near 1 of every frame or pixel, and shifts of every frame, whose long waves are damped."""

from __future__ import annotations

import torch
from torch import Tensor

MOST = 2.0
"""Largest logarithm of a flux or response, by amount."""
WAVES = 8
"""Variations of flux, response and angle over a scan or detector of fewer waves than this are damped in
proportion: an object that is wider or narrower explains them as well."""


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


def by_logarithms(values: Tensor, gradient: Tensor) -> Tensor:
    """Return the gradient by the parameters from that by the logarithms of the factors.

    Parameters
    ----------
    values
        The parameters.
    gradient
        Derivative by the logarithm of each factor.
    """
    return rough(gradient * (rough(values).abs() < MOST))


def undamped(values: Tensor) -> Tensor:
    """Return the array, with a mean of 0, of which `rough` makes `values` without their mean.

    Parameters
    ----------
    values
        Real array, origin at index 0.
    """
    damping = _damping(values)
    raising = torch.where(damping > 0, 1 / damping.clamp(min=1e-3), 0)
    raised: Tensor = torch.fft.ifftn(torch.fft.fftn(values) * raising).real
    return raised


def _damping(values: Tensor) -> Tensor:
    waves = torch.zeros((), dtype=values.dtype, device=values.device)
    for axis, n in enumerate(values.shape):
        q = torch.fft.fftfreq(n, 1 / n, dtype=values.dtype, device=values.device)
        waves = waves + q.square().reshape([-1 if i == axis else 1 for i in range(values.ndim)])
    return (waves.sqrt() / WAVES).clamp(max=1)
