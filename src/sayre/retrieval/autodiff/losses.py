"""Losses: the disagreement of intensities with the counts in each voxel, and its derivative.

Each loss takes intensities `(…, voxels)` and their target, and returns values and their derivatives by the
intensity. Amplitudes are `√(I + FLOOR)`, whose derivative is finite at 0. They are compared with the bounds,
inside which the loss is 0: measured voxels have bounds that are equal or a Poisson interval apart, filled
ones bounds that follow from the error of the filling, and voxels of weight 2, left free for cross-validation,
have none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from sayre.retrieval.engine.arrays.kernels import half_deviance
from sayre.retrieval.engine.modulus import Modulus

FLOOR = 0.1
"""Counts added to intensities before the square root is taken."""


class Target(NamedTuple):
    """What intensities are compared with, each of the same number of voxels.

    Attributes
    ----------
    lower, upper
        Bounds of `√(I + FLOOR)`.
    counts
        Measured counts.
    weight
        1 for a voxel that is used, 2 for one that is free, 0 for one that was not measured.
    """

    lower: Tensor
    upper: Tensor
    counts: Tensor
    weight: Tensor

    @classmethod
    def of(cls, modulus: Modulus, dtype: torch.dtype) -> Target:
        """Return the target of all voxels, with no bounds on free ones.

        Parameters
        ----------
        modulus
            Bounds, counts and weights.
        dtype
            Real dtype of the target.
        """
        free = (modulus.weight == 2).flatten()
        lower, upper = (
            b.flatten().to(dtype).square().add(FLOOR).sqrt() for b in (modulus.lower, modulus.upper)
        )
        lower = torch.where(free, FLOOR**0.5, lower)
        upper = torch.where(free, torch.inf, upper)
        return cls(lower, upper, modulus.counts.flatten().to(dtype), modulus.weight.flatten())

    def part(self, block: slice) -> Target:
        """Return the target of some of the voxels."""
        return Target(*(a[block] for a in self))


Loss = Callable[[Tensor, Target], tuple[Tensor, Tensor]]


def mae(intensity: Tensor, target: Target) -> tuple[Tensor, Tensor]:
    """Compute the distance of the amplitude from its bounds (mean absolute error).

    Parameters
    ----------
    intensity
        `(…, voxels)`, counts.
    target
        Of the same voxels.
    """
    amplitude, beyond = _amplitude(intensity, target)
    return beyond.abs(), beyond.sign() / (2 * amplitude)


def lsq(intensity: Tensor, target: Target) -> tuple[Tensor, Tensor]:
    """Compute the squared distance of the amplitude from its bounds (least squares).

    Parameters
    ----------
    intensity
        `(…, voxels)`, counts.
    target
        Of the same voxels.
    """
    amplitude, beyond = _amplitude(intensity, target)
    return beyond.square(), beyond / amplitude


def poisson(intensity: Tensor, target: Target) -> tuple[Tensor, Tensor]:
    """Compute half the Poisson deviance of used voxels, `I − n − n log(I/n)`, and twice `lsq` of the others.

    The two agree for large counts. Below FLOOR the logarithm is continued as a straight line.

    Parameters
    ----------
    intensity
        `(…, voxels)`, counts.
    target
        Of the same voxels.
    """
    amplitude, beyond = _amplitude(intensity, target)
    n, bounded, used = target.counts, intensity.clamp(min=FLOOR), target.weight == 1
    below = intensity.clamp(max=FLOOR) - FLOOR
    deviance = half_deviance(bounded, n) + below * (1 - n / FLOOR)
    value = torch.where(used, deviance, 2 * beyond.square())
    slope = torch.where(used, 1 - n / bounded, 2 * beyond / amplitude)
    return value, slope


LOSSES: dict[str, Loss] = {"mae": mae, "lsq": lsq, "poisson": poisson}


def normalisation(name: str, target: Target) -> float:
    """Compute the number that the sum over voxels is divided by, so that a loss is about 1 or less.

    With it `lsq`, and for large counts `poisson`, is the square of the residual R of
    `sayre.retrieval.engine.modulus.FitQuality`, and `mae` the mean deviation over the mean amplitude.

    Parameters
    ----------
    name
        `mae`, `lsq` or `poisson`.
    target
        Of all voxels.
    """
    counts = target.counts[target.weight == 1].double()
    total = counts.sqrt().sum() if name == "mae" else counts.sum() * (2 if name == "poisson" else 1)
    return max(float(total), 1e-30)


def _amplitude(intensity: Tensor, target: Target) -> tuple[Tensor, Tensor]:
    """Compute the amplitude, and by how much it is beyond its bounds."""
    amplitude = (intensity + FLOOR).sqrt_()
    return amplitude, amplitude - amplitude.clamp(target.lower, target.upper)
