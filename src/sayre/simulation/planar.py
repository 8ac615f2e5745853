"""Cheap 2D diffraction patterns in the five steps of Fig. 4.3 of Masto's thesis.

A random polygon with a random phase is smoothed and roughened, padded with zeros, Fourier transformed, and
counted. The polygon is made of pixels, so that the outer part of a pattern at the smallest oversampling ratio
is aliased; what is measured differs there. `sayre.simulation.peak` has the sum over atoms.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.ndimage import gaussian_filter
from scipy.spatial import ConvexHull

from sayre.numerics.fourier import to_detector
from sayre.simulation.processes import one_thread_each, workers

Floats = NDArray[np.float32]
MARGIN = 6
"""Pixels around the polygon into which its edges are smoothed."""
SHARE = 250
"""Patterns that a process draws at a time."""


class PlanarPopulation(BaseModel):
    """Ranges that patterns are drawn from; they are uniform, but for the counts.

    Attributes
    ----------
    side
        Pixels along each axis of the pattern.
    oversampling
        Range of the oversampling ratio of the longer axis of the object.
    corners
        Range of the number of random points whose convex hull the object is.
    phase_range
        Range of the largest less the smallest phase in the object, rad.
    correlation
        Range of the correlation length of the phase over the extent of the object.
    smoothing
        Range of the standard deviation of the Gaussian that smooths the modulus, in pixels of the object; it
        has half as many as the pattern along its longer axis.
    roughness
        Range of the relative standard deviation of the noise of the modulus.
    max_counts
        Range of the expected counts in the brightest pixel, log-uniform.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    side: Annotated[int, Field(ge=16, multiple_of=4)] = 128
    oversampling: tuple[float, float] = (2.0, 6.0)
    corners: tuple[int, int] = (4, 16)
    phase_range: tuple[float, float] = (0.0, 2 * math.pi)
    correlation: tuple[float, float] = (0.1, 0.5)
    smoothing: tuple[float, float] = (0.5, 1.5)
    roughness: tuple[float, float] = (0.0, 0.1)
    max_counts: tuple[float, float] = (1e4, 1e8)


@dataclass(frozen=True, kw_only=True)
class PlanarParticle:
    """A 2D object; its arrays have one shape and are centred.

    Attributes
    ----------
    polygon
        Where the polygon is, bool.
    phase
        rad, float64, 0 outside.
    modulus
        Smoothed and roughened modulus, float64.
    extent
        Pixels along the longer axis of the polygon.
    """

    polygon: NDArray[np.bool_]
    phase: NDArray[np.float64]
    modulus: NDArray[np.float64]
    extent: int


@dataclass(frozen=True)
class PlanarPatterns:
    """Patterns, float32 `(count, side, side)`, with what they were drawn with, float64 `(count,)`."""

    counts: Floats
    expected: Floats
    oversampling: NDArray[np.float64]
    max_counts: NDArray[np.float64]


