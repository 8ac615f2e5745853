"""Strained crystals made of voxels, which are fast enough to draw anew for every training step.

The crystal is a polyhedron sampled at half voxels with partial coverage at its faces, so that its pattern is
that of a band-limited object and not of a staircase. The sampling limits the accuracy of the outer fringes;
where they matter, use the sum over atoms of `sayre.simulation.peak`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.spatial import HalfspaceIntersection
from scipy.spatial.transform import Rotation

from sayre.numerics.fourier import to_object
from sayre.simulation.particles import shapes
from sayre.simulation.particles.strain import smooth_random_phase

FINE = 2
"""Samples of the object along each axis of a voxel."""
SHAPES: tuple[shapes.Shape, ...] = (
    "random",
    "winterbottom",
    "wulff",
    "truncated-octahedron",
    "truncated-cube",
    "octahedron",
    "cube",
    "tetrahedron",
)
WEIGHTS = (0.35, 0.2, 0.1, 0.1, 0.05, 0.08, 0.06, 0.06)
"""Share of each of `SHAPES` among the crystals."""


class VoxelPopulation(BaseModel):
    """Ranges that strained crystals are drawn from; they are uniform, but for the counts.

    Attributes
    ----------
    side
        Voxels along each axis.
    dimensions
        Number of axes: 2 or 3.
    oversampling
        Range of the smallest oversampling ratio of a crystal.
    anisotropy
        Largest factor by which the crystal is stretched along an axis, and so by which the ratios differ.
    phase_range
        Range of the largest less the smallest phase in rad.
    dislocation, misfit
        Shares of the crystals with a screw dislocation, and with a misfit with a substrate in place of the
        smooth random displacement.
    max_counts
        Range of the expected counts in the brightest voxel, log-uniform.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    side: Annotated[int, Field(ge=16)] = 64
    dimensions: Annotated[int, Field(ge=2, le=3)] = 3
    oversampling: tuple[float, float] = (2.0, 5.0)
    anisotropy: Annotated[float, Field(ge=1)] = 1.6
    phase_range: tuple[float, float] = (0.0, 8 * np.pi)
    dislocation: Annotated[float, Field(ge=0, le=1)] = 0.15
    misfit: Annotated[float, Field(ge=0, le=1)] = 0.15
    max_counts: tuple[float, float] = (1e4, 1e8)


@dataclass(frozen=True, kw_only=True)
class VoxelCrystal:
    """A strained crystal; its arrays are centred and of one shape.

    Attributes
    ----------
    object
        The band-limited object whose Fourier transform is `amplitude`, complex64.
    coverage
        Share of each voxel that is inside the crystal, float32.
    amplitude
        Scattered amplitude, complex64; `|amplitude|²` are the expected counts.
    phase_range
        Largest less smallest phase of the displacement as drawn, rad.
    oversampling
        Oversampling ratio of each axis.
    kind
        Kind of the displacement: "smooth", "dislocation" or "misfit".
    """

    object: NDArray[np.complex64]
    coverage: NDArray[np.float32]
    amplitude: NDArray[np.complex64]
    phase_range: float
    oversampling: tuple[float, ...]
    kind: str


def draw(population: VoxelPopulation, generator: np.random.Generator) -> VoxelCrystal:
    """Draw a random strained crystal.

    Its mean phase gradient is subtracted, which brings the peak to within a few voxels of the centre.

    Parameters
    ----------
    population
        Ranges to draw from.
    generator
        Source of every random number.
    """
    n, d = population.side, population.dimensions
    normals, distances, sigma = _polyhedron(population, generator)
    extent = n / np.array(sigma)
    half = int(np.ceil(extent.max() / 2)) + 1
    axis = np.arange(-half * FINE, half * FINE + 1) / FINE
    grid = np.stack(np.meshgrid(*(axis,) * d, indexing="ij"), -1).reshape(-1, d).astype(np.float32)
    depth = (distances.astype(np.float32) - grid @ normals.T.astype(np.float32)).min(1)
    cover = np.clip(0.5 + depth * FINE, 0, 1)
    inside = np.flatnonzero(cover)
    kind = generator.choice(
        ["smooth", "dislocation", "misfit"],
        p=[1 - population.dislocation - population.misfit, population.dislocation, population.misfit],
    )
    span = float(generator.uniform(*population.phase_range))
    phase = _phase(str(kind), grid[inside].astype(np.float64), span, generator)
    fine = np.zeros(len(grid), np.complex64)
    fine[inside] = cover[inside] * np.exp(1j * phase)
    amplitude = _scattered(fine.reshape((len(axis),) * d), axis, n)
    amplitude *= np.sqrt(np.exp(generator.uniform(*np.log(population.max_counts)))) / np.abs(amplitude).max()
    field = to_object(amplitude).astype(np.complex64)
    return VoxelCrystal(
        object=field,
        coverage=_coverage(cover.reshape((len(axis),) * d), half, n),
        amplitude=amplitude,
        phase_range=span,
        oversampling=sigma,
        kind=str(kind),
    )


def _polyhedron(
    population: VoxelPopulation, generator: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[float, ...]]:
    """Draw the unit normals of a polyhedron, their distances in voxels, and the oversampling ratios."""
    if population.dimensions == 3:
        normals, distances = facets_of_cubic_crystals(generator)
        turn = Rotation.random(random_state=generator).as_matrix()
    else:
        count = int(generator.integers(3, 10))
        jitter = 0.2 if count == 3 else 0.35  # neighbouring normals less than a half turn apart
        angles = 2 * np.pi * (np.arange(count) + generator.uniform(-jitter, jitter, count)) / count
        normals = np.stack([np.cos(angles), np.sin(angles)], 1)
        distances = generator.uniform(0.6, 1.0, count)
        turn = Rotation.from_euler("z", generator.uniform(0, 2 * np.pi)).as_matrix()[:2, :2]
    return placed(normals @ turn.T, distances, population, generator)


