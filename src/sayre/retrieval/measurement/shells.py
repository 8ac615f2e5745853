"""How well counts are explained: residuals of voxels, and the fit by shell of distance from the peak."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from sayre.numerics.poisson import mean_half_deviance
from sayre.retrieval.engine.arrays.kernels import half_deviance

Floats = NDArray[np.floating]
MOST_SHELLS = 60
"""Shells are one voxel thick, or thicker where there would be more of them."""


@dataclass(frozen=True, kw_only=True)
class ShellFit:
    """The fit by shell, `(shells,)` each, NaN in shells without such a voxel.

    Attributes
    ----------
    radius
        Middle of the shell, voxels.
    used, free
        Mean half Poisson deviance of the voxels that were used and of the free ones.
    floor
        The mean that Poisson counts of the expectations have, over all measured voxels.
    residual
        R of the voxels used, `√(Σ(√n − √λ)²/Σn)`.
    used_voxels, free_voxels
        int64, how many there are.
    """

    radius: NDArray[np.float64]
    used: NDArray[np.float64]
    free: NDArray[np.float64]
    floor: NDArray[np.float64]
    residual: NDArray[np.float64]
    used_voxels: NDArray[np.int64]
    free_voxels: NDArray[np.int64]


def standard_residuals(counts: Floats, expected: Floats) -> NDArray[np.float64]:
    """Compute `(n − λ)/√(λ + 1)`, of spread 1 in Poisson noise of many counts, less in the dark.

    Parameters
    ----------
    counts
        Measured counts n.
    expected
        Expected counts λ, same shape, not negative.
    """
    mean = expected.astype(np.float64)
    return np.asarray((counts - mean) / np.sqrt(mean + 1))


def fit_by_shell(
    counts: NDArray[np.float32],
    expected: NDArray[np.float32],
    weight: NDArray[np.uint8],
    centre: tuple[int, ...],
) -> ShellFit:
    """Compare counts with their expectation by shell of distance from a voxel.

    Parameters
    ----------
    counts
        float32, measured counts.
    expected
        float32, expected counts, same shape.
    weight
        uint8, same shape: 1 used, 2 free, 0 not measured; see `sayre.retrieval.engine.bounds.Bounds`.
    centre
        Index of the voxel that distances are taken from.
    """
    shell, radius = _shells(counts.shape, centre)
    used, free = weight == 1, weight == 2
    expected = np.maximum(expected, 0).astype(np.float32)
    deviance = half_deviance(
        torch.from_numpy(expected), torch.from_numpy(np.ascontiguousarray(counts, np.float32))
    ).numpy()

    def summed(which: NDArray[np.bool_], values: Floats | None = None) -> NDArray[np.float64]:
        weights = None if values is None else values[which].astype(np.float64)
        return np.bincount(shell[which], weights, minlength=len(radius)).astype(np.float64)

    apart = (np.sqrt(expected) - np.sqrt(np.where(used, counts, 0))) ** 2
    number, spared = summed(used), summed(free)
    with np.errstate(invalid="ignore", divide="ignore"):
        return ShellFit(
            radius=radius,
            used=summed(used, deviance) / number,
            free=summed(free, deviance) / spared,
            floor=summed(used | free, mean_half_deviance(expected)) / (number + spared),
            residual=np.sqrt(summed(used, apart) / summed(used, counts)),
            used_voxels=number.astype(np.int64),
            free_voxels=spared.astype(np.int64),
        )


def _shells(shape: tuple[int, ...], centre: tuple[int, ...]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the number of the shell that each voxel is in, and the middle radius of each shell."""
    squares = [
        ((np.arange(n) - c) ** 2.0).reshape([-1 if i == axis else 1 for i in range(len(shape))])
        for axis, (n, c) in enumerate(zip(shape, centre, strict=True))
    ]
    distance = np.sqrt(sum(squares[1:], squares[0]))
    width = max(1, int(np.ceil(distance.max() / MOST_SHELLS)))
    shell = np.rint(distance / width).astype(np.int64)
    return shell, width * np.arange(int(shell.max()) + 1, dtype=np.float64)
