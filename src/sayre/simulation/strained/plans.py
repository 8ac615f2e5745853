"""Plans of strained crystals: the few numbers of which `sayre.simulation.strained.rendered` makes patterns.

A plan is drawn in milliseconds on a processor, and hundreds of plans are rendered in a second on a GPU. The
population is wider than that of `sayre.simulation.strained.voxels`: polyhedra of random half-spaces, slender
and flat ones among them, and phases that are Gaussian random fields.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.spatial.transform import Rotation

from sayre.simulation.strained.disturbed import Disturbances
from sayre.simulation.strained.voxels import VoxelPopulation, facets_of_cubic_crystals, placed

Plan = dict[str, NDArray[np.float32]]
FACETS, WAVES = 40, 48
"""Facets and waves of every plan; those that a crystal lacks are far away, and of no amplitude."""
FAR = 1e3
_SMOOTH = 8


class WidePopulation(VoxelPopulation):
    """Ranges that plans of 3D crystals are drawn from.

    Attributes
    ----------
    half_spaces
        Share of the crystals that are the intersection of random half-spaces, in place of a cubic crystal's.
    facets
        Range of their number.
    nearest
        Range of the distance of the nearest facet over that of the farthest, from which on the distances
        of a crystal are drawn: the smaller, the flatter crystals can be.
    thinnest
        Least diameter of the largest sphere inside a crystal, in voxels.
    correlated
        Share of the crystals whose phase is a Gaussian random field; its gradient is left in one half.
    correlation
        Range of the correlation length of that field in voxels, the standard deviation of the Gaussian that
        smooths white noise; log-uniform.
    """

    half_spaces: Annotated[float, Field(ge=0, le=1)] = 0.5
    facets: tuple[int, int] = (6, 24)
    nearest: tuple[float, float] = (0.15, 0.8)
    thinnest: Annotated[float, Field(ge=0)] = 2.5
    correlated: Annotated[float, Field(ge=0, le=1)] = 0.45
    correlation: tuple[float, float] = (1.5, 12.0)


def plan(population: WidePopulation, disturbances: Disturbances, generator: np.random.Generator) -> Plan:
    """Draw the numbers that make a crystal and its disturbed pattern.

    Parameters
    ----------
    population
        Ranges of the crystals.
    disturbances
        Shares and ranges of the disturbances.
    generator
        Source of every random number.

    Returns
    -------
    float32 arrays by name, of the same shapes for every crystal.
    """
    normals, distances, ratios = _polyhedron(population, generator)
    extent = population.side / min(ratios)
    made = {
        "normals": np.zeros((FACETS, 3)),
        "distances": np.full(FACETS, FAR),
        "span": generator.uniform(*population.phase_range),
        "peak": np.exp(generator.uniform(*np.log(population.max_counts))),
        "seed": generator.integers(2**24),
        **_phase(population, extent, generator),
        **_disturbed(disturbances, population.side, generator),
    }
    made["normals"][: len(normals)], made["distances"][: len(normals)] = normals, distances
    return {name: np.asarray(value, np.float32) for name, value in made.items()}


def _polyhedron(
    population: WidePopulation, generator: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[float, ...]]:
    """Draw polyhedra until one is thick enough."""
    while True:
        if generator.random() < population.half_spaces:
            count = int(generator.integers(*population.facets, endpoint=True))
            normals = generator.normal(size=(count, 3))
            normals /= np.linalg.norm(normals, axis=1, keepdims=True)
            distances = generator.uniform(generator.uniform(*population.nearest), 1, count)
            normals = np.vstack([normals, np.eye(3), -np.eye(3)])  # a box, lest the crystal be infinite
            distances = np.append(distances, np.full(6, 1.5))
        else:
            normals, distances = facets_of_cubic_crystals(generator)
        turn = Rotation.random(random_state=generator).as_matrix()
        normals, distances, ratios = placed(normals @ turn.T, distances, population, generator)
        if len(normals) <= FACETS and _thickness(normals, distances) >= population.thinnest:
            return normals, distances, ratios


def _thickness(normals: NDArray[np.float64], distances: NDArray[np.float64]) -> float:
    """Estimate the diameter of the largest sphere inside, in voxels, from the depths at a coarse grid."""
    line = np.arange(-16.0, 17.0, 2.0)
    grid = np.stack(np.meshgrid(line, line, line, indexing="ij"), -1).reshape(-1, 3)
    depth = (distances - grid @ normals.T).min(1)
    return 2 * float(depth.max()) + 1.0


def _phase(population: WidePopulation, extent: float, generator: np.random.Generator) -> dict[str, object]:
    """Draw the waves of the phase, and a dislocation or a misfit."""
    waves, amplitudes = np.zeros((WAVES, 3)), np.zeros(WAVES)
    smooth = not generator.random() < population.correlated
    if smooth:
        lengths = extent * np.exp(generator.uniform(np.log(0.5), np.log(4.0), _SMOOTH))
        directions = generator.normal(size=(_SMOOTH, 3))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        waves[:_SMOOTH] = directions * (2 * np.pi / lengths)[:, None]
        amplitudes[:_SMOOTH] = lengths * generator.normal(size=_SMOOTH)
    else:
        length = np.exp(generator.uniform(*np.log(population.correlation)))
        waves[:] = generator.normal(size=(WAVES, 3)) / (length * np.sqrt(2))
        amplitudes[:] = 1.0
    kind = generator.random()
    up, along = generator.normal(size=(2, 3))
    across = np.linalg.qr(generator.normal(size=(3, 2)))[0].T
    wound = kind < population.dislocation
    return {
        "waves": waves,
        "amplitudes": amplitudes,
        "offsets": generator.uniform(0, 2 * np.pi, WAVES),
        "levelled": smooth or generator.random() < 0.5,
        "turn": np.sign(generator.uniform(-1, 1)) * wound,
        "across": across,
        "line": generator.uniform(-0.3, 0.3, 3) * extent,
        "misfit": not wound and kind < population.dislocation + population.misfit,
        "up": up / np.linalg.norm(up),
        "along": along,
        "reach": generator.uniform(0.15, 0.6) * extent,
        "common": generator.uniform(-1, 1),
    }


def _disturbed(disturbances: Disturbances, side: int, generator: np.random.Generator) -> dict[str, object]:
    """Draw what disturbs a pattern; a share that is not drawn gives zeros."""
    few = disturbances
    gaps = np.zeros((2, 3))
    if generator.random() < few.with_gaps:
        for row, axis in enumerate(generator.permutation(3)[: generator.integers(1, 3)]):
            width = int(generator.integers(2, 8))
            gaps[row] = axis, generator.integers(2, side - width - 2), width
    return {
        "background": _some(few.with_background, few.background, generator),
        "grain": _some(few.with_grain, few.grain, generator),
        "shift": generator.integers(side // 8, side - side // 8, 3),
        "blur": generator.uniform(*few.blur, 3) * (generator.random() < few.with_blur),
        "gaps": gaps,
    }


def _some(share: float, limits: tuple[float, float], generator: np.random.Generator) -> float:
    """Draw a log-uniform number for a share of the patterns, 0 for the others."""
    value = float(np.exp(generator.uniform(*np.log(limits))))
    return value if generator.random() < share else 0.0
