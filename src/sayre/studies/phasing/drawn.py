"""Strained crystals of the studies of phasing, by the range of their phase."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sayre.data import Pattern
from sayre.simulation.strained.testset import CLASSES, StrainedCrystal, strained_crystal
from sayre.simulation.strained.voxels import VoxelPopulation, draw
from sayre.studies.spatial.patterns import pattern_of

REDUCED_SIDE, REDUCED_OVERSAMPLING = 32, (2.0, 3.0)
"""Of the 3D crystals of the quick form."""


class Case(NamedTuple):
    """A crystal whose truth is known."""

    dimensions: int
    strain: str
    number: int
    crystal: StrainedCrystal

    @property
    def name(self) -> str:
        return f"{self.dimensions}D {self.strain} {self.number}"

    @property
    def amplitude(self) -> NDArray[np.complex64]:
        return self.crystal.crystal.amplitude

    @property
    def pattern(self) -> Pattern:
        """Its photon counts."""
        return pattern_of(self.crystal.counts)


def case(dimensions: int, strain: str, number: int, *, seed: int, quick: bool) -> Case:
    """Draw a crystal: one of the test set, or in 3D and the quick form one of 32³ voxels.

    Parameters
    ----------
    dimensions
        2 or 3.
    strain
        Class of the strain, one of `sayre.simulation.strained.testset.CLASSES`.
    number
        Number in its class.
    seed
        Seed of the study, for the crystals that are not of the test set.
    quick
        Whether the form is the quick one.
    """
    if dimensions == 2 or not quick:
        return Case(dimensions, strain, number, strained_crystal(dimensions, strain, number))
    generator = np.random.default_rng([seed, list(CLASSES).index(strain), number])
    population = VoxelPopulation(
        side=REDUCED_SIDE, oversampling=REDUCED_OVERSAMPLING, phase_range=CLASSES[strain]
    )
    crystal = draw(population, generator)
    counts = generator.poisson(np.abs(crystal.amplitude) ** 2).astype(np.float32)
    return Case(dimensions, strain, number, StrainedCrystal(crystal, counts))
