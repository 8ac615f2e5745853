"""The test set of strained crystals: the same hundred of each class for everyone."""

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
"""Phase range in rad; the names count in π."""
SIDES = {2: 128, 3: 64}
TEST_SEED = 20_250_923


class StrainedCrystal(NamedTuple):
    """A crystal of the test set, and its photon counts, float32."""

    crystal: VoxelCrystal
    counts: NDArray[np.float32]


def strained_crystal(dimensions: int, strain: str, index: int) -> StrainedCrystal:
    """Crystal `index` of a class: 128² or 64³, oversampling 2 to 5, peaks of 1e4 to 1e8 counts.

    Seven in ten have a smooth random displacement, the others a screw dislocation or a misfit with a
    substrate. Seeds of training (`sayre train phase`) never give the same.

    Parameters
    ----------
    dimensions
        2 or 3.
    strain
        Of `CLASSES`.
    """
    place = list(CLASSES).index(strain)
    generator = np.random.default_rng([TEST_SEED, dimensions, place, index])
    population = VoxelPopulation(side=SIDES[dimensions], dimensions=dimensions, phase_range=CLASSES[strain])
    crystal = draw(population, generator)
    counts = generator.poisson(np.abs(crystal.amplitude) ** 2).astype(np.float32)
    return StrainedCrystal(crystal, counts)
