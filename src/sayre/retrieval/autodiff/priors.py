"""Priors: the phases and amplitudes of a crystal vary slowly.

All take a content `u` and a support `s`, `(batch, *box)`, and return a mean over each object, `(batch,)`.
Phases enter by their cosines, so that neither a wrapped nor a global phase has a cost.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

FAINT = 0.1
"""Amplitude, in units of its mean, below which the phase of a voxel has less weight."""
KINK = 0.01
"""Variation below which the cost is quadratic: in rad, or in units of the mean amplitude."""


def phase_tv(u: Tensor, s: Tensor) -> Tensor:
    """Compute the isotropic total variation of the phase: its mean gradient, in rad per voxel.

    Parameters
    ----------
    u
        Complex `(batch, *box)`, content.
    s
        `(batch, *box)`, support from 0 to 1.
    """
    v = _phasors(u, s)
    squares = torch.zeros_like(s)
    for axis in range(1, u.ndim):
        a, b = _neighbours(v, axis)
        cost = 2 * (a.abs() * b.abs() - (a.conj() * b).real)
        squares = squares + _padded(cost.clamp(min=0), axis)
    return _mean((squares + KINK**2).sqrt() - KINK, v)


def phase_smooth(u: Tensor, s: Tensor) -> Tensor:
    """Compute the mean over voxels of Σ `1 − cos φ''`, half the squared second differences of the phase.

    A phase ramp, which is a uniform strain, has no cost.

    Parameters
    ----------
    u
        Complex `(batch, *box)`, content.
    s
        `(batch, *box)`, support from 0 to 1.
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
    """Compute the total variation of the amplitude: its mean gradient, in units of the mean amplitude.

    Parameters
    ----------
    u
        Complex `(batch, *box)`, content.
    s
        `(batch, *box)`, support from 0 to 1.
    """
    squares = torch.zeros_like(s)
    for axis in range(1, u.ndim):
        squares = squares + _padded(_amplitude_steps(u, s, axis), axis)
    return _mean((squares + KINK**2).sqrt() - KINK, s)


def amplitude_smooth(u: Tensor, s: Tensor) -> Tensor:
    """Compute half the mean squared gradient of the amplitude.

    Parameters
    ----------
    u
        Complex `(batch, *box)`, content.
    s
        `(batch, *box)`, support from 0 to 1.
    """
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
    """Compute `exp(iφ)`, reduced to 0 where the object is faint."""
    q = u * s
    return q / (q.real.square() + q.imag.square() + FAINT**2).sqrt()


def _amplitude_steps(u: Tensor, s: Tensor, axis: int) -> Tensor:
    """Compute the squared amplitude differences of neighbours that are both in the support."""
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
