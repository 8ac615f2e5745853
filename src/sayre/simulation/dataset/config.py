"""Configuration of a data set of simulated patterns."""

from __future__ import annotations

import math
from math import inf
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from sayre.data.toml import FromToml
from sayre.detectors import detector
from sayre.errors import InputError, warn
from sayre.numerics import memory
from sayre.simulation.detector import region
from sayre.simulation.particles.lattice import ATOMS_PER_CELL, ELEMENTS, reflects
from sayre.simulation.particles.minimise import pair_commands
from sayre.simulation.particles.recipe import ParticleRecipe
from sayre.simulation.scattering.coherence import PointSpread
from sayre.simulation.scattering.scatter import least_for_lengths, memory_needed

Range = tuple[float, float]
Share = Annotated[float, Field(ge=0, le=1)]
_LARGEST_HALF = 4e9
"""Largest number of counts whose square root float16 holds."""


class _Part(BaseModel):
    """Settings that a TOML file may hold; an unknown key and a descending range are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="after")
    @classmethod
    def _ascending(cls, value: Any) -> Any:
        ranges = value if isinstance(value, tuple) else ()
        for limits in (value, *ranges):
            pair = isinstance(limits, tuple) and len(limits) == 2
            if pair and all(isinstance(v, float) for v in limits) and not 0 <= limits[0] <= limits[1] < inf:
                raise ValueError(
                    f"a range must be two numbers, 0 or more, the smaller first, not {list(limits)}"
                )
        return value


class PointSpreadRecipe(_Part):
    """Ranges of the point spread of a pattern, all uniform.

    Attributes
    ----------
    share
        Share of the patterns that have a point spread.
    fwhm
        Full width at half maximum along each axis, in voxels.
    lorentzian
        Weight of the Lorentzian, 0 (a Gaussian) to 1.
    rocking
        Full width at half maximum of the rocking curve, in voxels.
    """

    share: Share = 0.5
    fwhm: Range = (0.0, 1.4)
    lorentzian: Range = (0.0, 0.0)
    rocking: Range = (0.0, 0.0)


class DetectorRecipe(_Part):
    """Gaps, white fields and saturation of the patterns, drawn for every pattern.

    Attributes
    ----------
    gaps
        Names of built-in detectors whose module gaps are masked; one of them is drawn, and a place on it.
    gap_share
        Share of the patterns that have gaps.
    margin
        Pixels that are masked on both sides of every gap as well.
    white_fields
        Files that `sayre.files.load` reads; one of them is drawn, and a place on it.
    white_field_share
        Share of the patterns that have a white field.
    saturation
        Range of the largest number of counts that a voxel holds, log-uniform; None is no saturation.
    saturation_share
        Share of the patterns that have a saturation.
    keep_saturated
        Whether saturated voxels are left unmasked.
    """

    gaps: tuple[str, ...] = ()
    gap_share: Share = 1.0
    margin: Annotated[int, Field(ge=0)] = 0
    white_fields: tuple[Path, ...] = ()
    white_field_share: Share = 1.0
    saturation: Range | None = None
    saturation_share: Share = 1.0
    keep_saturated: bool = False


class DatasetConfig(FromToml, _Part):
    """What a data set is made of; an unknown key is refused.

    Attributes
    ----------
    count
        Number of patterns.
    seed
        Seed of every random number.
    patterns_per_particle
        Patterns of each particle, with another reflection, rotation, oversampling, dose and detector each.
    shard_size
        Patterns in a file, a multiple of `patterns_per_particle`.
    shape
        Voxels along each axis; one number for a cube.
    particles
        Recipe of the particles.
    reflections
        Miller indices, of which one is drawn for every pattern.
    forbidden
        Whether reflections that the lattice forbids are simulated.
    rotate
        Whether the array axes are turned at random; otherwise they are along the cubic axes.
    oversampling
        Range of the oversampling ratio of each axis, or one for all axes; log-uniform.
    anisotropy
        Largest factor between the oversampling ratios of one pattern, as far as their ranges allow.
    whole_peak
        Whether a ratio is raised where the array would reach the neighbouring Bragg peaks.
    offset
        Largest distance of the peak from the centre along each axis, in voxels.
    max_counts
        Range of the expected counts in the brightest voxel, log-uniform.
    total_counts
        Range of the expected counts in all voxels, log-uniform; takes the place of `max_counts`.
    background
        Range of the expected background in counts a voxel, log-uniform.
    background_share
        Share of the patterns that have a background.
    form_factors
        Whether the atoms scatter by their form factor.
    coherence
        Partial coherence and rocking curve.
    detector
        Gaps, white fields and saturation.
    amplitude
        Whether the scattered amplitude is stored as well.
    precision
        Precision of the stored expectation.
    split
        Shares of the particles for training, validation and test.
    """

    count: Annotated[int, Field(ge=1)] = 1024
    seed: Annotated[int, Field(ge=0)] = 0
    patterns_per_particle: Annotated[int, Field(ge=1)] = 16
    shard_size: Annotated[int, Field(ge=1)] = 64
    shape: tuple[int, int, int] = (128, 128, 128)
    particles: ParticleRecipe = ParticleRecipe()
    reflections: Annotated[tuple[tuple[int, int, int], ...], Field(min_length=1)] = ((1, 1, 1),)
    forbidden: bool = False
    rotate: bool = True
    oversampling: tuple[Range, Range, Range] = ((2.0, 10.0),) * 3
    anisotropy: Annotated[float, Field(ge=1)] = 1.6
    whole_peak: bool = True
    offset: Annotated[float, Field(ge=0)] = 0.5
    max_counts: Range = (1e4, 1e9)
    total_counts: Range | None = None
    background: Range = (0.01, 3.0)
    background_share: Share = 0.3
    form_factors: bool = False
    coherence: PointSpreadRecipe = PointSpreadRecipe()
    detector: DetectorRecipe = DetectorRecipe()
    amplitude: bool = False
    precision: Literal["float16", "float32"] = "float16"
    split: tuple[Share, Share, Share] = (0.8, 0.1, 0.1)

    @field_validator("shape", mode="before")
    @classmethod
    def _cube(cls, value: Any) -> Any:
        return (value,) * 3 if isinstance(value, int) else value

    @field_validator("oversampling", mode="before")
    @classmethod
    def _same_for_all(cls, value: Any) -> Any:
        one = isinstance(value, list | tuple) and len(value) == 2 and not isinstance(value[0], list | tuple)
        return (value,) * 3 if one else value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if min(self.shape) < 8:
            raise ValueError(f"shape: {min(self.shape)} voxels are too few; 8 or more would do")
        if self.shard_size % self.patterns_per_particle:
            raise ValueError(
                f"shard_size: must be a multiple of patterns_per_particle ({self.patterns_per_particle}), "
                f"not {self.shard_size}"
            )
        lowest = min(low for low, _ in self.oversampling)
        if lowest < 1:
            raise ValueError(f"oversampling: a ratio of {lowest} is below 1; 2 or more would do")
        counts = self.total_counts or self.max_counts
        if counts[0] <= 0 or counts[1] > 1e15:
            raise ValueError(
                f"max_counts, total_counts: must be positive and at most 1e15, not {list(counts)}"
            )
        if self.precision == "float16" and counts[1] > _LARGEST_HALF:
            raise ValueError(
                f"precision: float16 holds up to {_LARGEST_HALF:.0e} counts, not {counts[1]:g}; take float32"
            )
        if self.background_share and self.background[0] <= 0:
            raise ValueError("background: the range is logarithmic, so both ends must be positive")
        if self.detector.saturation and self.detector.saturation[0] <= 0:
            raise ValueError("detector.saturation: the range is logarithmic, so both ends must be positive")
        if self.coherence.lorentzian[1] > 1:
            raise ValueError(f"coherence.lorentzian: must be 0 to 1, not {self.coherence.lorentzian[1]}")
        if abs(sum(self.split) - 1) > 1e-6:
            raise ValueError(f"split: the three shares must add up to 1, not {sum(self.split):g}")
        return self

    @property
    def shard_count(self) -> int:
        """Number of files."""
        return -(-self.count // self.shard_size)

    def check(self, workers: int = 1) -> None:
        """Refuse, before anything is written, a data set that cannot be made.

        Parameters
        ----------
        workers
            Shards that are made at the same time.

        Raises
        ------
        InputError
            A lattice forbids a reflection, a detector is not known, a detector is smaller than the frames, a
            white field does not exist, LAMMPS or a potential is not installed, or the memory is too small.

        Warns
        -----
        SayreWarning
            Oversampling ratios are below 2, or the array reaches neighbouring Bragg peaks.
        """
        self._check_elements()
        frame = (self.shape[1], self.shape[2])
        for name in self.detector.gaps:
            region(name, detector(name).shape, frame, (0, 0))
        for path in self.detector.white_fields:
            if not path.is_file():
                raise InputError(f"detector.white_fields: {path}: there is no such file; check the path")
        self._check_memory(workers)
        self._warn_of_sampling()

    def _check_elements(self) -> None:
        """Refuse reflections that a lattice forbids, and elements without a potential to relax them."""
        elements = [symbol for symbol, weight in self.particles.elements.items() if weight]
        for symbol in elements:
            structure = ELEMENTS[symbol].structure
            wrong = [hkl for hkl in self.reflections if not reflects(structure, hkl)]
            if wrong and not self.forbidden:
                hkl = " ".join(map(str, wrong[0]))
                raise InputError(
                    f"reflections: {hkl} is forbidden in {structure.upper()} {symbol}; another reflection, "
                    "or forbidden = true, would do"
                )
            if self.particles.relaxation is not None and self.particles.relaxation.share:
                pair_commands(symbol)

    def _warn_of_sampling(self) -> None:
        """Warn of undersampling, and of arrays that reach neighbouring Bragg peaks."""
        lowest = min(low for low, _ in self.oversampling)
        if lowest < 2:
            warn(
                f"oversampling: ratios from {lowest:.3g} are drawn, but below 2 the intensity is "
                "undersampled; a range from 2 would do"
            )
        least, atoms = self._least_oversampling(), self.particles.atoms[0]
        if self.whole_peak and least > max(high for _, high in self.oversampling):
            warn(
                f"oversampling: {max(self.shape)} voxels reach the neighbouring Bragg peaks of {atoms} atoms "
                f"below a ratio of about {least:.2g}, to which lower ratios are raised; larger particles, "
                "fewer voxels, or whole_peak = false would do"
            )

    def _check_memory(self, workers: int) -> None:
        """Sum the bytes of fine grid, atoms, pattern, temporary arrays and shard, and refuse too many."""
        recipe = self.coherence
        widest = PointSpread(
            fwhm=(recipe.fwhm[1],) * 3, lorentzian=recipe.lorentzian[1], rocking=recipe.rocking[1]
        )
        margin = widest.margin if recipe.share else (0, 0, 0)
        first, second, third = (n + 2 * m for n, m in zip(self.shape, margin, strict=True))
        voxels = math.prod(self.shape)
        each = memory_needed(self.particles.atoms[1], (first, second, third))
        each += 40 * first * second * third + 6 * voxels * self.shard_size
        patterns = "×".join(map(str, self.shape))
        many = "a pattern" if workers == 1 else f"{workers} patterns at a time"
        memory.require(workers * each, f"{many} of {patterns} voxels")

    def _least_oversampling(self) -> float:
        """Compute the smallest ratio for the longest axis and a ball of the fewest atoms."""
        structures = {
            ELEMENTS[symbol].structure for symbol, weight in self.particles.elements.items() if weight
        }
        cells = {structure: self.particles.atoms[0] / ATOMS_PER_CELL[structure] for structure in structures}
        return max(
            float(least_for_lengths(structure, (6 / math.pi * count) ** (1 / 3), max(self.shape)))
            for structure, count in cells.items()
        )
