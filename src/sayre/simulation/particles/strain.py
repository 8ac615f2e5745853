"""Smooth random displacement fields."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def smooth_random_phase(
    positions: NDArray[np.float64],
    phase_range: float,
    generator: np.random.Generator,
    *,
    waves: int = 12,
    shortest: float = 0.5,
) -> NDArray[np.float64]:
    """Draw a smooth random phase `G·u` at every atom.

    It is a sum of plane waves of random direction whose amplitude is proportional to their wavelength, less
    its mean and its ramp, which would only shift the peak.

    Parameters
    ----------
    positions
        Atoms, float64 `(atoms, dimensions)`, in any unit of length.
    phase_range
        Largest less smallest phase, rad.
    generator
        Source of the waves.
    waves
        Number of waves.
    shortest
        Shortest wavelength over the extent of the particle; the longest is 4.

    Returns
    -------
    float64 `(atoms,)`, rad.
    """
    extent = float(np.ptp(positions, axis=0).max())
    wavelengths = extent * np.exp(generator.uniform(np.log(shortest), np.log(4.0), waves))
    directions = generator.normal(size=(waves, positions.shape[1]))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    offsets = generator.uniform(0, 2 * np.pi, waves)
    amplitudes = wavelengths * generator.normal(size=waves)
    phase = np.zeros(len(positions))
    for direction, wavelength, offset, amplitude in zip(
        directions, wavelengths, offsets, amplitudes, strict=True
    ):
        phase += amplitude * np.cos(positions @ (direction * 2 * np.pi / wavelength) + offset)
    ramp = np.column_stack([positions, np.ones(len(positions))])
    phase -= ramp @ np.linalg.solve(ramp.T @ ramp, ramp.T @ phase)
    spread = float(np.ptp(phase))
    return phase * (phase_range / spread) if spread > 0 else phase


def smooth_displacement(
    positions: NDArray[np.float64], span: float, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Draw a smooth random displacement of every atom.

    Parameters
    ----------
    positions
        Atoms, float64 `(atoms, 3)`, Å.
    span
        Largest less smallest displacement of each component, Å.
    generator
        Source of the waves of each component, see `smooth_random_phase`.

    Returns
    -------
    float64 `(atoms, 3)`, Å.
    """
    return np.column_stack([smooth_random_phase(positions, span, generator) for _ in range(3)])
