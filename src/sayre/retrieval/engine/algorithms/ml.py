"""Maximum likelihood for Poisson counts (ML)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from sayre.retrieval.engine.algorithms.state import Algorithm, State
from sayre.retrieval.engine.arrays.kernels import clamping, cut, intensity
from sayre.retrieval.engine.modulus import Modulus

LEAST = 0.1
"""Least calculated intensity in a denominator, in counts: n/λ has a pole at 0."""


@dataclass(frozen=True)
class ML(Algorithm):
    """Maximum likelihood: conjugate gradients on the Poisson likelihood of the counts, inside the support.

    Minimises Σ (λ − n log λ), λ = |F x|², over the voxels used (Thibault and Guizar-Sicairos, New J. Phys.
    14, 063004, 2012), plus 2 (|F x| − b)² over voxels that were not measured and exceed their bounds b. The
    directions are those of Polak and Ribière, with one Newton step along each; an iteration needs three FFTs.
    The gradient and the direction are stored inside the support alone, and `state.p` holds F x.
    """

    def step(self, state: State, modulus: Modulus) -> None:
        """Do one iteration of ML, in place.

        Parameters
        ----------
        state, modulus
            As in `Algorithm.step`.
        """
        x, extra = state.x.flatten(), state.extra
        if "inside" not in extra:
            cut(state.x, state.support)
            extra["inside"] = state.support.flatten().nonzero().squeeze(1)
            extra["sizes"] = torch.stack([torch.count_nonzero(one) for one in state.support])
            extra["g"] = torch.zeros_like(extra["inside"], dtype=x.dtype)
            extra["d"] = torch.zeros_like(extra["g"])
        gradient = _gradient(state, modulus).flatten()[extra["inside"]]
        for new, old, direction in _rows(extra["sizes"], gradient, extra["g"], extra["d"]):
            direction.mul_(_turn(new, old)).sub_(new)
        extra["g"] = gradient
        whole = modulus.field.zero_()
        whole.flatten()[extra["inside"]] = extra["d"]
        bend = _bend(whole, state, modulus)
        for start, row in enumerate(_rows(extra["sizes"], extra["inside"], gradient, extra["d"])):
            inside, new, direction = row
            # the slope of the objective is 2 Re⟨F* gradient, d⟩, and ifftn divides by the voxels
            slope = 2 * modulus.fourier.voxels * torch.vdot(new, direction).real
            length = -slope / torch.where(bend[start] > 0, bend[start], torch.inf)
            x.index_add_(0, inside, direction * length)

    def estimate(self, state: State) -> Tensor:
        """Return the iterates; `state.p` holds their Fourier transforms here."""
        return state.x

    def solution(self, state: State, modulus: Modulus) -> Tensor:
        """Return the iterates, 0 outside the support, not projected on the counts, which are noisy.

        Parameters
        ----------
        state
            Iterates; `state.p` is overwritten and returned.
        modulus
            Not used.
        """
        return cut(state.p.copy_(state.x), state.support)


def _gradient(state: State, modulus: Modulus) -> Tensor:
    """Compute the derivative of the objective by the conjugate of each voxel; stores F x in `state.p`."""
    kept = modulus.fourier.ordered(state.p)

    def slope(field: Tensor, starts: slice, columns: slice) -> None:
        kept[starts, :, columns] = field
        field.mul_(_slopes(intensity(field), modulus, columns)[0])

    return modulus.fourier.round_trip(state.x, modulus.field, slope)


def _bend(direction: Tensor, state: State, modulus: Modulus) -> Tensor:
    """Compute the second derivative of each start's objective along `direction`, which is overwritten."""
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


def _slopes(calculated: Tensor, modulus: Modulus, columns: slice) -> tuple[Tensor, Tensor]:
    """Compute `dL/dλ` and `d²L/dλ²` of each voxel of a part, with λ the calculated intensity."""
    counts, weight = (a.flatten(1)[:, columns] for a in (modulus.counts, modulus.weight))
    used, bounded = (weight == 1).float(), calculated.clamp(min=LEAST)
    ratio = counts * used / bounded
    slope = used - ratio
    curvature = ratio / bounded
    if modulus.bounded:
        lower, upper = (a.flatten(1)[:, columns] for a in (modulus.lower, modulus.upper))
        ratio, other = clamping(calculated.sqrt(), lower, upper), 1 - used
        slope += (1 - ratio) * other * 2
        curvature += ratio * (ratio != 1) * other / bounded
    return slope, curvature


def _turn(new: Tensor, old: Tensor) -> Tensor:
    """Compute the factor of Polak and Ribière from two gradients; 0 where there was none before."""
    power = torch.vdot(old, old).real
    turn = (torch.vdot(new, new).real - torch.vdot(new, old).real) / power.clamp(min=1e-30)
    return torch.where(power > 0, turn.clamp(min=0), 0)


def _rows(sizes: Tensor, *vectors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Yield the parts of each start, of vectors that hold one start after the other."""
    yield from zip(*(torch.split(vector, sizes.tolist()) for vector in vectors), strict=True)
