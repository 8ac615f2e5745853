"""Patterns of the 3D studies: a simulated crystal whose truth is known, with gaps cut into its counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sayre.data import Grid, Pattern, SimulatedPattern
from sayre.simulation.peak import simulate

ATOMS, MAX_COUNTS = 134_000, 1e6
"""Atoms of the particle of the thesis, and counts in its brightest voxel."""


def crystal(
    side: int,
    generator: np.random.Generator,
    *,
    oversampling: float = 3.0,
    phase_range: float = 0.0,
    atoms: int = ATOMS,
) -> SimulatedPattern:
    """Simulate the peak 111 of a gold crystal of the equilibrium shape, turned at random.

    Parameters
    ----------
    side
        Voxels along each axis.
    generator
        Source of every random number.
    oversampling
        Oversampling ratio of each axis.
    phase_range
        Largest less smallest phase of its displacement, in rad.
    atoms
        Of the particle.
    """
    return simulate(
        "winterbottom",
        atoms=atoms,
        shape_px=side,
        oversampling=oversampling,
        max_counts=MAX_COUNTS,
        phase_range=phase_range,
        rotate=True,
        generator=generator,
    )


def pattern_of(counts: NDArray[np.number], mask: NDArray[np.bool_] | None = None) -> Pattern:
    """Return counts on a grid of unit steps, 0 where they are masked.

    Parameters
    ----------
    counts
        2D or 3D.
    mask
        True where nothing was measured; None masks nothing.
    """
    mask = np.zeros(counts.shape, bool) if mask is None else mask
    intensity = np.where(mask, np.float32(0), counts.astype(np.float32))
    return Pattern(intensity=intensity, mask=mask, grid=Grid(step=(1.0,) * counts.ndim))


def cross(shape: tuple[int, ...], width: int, first: int) -> NDArray[np.bool_]:
    """Return planes of a width across both axes of the detector.

    Parameters
    ----------
    shape
        Of the pattern: frames, rows, columns.
    width
        Voxels across.
    first
        First row, and first column, of the planes.
    """
    mask = np.zeros(shape, bool)
    mask[:, first : first + width] = True
    mask[:, :, first : first + width] = True
    return mask
