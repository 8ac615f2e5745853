"""What a data set is made of."""

from __future__ import annotations

import math
from math import inf
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from sayre.data.toml import FromToml
from sayre.detectors import detector
from sayre.errors import InputError, warn
from sayre.simulation.detector import region
from sayre.simulation.particles.lattice import ATOMS_PER_CELL, ELEMENTS, reflects
from sayre.simulation.particles.minimise import pair_commands
from sayre.simulation.particles.recipe import ParticleRecipe
from sayre.simulation.scattering import memory
from sayre.simulation.scattering.coherence import PointSpread
from sayre.simulation.scattering.scatter import least_for_lengths, memory_needed

Range = tuple[float, float]
Share = Annotated[float, Field(ge=0, le=1)]
_LARGEST_HALF = 4e9
"""Counts whose square root float16 holds."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="after")
    @classmethod
    def _ascending(cls, value: Any) -> Any:
        ranges = value if isinstance(value, tuple) else ()
        for limits in (value, *ranges):
            pair = isinstance(limits, tuple) and len(limits) == 2
            if pair and all(isinstance(v, float) for v in limits) and not 0 <= limits[0] <= limits[1] < inf:
                raise ValueError("a range must be two numbers, 0 or more, the smaller first")
        return value


class Coherence(_Part):
    """Point spread of a `share` of the patterns: full widths at half maximum of each axis, in voxels."""

    share: Share = 0.5
    fwhm: Range = (0.0, 1.4)
    lorentzian: Range = (0.0, 0.0)
    rocking: Range = (0.0, 0.0)


class DetectorRecipe(_Part):
    """Gaps, white fields and saturation; each pattern draws whether it has them, and where.

    `gaps` are names of built-in detectors; `white_fields` files that `sayre.files.load` reads; `saturation` a
    range of counts, log-uniform.
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
    """A data set of `count` patterns; a key it does not know is refused.

    Each particle is shown `patterns_per_particle` times, with another reflection, rotation, oversampling,
    dose and detector each time. Ranges of `oversampling` (one for all axes, or one for each), counts and
    `background` are log-uniform; the oversampling ratios of one pattern lie within a factor `anisotropy` of
    each other, as far as their ranges allow. `whole_peak` raises a ratio where the array would else reach
    into the neighbouring Bragg peaks of a small particle. The peak lies within `offset` voxels of the centre.
    `total_counts` takes the place of `max_counts`. `precision` is that of the stored expectation.
    `split` are the shares of particles for training, validation and test.
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
    coherence: Coherence = Coherence()
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
            raise ValueError(f"shape: {min(self.shape)} voxels are too few; 8 or more")
        if self.shard_size % self.patterns_per_particle:
            raise ValueError("shard_size: must be a multiple of patterns_per_particle")
        lowest = min(low for low, _ in self.oversampling)
        if lowest < 1:
            raise ValueError(f"oversampling: {lowest} is below 1; 2 or more")
        counts = self.total_counts or self.max_counts
        if counts[0] <= 0 or counts[1] > 1e15:
            raise ValueError("max_counts, total_counts: must be positive and at most 1e15")
        if self.precision == "float16" and counts[1] > _LARGEST_HALF:
            raise ValueError(f"precision: float16 holds up to {_LARGEST_HALF:.0e} counts; take float32")
        if self.background_share and self.background[0] <= 0:
            raise ValueError("background: its range is logarithmic and must be positive")
        if self.detector.saturation and self.detector.saturation[0] <= 0:
            raise ValueError("detector.saturation: its range is logarithmic and must be positive")
        if self.coherence.lorentzian[1] > 1:
            raise ValueError("coherence.lorentzian: must be 0 to 1")
        if abs(sum(self.split) - 1) > 1e-6:
            raise ValueError("split: the three shares must add up to 1")
        return self

    @property
    def shard_count(self) -> int:
        return -(-self.count // self.shard_size)

    def check(self, workers: int = 1) -> None:
        """Refuse, before anything is written, what no pattern could be made of.

        Raises
        ------
        InputError
            A reflection forbidden by a lattice, an unknown detector, one or a white field smaller than the
            frames, LAMMPS or a potential missing, or more memory than there is for `workers` at a time.

        Warns
        -----
        SayreWarning
            Oversampling ratios below 2 among those drawn.
        """
        elements = [symbol for symbol, weight in self.particles.elements.items() if weight]
        for symbol in elements:
            structure = ELEMENTS[symbol].structure
            wrong = [hkl for hkl in self.reflections if not reflects(structure, hkl)]
            if wrong and not self.forbidden:
                hkl = " ".join(map(str, wrong[0]))
                raise InputError(
                    f"reflections: {hkl} is forbidden in {structure.upper()} {symbol}; "
                    "take another, or forbidden = true"
                )
            if self.particles.relaxation is not None and self.particles.relaxation.share:
                pair_commands(symbol)
        frame = (self.shape[1], self.shape[2])
        for name in self.detector.gaps:
            region(name, detector(name).shape, frame, (0, 0))
        for path in self.detector.white_fields:
            if not path.is_file():
                raise InputError(f"detector.white_fields: {path} is no such file")
        self._check_memory(workers)
        lowest = min(low for low, _ in self.oversampling)
        if lowest < 2:
            warn(f"oversampling: ratios from {lowest:.3g}; below 2 the intensity is undersampled")
        least, atoms = self._least_oversampling(), self.particles.atoms[0]
        if self.whole_peak and least > max(high for _, high in self.oversampling):
            warn(
                f"oversampling: {max(self.shape)} voxels reach the neighbouring Bragg peaks of {atoms} atoms "
                f"below a ratio of about {least:.2g}, to which it is raised; larger particles, fewer voxels, "
                "or whole_peak = false"
            )

    def _check_memory(self, workers: int) -> None:
        """Fine grid and atoms; pattern, expectation, counts and their temporaries; the shard."""
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
        memory.require(workers * each, f"{workers} at a time of {patterns} voxels")

    def _least_oversampling(self) -> float:
        """Of the longest axis and a ball of the fewest atoms."""
        structures = {
            ELEMENTS[symbol].structure for symbol, weight in self.particles.elements.items() if weight
        }
        cells = {structure: self.particles.atoms[0] / ATOMS_PER_CELL[structure] for structure in structures}
        return max(
            float(least_for_lengths(structure, (6 / math.pi * count) ** (1 / 3), max(self.shape)))
            for structure, count in cells.items()
        )
