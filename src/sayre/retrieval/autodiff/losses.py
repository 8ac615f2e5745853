"""How far intensities are from the counts, voxel by voxel, and the slope of that.

Each loss takes intensities `(…, voxels)` and what they should be, and returns values and their derivative by
the intensity. Amplitudes are `√(I + FLOOR)`, which has a slope at 0; they are compared with the bounds, and
within them cost nothing: measured voxels have bounds that are equal or a Poisson interval apart, filled ones
the filling's error apart, and voxels of weight 2, kept free for cross-validation, never cost anything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from sayre.retrieval.engine.modulus import Modulus

FLOOR = 0.1
"""Counts."""


class Target(NamedTuple):
    """Bounds of `√(I + FLOOR)`, counts, and which voxels are used (1), free (2), and neither (0)."""

    lower: Tensor
    upper: Tensor
    counts: Tensor
    weight: Tensor

    @classmethod
    def of(cls, modulus: Modulus, dtype: torch.dtype) -> Target:
        """The bounds of `modulus`, each array flat; those of free voxels wide open."""
        free = (modulus.weight == 2).flatten()
        lower, upper = (
            b.flatten().to(dtype).square().add(FLOOR).sqrt() for b in (modulus.lower, modulus.upper)
        )
        lower = torch.where(free, FLOOR**0.5, lower)
        upper = torch.where(free, torch.inf, upper)
        return cls(lower, upper, modulus.counts.flatten().to(dtype), modulus.weight.flatten())

    def part(self, block: slice) -> Target:
        """Some of the voxels."""
        return Target(*(a[block] for a in self))


Loss = Callable[[Tensor, Target], tuple[Tensor, Tensor]]


def mae(intensity: Tensor, target: Target) -> tuple[Tensor, Tensor]:
    """Distance of the amplitude to its bounds."""
    amplitude, beyond = _amplitude(intensity, target)
    return beyond.abs(), beyond.sign() / (2 * amplitude)


def lsq(intensity: Tensor, target: Target) -> tuple[Tensor, Tensor]:
    """Its square."""
    amplitude, beyond = _amplitude(intensity, target)
    return beyond.square(), beyond / amplitude


def poisson(intensity: Tensor, target: Target) -> tuple[Tensor, Tensor]:
    """Half the Poisson deviance of used voxels, `I − n − n log(I/n)`; twice `lsq` where nothing was measured.

    The two agree where counts are many. Below FLOOR the logarithm goes on as a straight line.
    """
    amplitude, beyond = _amplitude(intensity, target)
    n, bounded, used = target.counts, intensity.clamp(min=FLOOR), target.weight == 1
    log = torch.log(bounded / n.clamp(min=1e-30)) + intensity.clamp(max=FLOOR) / FLOOR - 1
    deviance = intensity - n - n * log
    value = torch.where(used, deviance, 2 * beyond.square())
    slope = torch.where(used, 1 - n / bounded, 2 * beyond / amplitude)
    return value, slope


LOSSES: dict[str, Loss] = {"mae": mae, "lsq": lsq, "poisson": poisson}


def normalisation(name: str, target: Target) -> float:
    """What the sum over voxels is divided by, so that a loss is of the order of 1 or less.

    `lsq` is then the square of the residual R of `sayre.retrieval.engine.modulus.FitQuality`, and
    `poisson` is too where counts are many; `mae` is the mean deviation by the mean amplitude.
    """
    counts = target.counts[target.weight == 1].double()
    total = counts.sqrt().sum() if name == "mae" else counts.sum() * (2 if name == "poisson" else 1)
    return max(float(total), 1e-30)


def _amplitude(intensity: Tensor, target: Target) -> tuple[Tensor, Tensor]:
    amplitude = (intensity + FLOOR).sqrt_()
    return amplitude, amplitude - amplitude.clamp(target.lower, target.upper)
