"""Poisson maximum likelihood."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sayre.phasing.engine.algorithms.state import Algorithm, State
from sayre.phasing.engine.kernels import clamping, cut, intensity
from sayre.phasing.engine.modulus import Modulus

LEAST = 0.1
"""Counts below which the calculated intensity is not let weigh: n/λ has a pole at 0."""


@dataclass(frozen=True)
class ML(Algorithm):
    """Conjugate gradients on the Poisson likelihood of the counts, inside the support.

    Minimises Σ (λ − n log λ), λ = |F x|², over voxels used (Thibault and Guizar-Sicairos, New J. Phys. 14,
    063004, 2012), and where voxels are not measured 2 (|F x| − b)² beyond the bounds b. Polak-Ribière
    directions, one Newton step along each; three FFTs an iteration. The gradient and the direction are
    kept where the support is, and `state.p` holds F x.
    """

    def step(self, state: State, modulus: Modulus) -> None:
        x, extra = state.x.flatten(), state.extra
        if "inside" not in extra:
            cut(state.x, state.support)
            extra["inside"] = state.support.flatten().nonzero().squeeze(1)
            extra["sizes"] = torch.stack([torch.count_nonzero(one) for one in state.support])
            extra["g"] = torch.zeros_like(extra["inside"], dtype=x.dtype)
            extra["d"] = torch.zeros_like(extra["g"])
        inside, sizes, d = extra["inside"], extra["sizes"], extra["d"]
        gradient = _gradient(state, modulus)[inside]
        turn = _turn(gradient, extra["g"], sizes)
        extra["g"] = gradient
        d.mul_(turn.repeat_interleave(sizes)).sub_(gradient)
        direction = modulus.field.zero_()
        direction.flatten()[inside] = d
        bend = _bend(direction, state, modulus)
        # the slope of the objective is 2 Re⟨F* gradient, d⟩, and ifftn divides by the voxels
        slope = 2 * state.x[0].numel() * _dots(gradient, d, sizes)
        length = -slope / torch.where(bend > 0, bend, torch.inf)
        x[inside] += d * length.repeat_interleave(sizes)

    def estimate(self, state: State) -> Tensor:
        """The iterate: `state.p` is the field."""
        return state.x

    def solution(self, state: State, modulus: Modulus) -> Tensor:
        """The iterate itself: projecting it on the counts would bring their noise back."""
        return cut(state.p.copy_(state.x), state.support)


def _gradient(state: State, modulus: Modulus) -> Tensor:
    """Of the objective by the conjugate of each voxel of x, flat; keeps F x in `state.p`."""
    kept = modulus.fourier.ordered(state.p)

    def slope(field: Tensor, starts: slice, columns: slice) -> None:
        kept[starts, :, columns] = field
        field.mul_(_slopes(intensity(field), modulus, columns)[0])

    return modulus.fourier.through(state.x, modulus.field, slope).flatten()


def _bend(direction: Tensor, state: State, modulus: Modulus) -> Tensor:
    """Second derivative of the objective of each start along `direction`, which is overwritten."""
    kept = modulus.fourier.ordered(state.p)
    bend = torch.zeros(len(direction), dtype=torch.float64, device=direction.device)

    def curve(field: Tensor, starts: slice, columns: slice) -> None:
        a = kept[starts, :, columns]
        slope, curvature = _slopes(intensity(a), modulus, columns)
        along = (a.conj() * field).real * 2
        change = slope.mul_(2).mul_(intensity(field)).add_(curvature.mul_(along.square_()))
        bend[starts] += change.sum((1, 2))

    modulus.fourier.visit(direction, direction, curve)
    return bend.float()


def _slopes(seen: Tensor, modulus: Modulus, columns: slice) -> tuple[Tensor, Tensor]:
    """`dL/dλ` and `d²L/dλ²` of each voxel of a part, λ = `seen`."""
    counts, weight = (a.flatten(1)[:, columns] for a in (modulus.counts, modulus.weight))
    used, bounded = (weight == 1).float(), seen.clamp(min=LEAST)
    ratio = counts * used / bounded
    slope = used - ratio
    curvature = ratio / bounded
    if modulus.bounded:
        lower, upper = (a.flatten(1)[:, columns] for a in (modulus.lower, modulus.upper))
        ratio, other = clamping(seen.sqrt(), lower, upper), 1 - used
        slope += (1 - ratio) * other * 2
        curvature += ratio * (ratio != 1) * other / bounded
    return slope, curvature


def _turn(new: Tensor, old: Tensor, sizes: Tensor) -> Tensor:
    """Polak and Ribière's factor of each start."""
    power = _dots(old, old, sizes)
    turn = ((_dots(new, new, sizes) - _dots(new, old, sizes)) / power.clamp(min=1e-30)).clamp(min=0)
    return torch.where(power > 0, turn, 0)


def _dots(a: Tensor, b: Tensor, sizes: Tensor) -> Tensor:
    """Real part of the inner product of each start, of vectors that lie one after the other."""
    rows = (torch.split(vector, sizes.tolist()) for vector in (a, b))
    return torch.stack([torch.vdot(one, other).real for one, other in zip(*rows, strict=True)])
