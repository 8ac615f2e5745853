"""Poisson maximum likelihood."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sayre.phasing.engine.algorithms.state import Algorithm, State
from sayre.phasing.engine.modulus import Modulus

LEAST = 0.1
"""Counts below which the calculated intensity is not let weigh: n/λ has a pole at 0."""


@dataclass(frozen=True)
class ML(Algorithm):
    """Conjugate gradients on the Poisson likelihood of the counts, inside the support.

    Minimises Σ (λ − n log λ), λ = |F x|², over voxels used (Thibault and Guizar-Sicairos, New J. Phys. 14,
    063004, 2012), and where voxels are not measured 2 (|F x| − b)² beyond the bounds b. Polak-Ribière
    directions, one Newton step along each; an FFT pair an iteration.
    """

    def step(self, state: State, modulus: Modulus) -> None:
        field, extra, axes = modulus.field, state.extra, modulus.dims
        if "a" not in extra:
            state.x.mul_(state.support)
            extra["a"] = torch.fft.fftn(state.x, dim=axes)
            extra["g"], extra["d"] = torch.zeros_like(state.x), torch.zeros_like(state.x)
        a, g, d = extra["a"], extra["g"], extra["d"]
        coefficient, curvature = _slopes(a, modulus)
        torch.mul(a, coefficient, out=field)
        torch.fft.ifftn(field, dim=axes, out=state.p)
        state.p.mul_(state.support)
        old = _dot(g, g)
        turn = ((_dot(state.p, state.p) - _dot(state.p, g)) / old.clamp(min=1e-30)).clamp(min=0)
        turn = torch.where(old > 0, turn, torch.zeros_like(turn))
        g.copy_(state.p)
        d.mul_(_wide(turn, d)).sub_(g)
        torch.fft.fftn(d, dim=axes, out=field)
        along = 2 * (a.real * field.real + a.imag * field.imag)
        power = field.real.square() + field.imag.square()
        sums = tuple(range(1, along.ndim))
        slope = (coefficient * along).sum(sums)
        bend = (2 * coefficient * power + curvature * along.square()).sum(sums)
        length = -slope / torch.where(bend > 0, bend, torch.full_like(bend, torch.inf))
        state.x.add_(d * _wide(length, d))
        a.add_(field * _wide(length, field))

    def estimate(self, state: State) -> Tensor:
        """The iterate; `state.p` holds the gradient."""
        return state.x

    def solution(self, state: State, modulus: Modulus) -> Tensor:
        """The iterate itself: projecting it on the counts would bring their noise back."""
        return torch.mul(state.x, state.support, out=state.p)


def _slopes(a: Tensor, modulus: Modulus) -> tuple[Tensor, Tensor]:
    """`dL/dλ` and `d²L/dλ²` of each voxel."""
    intensity = a.real.square() + a.imag.square()
    bounded = intensity.clamp(min=LEAST)
    used = modulus.weight == 1
    modulus_now = intensity.sqrt()
    nearest = modulus_now.clamp(modulus.lower, modulus.upper)
    beyond = 2 * (1 - nearest / modulus_now.clamp(min=1e-15))
    coefficient = torch.where(used, 1 - modulus.counts / bounded, beyond)
    curvature = torch.where(
        used, modulus.counts / bounded.square(), nearest / bounded**1.5 * (nearest != modulus_now)
    )
    return coefficient, curvature


def _dot(a: Tensor, b: Tensor) -> Tensor:
    parts = torch.view_as_real(a).flatten(1), torch.view_as_real(b).flatten(1)
    return (parts[0] * parts[1]).sum(1, dtype=torch.float64).float()


def _wide(factor: Tensor, like: Tensor) -> Tensor:
    return factor.reshape(-1, *(1,) * (like.ndim - 1))
