"""One call from a shape to photon counts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypedDict, Unpack, cast

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from sayre.data import Grid, Meta, Particle, Pattern, SimulatedPattern
from sayre.errors import InputError, warn
from sayre.simulation import photons
from sayre.simulation.detector import Readout, exposure_scale, record
from sayre.simulation.particles import shapes, strain
from sayre.simulation.scattering import scatter
from sayre.simulation.scattering.coherence import PointSpread
from sayre.simulation.scattering.coherence import blur as blur_intensity


class Options(TypedDict, total=False):
    """What `simulate` hands on to `simulate_particle`."""

    hkl: tuple[int, int, int]
    shape_px: int | tuple[int, int, int]
    oversampling: float | tuple[float, float, float]
    max_counts: float
    phase_range: float
    rotate: bool | NDArray[np.float64]
    form_factors: bool
    forbidden: bool
    spread: PointSpread | None
    readout: Readout | None
    threads: int


def simulate(
    shape: shapes.Shape = "wulff",
    *,
    element: str = "Au",
    atoms: int = 134_000,
    generator: np.random.Generator,
    **options: Unpack[Options],
) -> SimulatedPattern:
    """Simulate the Bragg peak of a faceted particle.

    Parameters
    ----------
    shape, element, atoms
        What to cut; see `sayre.simulation.particles.shapes.build`.
    generator
        Source of every random number.
    options
        Reflection, sampling and detector, as `simulate_particle` takes them.

    Raises
    ------
    InputError
        What cannot be: unknown shape or element, and as `simulate_particle`.
    """
    particle = shapes.build(shape, atoms, element=element, generator=generator)
    return simulate_particle(particle, generator=generator, **options)


def simulate_particle(
    particle: Particle,
    *,
    hkl: tuple[int, int, int] = (1, 1, 1),
    shape_px: int | tuple[int, int, int] = 128,
    oversampling: float | tuple[float, float, float] = 3.0,
    max_counts: float = 1e6,
    phase_range: float = 0.0,
    rotate: bool | NDArray[np.float64] = False,
    form_factors: bool = False,
    forbidden: bool = False,
    spread: PointSpread | None = None,
    readout: Readout | None = None,
    threads: int = 1,
    generator: np.random.Generator,
) -> SimulatedPattern:
    """Simulate the Bragg peak of any crystal, whose strain is in the positions of its atoms.

    Parameters
    ----------
    particle
        The crystal.
    hkl
        Reflection.
    shape_px
        Voxels along each axis.
    oversampling
        Oversampling ratio σ of each axis.
    max_counts
        Expected counts in the brightest voxel.
    phase_range
        Peak-to-peak range in rad of a smooth random phase `G·u`; 0 is no strain but that of the atoms.
    rotate
        Turn the array axes at random against the crystal, or to the unit vectors that are the rows of a
        matrix; else they are along its cubic axes.
    form_factors
        Scatter with the atomic form factor; else every atom scatters alike at every q.
    forbidden
        Take reflections that the lattice forbids.
    spread
        Partial coherence and rocking curve.
    readout
        Exposure, background, flat field, gaps and saturation, instead of `max_counts`.
    threads
        Threads of the scattering sum; see `sayre.simulation.scattering.scatter.scatter`.
    generator
        Source of every random number.

    Raises
    ------
    InputError
        What cannot be: a forbidden reflection, oversampling below 1, axes that are no rotation,
        non-positive counts, more memory than there is.

    Warns
    -----
    SayreWarning
        An oversampling ratio below 2, or an array that reaches neighbouring Bragg peaks.
    """
    sigma = oversampling if isinstance(oversampling, tuple) else (oversampling,) * 3
    size = shape_px if isinstance(shape_px, tuple) else (shape_px,) * 3
    if not 1 <= min(sigma) <= max(sigma) < math.inf:
        raise InputError(
            f"oversampling: {min(sigma)} is not from 1 on, where the object fits its own array; 2 or more"
        )
    if min(size) < 8:
        raise InputError(f"shape-px: {min(size)} voxels are too few; 8 or more")
    if not 0 <= phase_range < math.inf:
        raise InputError(f"phase-range: must be 0 or more rad, found {phase_range}")
    readout, spread = readout or Readout(max_counts=max_counts), spread or PointSpread()
    g, axes = scatter.reflection(particle, hkl, forbidden=forbidden), _array_axes(rotate, generator)
    _warn_of_neighbours(particle, axes, size, sigma)
    steps = scatter.q_steps(particle, sigma, axes)
    phase = strain.smooth_random_phase(particle.positions, phase_range, generator) if phase_range else None
    amplitude = scatter_around(
        particle, g, steps, size, spread, phase=phase, form_factors=form_factors, threads=threads
    )
    return detect(amplitude, particle, steps, sigma, hkl, spread, readout, generator)


def _warn_of_neighbours(
    particle: Particle,
    axes: NDArray[np.float64],
    size: tuple[int, int, int],
    sigma: tuple[float, float, float],
) -> None:
    """Beyond half the way to the next peak the pattern is no longer that of this reflection alone."""
    least = scatter.least_oversampling(particle, axes, size, share=0.5)
    worst = int(np.argmax(least / np.array(sigma)))
    if sigma[worst] < least[worst]:
        warn(
            f"oversampling: at {sigma[worst]:.3g}, {size[worst]} voxels pass half the way to the next Bragg "
            f"peaks of this particle; {np.ceil(10 * least[worst]) / 10:g} or more would do, or fewer voxels"
        )


def _array_axes(rotate: bool | NDArray[np.float64], generator: np.random.Generator) -> NDArray[np.float64]:
    if isinstance(rotate, bool):
        return np.asarray(Rotation.random(random_state=generator).as_matrix() if rotate else np.eye(3))
    if rotate.shape != (3, 3) or not np.allclose(rotate @ rotate.T, np.eye(3), atol=1e-6):
        raise InputError(f"rotate: the rows must be unit vectors at right angles, found {rotate.tolist()}")
    return rotate


def scatter_around(
    particle: Particle,
    g: NDArray[np.float64],
    steps: NDArray[np.float64],
    shape: tuple[int, int, int],
    spread: PointSpread,
    *,
    phase: NDArray[np.float64] | None = None,
    form_factors: bool = False,
    threads: int = 1,
) -> NDArray[np.complex128]:
    """Amplitude on `shape` and the margin from which `spread` reaches in: what `detect` takes."""
    first, second, third = (n + 2 * m for n, m in zip(shape, spread.margin, strict=True))
    return scatter.scatter(
        particle, g, steps, (first, second, third), phase=phase, form_factors=form_factors, threads=threads
    )


def detect(
    amplitude: NDArray[np.complex128],
    particle: Particle,
    steps: NDArray[np.float64],
    sigma: tuple[float, ...],
    hkl: tuple[int, int, int],
    spread: PointSpread,
    readout: Readout,
    generator: np.random.Generator,
) -> SimulatedPattern:
    """What a detector records of an amplitude from `scatter_around`."""
    inside = tuple(slice(m, n - m) for m, n in zip(spread.margin, amplitude.shape, strict=True))
    intensity = blur_intensity((amplitude.real**2 + amplitude.imag**2).astype(np.float32), spread)[inside]
    scale = exposure_scale(intensity, readout)
    expectation = intensity * np.float32(scale) + np.float32(readout.background)
    counts, mask = record(expectation, readout, generator)
    grid = Grid(step=tuple(float(np.linalg.norm(step)) for step in steps), unit="1/angstrom")
    source = f"simulated {particle.species} particle of {len(particle)} atoms"
    meta = Meta(hkl=hkl, source=source, detector=readout.detector)
    return SimulatedPattern(
        pattern=Pattern(intensity=counts, mask=mask, grid=grid, meta=meta),
        expectation=expectation,
        amplitude=(amplitude[inside] * math.sqrt(scale)).astype(np.complex64),
        oversampling=tuple(sigma),
        particle=particle,
    )


@dataclass(frozen=True, kw_only=True)
class Population:
    """Ranges that random training patterns are drawn from.

    Oversampling is log-uniform, with the axes of one pattern within a factor 1.6 of each other;
    strain is absent in a third of the patterns. The peak lies within `offset` voxels of the centre.
    """

    size: int = 128
    oversampling: tuple[float, float] = (2.0, 10.0)
    phase_range: tuple[float, float] = (0.0, 6.0)
    blur: tuple[float, float] = (0.0, 0.6)
    atoms: tuple[int, int] = (60_000, 400_000)
    offset: float = 0.5


def random_expectation(
    population: Population, generator: np.random.Generator
) -> tuple[NDArray[np.float32], tuple[float, ...]]:
    """Noise-free pattern of a random particle, float32 of `size`³ with a peak of 1, and its inversion centre.

    The particle has enough atoms for the array to end before the neighbouring Bragg peaks, so that the
    pattern is that of a compact crystal, not of its lattice.
    """
    low, high = np.log(population.oversampling)
    centre = generator.uniform(low, high)
    sigma = np.exp(np.clip(centre + generator.uniform(-0.24, 0.24, 3), low, high))
    fringes = population.size / float(sigma.min())
    atoms = int(np.clip(1.6 * fringes**3, *population.atoms))
    names = ["wulff", "winterbottom", "cube", "octahedron", "tetrahedron", "random"]
    shape = generator.choice(names, p=[0.15, 0.2, 0.1, 0.1, 0.05, 0.4])
    particle = _random_particle(cast("shapes.Shape", shape), atoms, generator)
    axes = Rotation.random(random_state=generator).as_matrix()
    phase = None
    if generator.random() > 1 / 3:
        phase = strain.smooth_random_phase(
            particle.positions, generator.uniform(*population.phase_range), generator
        )
    steps = scatter.q_steps(particle, (sigma[0], sigma[1], sigma[2]), axes)
    offset = generator.uniform(-population.offset, population.offset, 3)
    amplitude = scatter.scatter(
        particle,
        scatter.reflection(particle, (1, 1, 1)) - offset @ steps,
        steps,
        (population.size,) * 3,
        phase=phase,
        threads=1,
    )
    intensity = (amplitude.real**2 + amplitude.imag**2).astype(np.float32)
    blur = float(generator.uniform(*population.blur)) if generator.random() < 0.5 else 0.0
    centre = tuple(float(population.size // 2 + o) for o in offset)
    return photons.expose(intensity, max_counts=1.0, blur=blur), centre


def _random_particle(shape: shapes.Shape, atoms: int, generator: np.random.Generator) -> Particle:
    energies = {
        (1, 1, 1): 1.0,
        (1, 0, 0): generator.uniform(0.85, 1.6),
        (1, 1, 0): generator.uniform(1.0, 1.6),
    }
    substrate = [(1, 1, 1), (1, 0, 0), (1, 1, 0)][int(generator.integers(3))]
    return shapes.build(
        shape,
        atoms,
        generator=generator,
        energies=energies,
        substrate=(substrate[0], substrate[1], substrate[2]),
        interface_energy=float(generator.uniform(-0.1, 0.8)),
    )
