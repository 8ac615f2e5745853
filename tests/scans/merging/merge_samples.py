"""Expected counts of a small strained crystal at any place on the detector."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SIDE, PHOTONS = 40, 130
"""Voxels along each axis, and counts in all where the brightest voxel of the strained crystal has one."""


def expected(
    shift: Sequence[float] = (0, 0, 0), *, most: float = 1e5, strain: float = 1.0, side: int = SIDE
) -> NDArray[np.float64]:
    """Counts of an ellipsoid with a quadratic phase, its peak moved by `shift` voxels, exactly."""
    axes = np.meshgrid(*[np.arange(side) - side // 2] * 3, indexing="ij")
    half = (6.0, 5.0, 4.0)
    radius = sum((a / h) ** 2 for a, h in zip(axes, half, strict=True))
    phase = strain * (axes[0] * axes[1] / 15 + axes[2] ** 2 / 10)
    ramp = 2 * np.pi * sum(s * a for s, a in zip(shift, axes, strict=True)) / side
    body = np.exp(-np.maximum(radius - 0.8, 0) * 4) * np.exp(1j * (phase + ramp))
    counts = np.abs(np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(body)))) ** 2
    return np.asarray(counts * most * (PHOTONS / counts.sum()))


def planes(first: int, width: int = 6, side: int = SIDE) -> NDArray[np.bool_]:
    """Mask of a cross of rows and columns."""
    mask = np.zeros((side,) * 3, bool)
    mask[:, first : first + width] = True
    mask[:, :, first : first + width] = True
    return mask
