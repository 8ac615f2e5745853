"""What is likely of a crystal: phases and amplitudes that vary little.

All take a content `u` and a support `s`, `(batch, *box)`, and return a mean over the object, `(batch,)`.
Phases enter by their cosines, so that neither wrapping nor a global phase costs anything.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

FAINT = 0.1
"""Amplitude, in units of its mean, below which a voxel's phase counts less."""
KINK = 0.01
"""Below which a variation counts as its square: rad, or parts of the mean amplitude."""


def phase_tv(u: Tensor, s: Tensor) -> Tensor:
    """Total variation: mean of the length of the phase's gradient, rad a voxel (isotropic)."""
    v = _phasors(u, s)
    squares = torch.zeros_like(s)
    for axis in range(1, u.ndim):
        a, b = _neighbours(v, axis)
        cost = 2 * (a.abs() * b.abs() - (a.conj() * b).real)
        squares = squares + _padded(cost.clamp(min=0), axis)
    return _mean((squares + KINK**2).sqrt() - KINK, v)


def phase_smooth(u: Tensor, s: Tensor) -> Tensor:
    """Mean of the sum over axes of `1 − cos φ''`, half the squared second difference.

    A uniform strain, a ramp of the phase, costs nothing.
    """
    v = _phasors(u, s)
    total = torch.zeros_like(s)
    for axis in range(1, u.ndim):
        n = u.shape[axis]
        if n < 3:
            continue
        before, here, after = (v.narrow(axis, i, n - 2) for i in range(3))
        size = before.abs() * after.abs() * here.abs().square()
        cost = size - (before * after * here.conj().square()).real
        total = total + _padded(cost, axis, 2)
    return _mean(total, v)


def amplitude_tv(u: Tensor, s: Tensor) -> Tensor:
    """Total variation: mean of the length of the amplitude's gradient, in units of the mean amplitude."""
    squares = torch.zeros_like(s)
    for axis in range(1, u.ndim):
        squares = squares + _padded(_amplitude_steps(u, s, axis), axis)
    return _mean((squares + KINK**2).sqrt() - KINK, s)


def amplitude_smooth(u: Tensor, s: Tensor) -> Tensor:
    """Half the mean squared length of the amplitude's gradient."""
    total = torch.zeros_like(s)
    for axis in range(1, u.ndim):
        total = total + _padded(_amplitude_steps(u, s, axis), axis) / 2
    return _mean(total, s)


PRIORS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "phase_tv": phase_tv,
    "phase_smooth": phase_smooth,
    "amplitude_tv": amplitude_tv,
    "amplitude_smooth": amplitude_smooth,
}


def _phasors(u: Tensor, s: Tensor) -> Tensor:
    """`exp(iφ)`, shrunk to 0 where the object is faint."""
    q = u * s
    return q / (q.real.square() + q.imag.square() + FAINT**2).sqrt()


def _amplitude_steps(u: Tensor, s: Tensor, axis: int) -> Tensor:
    """Squared differences of neighbours that are both in the support."""
    (a, b), (s_a, s_b) = _neighbours(u.abs(), axis), _neighbours(s, axis)
    return s_a * s_b * (a - b).square()


def _neighbours(a: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    n = a.shape[axis]
    return a.narrow(axis, 0, n - 1), a.narrow(axis, 1, n - 1)


def _padded(a: Tensor, axis: int, by: int = 1) -> Tensor:
    shape = list(a.shape)
    shape[axis] = by
    return torch.cat([a, a.new_zeros(shape)], axis)


def _mean(total: Tensor, weight: Tensor) -> Tensor:
    dims = tuple(range(1, total.ndim))
    return total.sum(dims) / weight.abs().square().sum(dims).clamp(min=1e-30)