def facets_of_cubic_crystals(
    generator: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw one of `SHAPES`: the unit normals of its facets, and their distances up to a scale."""
    shape = SHAPES[int(generator.choice(len(SHAPES), p=WEIGHTS))]
    return shapes.half_spaces(
        shape,
        generator,
        energies={
            (1, 1, 1): 1.0,
            (1, 0, 0): generator.uniform(0.85, 1.6),
            (1, 1, 0): generator.uniform(1.0, 1.6),
        },
        interface_energy=float(generator.uniform(-0.1, 0.8)),
        truncation=float(generator.uniform(0.05, 0.45)),
    )


def placed(
    normals: NDArray[np.float64],
    distances: NDArray[np.float64],
    population: VoxelPopulation,
    generator: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[float, ...]]:
    """Stretch a polyhedron along the axes, scale it to the oversampling of a population, and centre it.

    Parameters
    ----------
    normals
        Normals of its facets, float64 `(facets, dimensions)`.
    distances
        Distances of the facets, float64 `(facets,)`, up to a scale.
    population
        `anisotropy`, `oversampling` and `side` are used.
    generator
        Source of every random number.

    Returns
    -------
    normals, distances
        Unit vectors, and voxels.
    ratios
        Oversampling ratio of each axis.
    """
    normals = normals / generator.uniform(1, population.anisotropy, population.dimensions)
    corners = _corners(normals, distances)
    span = np.ptp(corners, axis=0)
    scale = population.side / generator.uniform(*population.oversampling) / span.max()
    centre = (corners.max(0) + corners.min(0)) / 2
    length = np.linalg.norm(normals, axis=1)
    sigma = tuple(float(s) for s in population.side / (span * scale))
    return normals / length[:, None], (distances - normals @ centre) / length * scale, sigma


def _corners(normals: NDArray[np.float64], distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute the corners of a polyhedron; a point inside is searched where the origin is not inside."""
    inner = normals[distances <= 0.05].sum(0)
    start = np.zeros(normals.shape[1])
    while np.min(distances - normals @ start) <= 1e-3:
        start = start - 0.05 * inner / max(float(np.linalg.norm(inner)), 1e-9)
        if np.linalg.norm(start) > 10:
            raise ValueError("the half-spaces enclose no volume")
    faces = np.column_stack([normals, -distances])
    return np.asarray(HalfspaceIntersection(faces, start).intersections)


def _phase(
    kind: str, positions: NDArray[np.float64], span: float, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Draw the phase in rad at each position; a dislocation adds a winding of 2π to a smooth phase."""
    d = positions.shape[1]
    if kind == "misfit":
        up, along = generator.normal(size=(2, d))
        up /= np.linalg.norm(up)
        height = positions @ up
        lateral = positions - height[:, None] * up
        height -= float(height.min())
        reach = float(generator.uniform(0.15, 0.6)) * float(np.ptp(positions, axis=0).max())
        phase = (lateral - lateral.mean(0)) @ along + reach * float(generator.uniform(-1, 1))
        phase *= np.exp(-height / reach)
        return np.asarray(phase * (span / max(float(np.ptp(phase)), 1e-9)))
    phase = smooth_random_phase(positions, span, generator, waves=8)
    if kind == "dislocation":
        at = positions[int(generator.integers(len(positions)))] * 0.6
        across = np.linalg.qr(generator.normal(size=(d, 2)))[0]
        x, y = ((positions - at) @ across).T
        phase += (1 if generator.random() < 0.5 else -1) * np.arctan2(y, x)
    return phase


def _scattered(fine: NDArray[np.complex64], axis: NDArray[np.float64], n: int) -> NDArray[np.complex64]:
    """Compute the Fourier transform at the `n` frequencies of each axis, less the mean phase gradient.

    A product with a matrix along each axis reads only the box of the crystal and computes only the detector.
    """
    size = fine.ndim
    ramp = []
    for k in range(size):  # the mean gradient of phase is the centre of mass of the intensity
        here, there = (np.take(fine, range(s, fine.shape[k] - 1 + s), axis=k).ravel() for s in (0, 1))
        ramp.append(float(np.angle(np.vdot(here, there))) * FINE)
    frequency = np.arange(n) - n // 2
    field = fine
    for k in range(size):
        matrix = np.exp(-1j * np.outer(2 * np.pi * frequency / n + ramp[k], axis)).astype(np.complex64)
        field = np.moveaxis(np.tensordot(matrix, field, (1, k)), 0, k)
    return np.ascontiguousarray(field)


def _coverage(cover: NDArray[np.float32], half: int, n: int) -> NDArray[np.float32]:
    """Average the coverage of the samples over each voxel."""
    for k in range(cover.ndim):
        sides = [np.take(np.pad(cover, 1), range(1 + s, cover.shape[k] + 1 + s), axis=k) for s in (-1, 0, 1)]
        box = tuple(slice(None) if a == k else slice(1, -1) for a in range(cover.ndim))
        cover = 0.25 * sides[0][box] + 0.5 * sides[1][box] + 0.25 * sides[2][box]
    coarse = cover[(slice(None, None, FINE),) * cover.ndim]
    whole = np.zeros((n,) * cover.ndim, np.float32)
    wide = coarse.shape[0] // 2
    near = min(wide, n // 2 - 1)
    inner = tuple(slice(wide - near, wide + near + 1) for _ in range(cover.ndim))
    whole[tuple(slice(n // 2 - near, n // 2 + near + 1) for _ in range(cover.ndim))] = coarse[inner]
    return whole
