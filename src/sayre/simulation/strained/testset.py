"""The test set of strained crystals, the same on every machine: a hundred in each class of strain."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sayre.simulation.strained.voxels import VoxelCrystal, VoxelPopulation, draw

CLASSES: dict[str, tuple[float, float]] = {
    "0-1": (0.0, np.pi),
    "1-2": (np.pi, 2 * np.pi),
    "2-4": (2 * np.pi, 4 * np.pi),
    "4-8": (4 * np.pi, 8 * np.pi),
}
"""Range of the phase of each class in rad; the names give it in π."""
SIDES = {2: 128, 3: 64}
TEST_SEED = 20_250_923


class StrainedCrystal(NamedTuple):
    """A crystal of the test set, and its photon counts, float32."""

    crystal: VoxelCrystal
    counts: NDArray[np.float32]


def strained_crystal(dimensions: int, strain: str, index: int) -> StrainedCrystal:
    """Draw a crystal of the test set: 128² or 64³ voxels, oversampling 2 to 5, 1e4 to 1e8 counts in the peak.

    Seven in ten have a smooth random displacement, the others a screw dislocation or a misfit with a
    substrate. No seed of `sayre train phase` gives one of them.

    Parameters
    ----------
    dimensions
        2 or 3.
    strain
        Class of the strain, one of `CLASSES`.
    index
        Number of the crystal in its class.
    """
    place = list(CLASSES).index(strain)
    generator = np.random.default_rng([TEST_SEED, dimensions, place, index])
    population = VoxelPopulation(side=SIDES[dimensions], dimensions=dimensions, phase_range=CLASSES[strain])
    crystal = draw(population, generator)
    counts = generator.poisson(np.abs(crystal.amplitude) ** 2).astype(np.float32)
    return StrainedCrystal(crystal, counts)