def draw_particle(population: PlanarPopulation, generator: np.random.Generator) -> PlanarParticle:
    """Draw a polygon with its phase and its modulus.

    Parameters
    ----------
    population
        What it is drawn from.
    generator
        Source of the random numbers.
    """
    extent = population.side // 2
    n = extent + 2 * MARGIN
    points = generator.random((generator.integers(*population.corners, endpoint=True), 2))
    points -= (points.max(axis=0) + points.min(axis=0)) / 2
    points *= extent / np.ptp(points, axis=0).max()
    pixels = np.stack(np.meshgrid(*2 * [np.arange(n) - n // 2], indexing="ij"), axis=-1)
    planes = ConvexHull(points).equations
    polygon = np.all(pixels @ planes[:, :2].T + planes[:, 2] <= 1e-9, axis=-1)
    field = gaussian_filter(
        generator.normal(size=(n, n)), generator.uniform(*population.correlation) * extent
    )
    span = float(np.ptp(field[polygon]))
    field *= generator.uniform(*population.phase_range) / (span if span > 0 else 1.0)
    modulus = gaussian_filter(polygon.astype(np.float64), generator.uniform(*population.smoothing))
    modulus *= 1 + generator.uniform(*population.roughness) * generator.normal(size=(n, n))
    phase = field - field[polygon].mean()
    return PlanarParticle(polygon=polygon, phase=phase, modulus=np.maximum(modulus, 0), extent=extent)


def expected_counts(
    particle: PlanarParticle, oversampling: float, *, side: int, max_counts: float
) -> tuple[Floats, float]:
    """Compute the pattern of a particle, padded with zeros to its oversampling and cropped to its side.

    Parameters
    ----------
    particle
        The object.
    oversampling
        Pixels of the padded array over those of the object, 2 or more, rounded to an even number of pixels.
    side
        Pixels of the pattern along each axis.
    max_counts
        Expected counts in the brightest pixel.

    Returns
    -------
    counts
        float32 `(side, side)`, noise-free.
    oversampling
        The ratio that the rounding led to.
    """
    n, padded = len(particle.modulus), 2 * round(particle.extent * oversampling / 2)
    field = np.zeros((padded, padded), np.complex128)
    first, corner = padded // 2 - n // 2, padded // 2 - side // 2
    field[first : first + n, first : first + n] = particle.modulus * np.exp(1j * particle.phase)
    window = slice(corner, corner + side)
    intensity = np.abs(to_detector(field)[window, window]) ** 2
    return (intensity * (max_counts / intensity.max())).astype(np.float32), padded / particle.extent


def draw_pattern(
    population: PlanarPopulation, generator: np.random.Generator
) -> tuple[Floats, Floats, float, float]:
    """Draw a pattern.

    Parameters
    ----------
    population
        What it is drawn from.
    generator
        Source of the random numbers.

    Returns
    -------
    counts, expected
        With and without Poisson noise, float32 `(side, side)`.
    oversampling, max_counts
        Ratio and largest expected counts.
    """
    particle = draw_particle(population, generator)
    most = float(np.exp(generator.uniform(*np.log(population.max_counts))))
    ratio = generator.uniform(*population.oversampling)
    expected, ratio = expected_counts(particle, ratio, side=population.side, max_counts=most)
    return generator.poisson(expected).astype(np.float32), expected, ratio, most


def draw_patterns(
    population: PlanarPopulation, count: int, seed: int, *, processes: int | None = None
) -> PlanarPatterns:
    """Draw patterns; each depends on the seed and its index alone.

    Parameters
    ----------
    population
        What they are drawn from.
    count
        How many.
    seed
        Seed of them all.
    processes
        Processes that draw them; by default one for each processor. Few patterns are drawn in this one.
    """
    shares = [(first, min(first + SHARE, count)) for first in range(0, count, SHARE)]
    processes = min(processes or os.cpu_count() or 1, len(shares))
    if processes == 1:
        drawn = [_draw_share(population, seed, *share) for share in shares]
    else:
        with one_thread_each(), workers(processes) as submit:
            waiting = [submit(_draw_share, population, seed, *share) for share in shares]
            drawn = [done.result() for done in waiting]
    return PlanarPatterns(*(np.concatenate(parts) for parts in zip(*drawn, strict=True)))


def _draw_share(
    population: PlanarPopulation, seed: int, first: int, end: int
) -> tuple[Floats, Floats, NDArray[np.float64], NDArray[np.float64]]:
    """Draw the patterns of some indices."""
    drawn = [draw_pattern(population, np.random.default_rng((seed, index))) for index in range(first, end)]
    counts, expected, ratios, most = zip(*drawn, strict=True)
    return np.stack(counts), np.stack(expected), np.array(ratios), np.array(most)


def gap_mask(side: int, width: int, column: int, row: int | None = None) -> NDArray[np.bool_]:
    """Make the mask of a vertical gap, or of a cross.

    Parameters
    ----------
    side
        Pixels along each axis.
    width
        Pixels across the gap.
    column
        First column of the vertical gap.
    row
        First row of the horizontal gap; None is no such gap.
    """
    mask = np.zeros((side, side), bool)
    mask[:, column : column + width] = True
    if row is not None:
        mask[row : row + width] = True
    return mask
