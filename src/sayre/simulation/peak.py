"""Simulated Bragg peaks, from the shape of a crystal to photon counts."""

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
    """Keyword arguments of `simulate_particle` that `simulate` takes as well."""

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
        The particle, as `sayre.simulation.particles.shapes.build` takes them.
    generator
        Source of every random number.
    options
        Reflection, sampling and detector, as `simulate_particle` takes them.

    Raises
    ------
    InputError
        The shape or element is not known, and as `simulate_particle`.

    Warns
    -----
    SayreWarning
        As `simulate_particle`.
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
        Miller indices of the reflection.
    shape_px
        Voxels along each axis.
    oversampling
        Oversampling ratio σ of each axis.
    max_counts
        Expected counts in the brightest voxel.
    phase_range
        Largest less smallest value in rad of a smooth random phase `G·u`; 0 leaves the strain of the atoms.
    rotate
        False: the array axes are along the cubic axes of the crystal. True: they are turned at random. A
        matrix `(3, 3)`: its rows are the unit vectors of the array axes.
    form_factors
        Whether the atoms scatter by their form factor; otherwise all scatter alike at every q.
    forbidden
        Whether a reflection that the lattice forbids is simulated.
    spread
        Partial coherence and rocking curve.
    readout
        Exposure, background, flat field, gaps and saturation; takes the place of `max_counts`.
    threads
        Threads of the scattering sum, as `sayre.simulation.scattering.scatter.scatter` takes them.
    generator
        Source of every random number.

    Raises
    ------
    InputError
        The reflection is forbidden, an oversampling ratio is below 1, the array axes are not orthonormal, the
        counts are not positive, or the memory is too small.

    Warns
    -----
    SayreWarning
        An oversampling ratio is below 2, or the array reaches neighbouring Bragg peaks.
    """
    sigma = oversampling if isinstance(oversampling, tuple) else (oversampling,) * 3
    size = shape_px if isinstance(shape_px, tuple) else (shape_px,) * 3
    if not 1 <= min(sigma) <= max(sigma) < math.inf:
        raise InputError(
            f"oversampling: {min(sigma)} is not a ratio of 1 or more, at which the object fits into its "
            "array; 2 or more would do"
        )
    if min(size) < 8:
        raise InputError(f"shape-px: {min(size)} voxels along an axis are too few; 8 or more would do")
    if not 0 <= phase_range < math.inf:
        raise InputError(f"phase-range: must be 0 rad or more, not {phase_range}")
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
    """Warn of an array that reaches beyond half the way to the next peak, where that peak is the brighter."""
    least = scatter.least_oversampling(particle, axes, size, share=0.5)
    worst = int(np.argmax(least / np.array(sigma)))
    if sigma[worst] < least[worst]:
        warn(
            f"oversampling: at a ratio of {sigma[worst]:.3g}, {size[worst]} voxels reach beyond half the way "
            f"to the next Bragg peaks of this particle; {np.ceil(10 * least[worst]) / 10:g} or more would "
            "do, or fewer voxels"
        )


def _array_axes(rotate: bool | NDArray[np.float64], generator: np.random.Generator) -> NDArray[np.float64]:
    """Return the unit vectors of the array axes, as the rows of a matrix."""
    if isinstance(rotate, bool):
        return np.asarray(Rotation.random(random_state=generator).as_matrix() if rotate else np.eye(3))
    if rotate.shape != (3, 3) or not np.allclose(rotate @ rotate.T, np.eye(3), atol=1e-6):
        raise InputError(
            f"rotate: the rows must be three unit vectors at right angles, not {rotate.tolist()}"
        )
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
    """Compute the amplitude around a reflection, with the margin from which a point spread reaches in.

    Parameters
    ----------
    particle, g, steps, phase, form_factors, threads
        As `sayre.simulation.scattering.scatter.scatter` takes them.
    shape
        Voxels of the pattern along each axis, without the margin.
    spread
        Point spread, which decides the margin.

    Returns
    -------
    complex128, larger than `shape` by twice `spread.margin`, as `detect` takes it.

    Raises
    ------
    InputError
        As `sayre.simulation.scattering.scatter.scatter`.
    """
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
    """Blur the intensity of an amplitude, expose it, and draw the counts of a detector.

    Parameters
    ----------
    amplitude
        From `scatter_around`, complex128, in any unit.
    particle
        The crystal, for the record.
    steps
        The q steps of the array axes, float64 `(3, 3)`, 1/Å, for the record.
    sigma
        Oversampling ratio of each axis, for the record.
    hkl
        Miller indices of the reflection, for the record.
    spread
        Point spread, the same as for `scatter_around`.
    readout
        Exposure and detector.
    generator
        Source of the photons.

    Raises
    ------
    InputError
        The intensity is nowhere positive, or the detector does not fit the frames.
    """
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

    Attributes
    ----------
    size
        Voxels along each axis.
    oversampling
        Range of the oversampling ratio, log-uniform; the ratios of the axes of one pattern lie within a
        factor of 1.6 of each other.
    phase_range
        Range of the largest less the smallest phase in rad; a third of the patterns have no strain.
    blur
        Range of the standard deviation of the blur in voxels; half of the patterns have none.
    atoms
        Smallest and largest number of atoms.
    offset
        Largest distance of the peak from the centre along each axis, in voxels.
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
    """Draw the noise-free pattern of a random particle.

    The particle has enough atoms for the array to end before the neighbouring Bragg peaks, so that the
    pattern shows the crystal's shape and not its lattice.

    Parameters
    ----------
    population
        Ranges to draw from.
    generator
        Source of every random number.

    Returns
    -------
    expectation
        float32 of `population.size`³, with a peak of 1.
    centre
        Place of the peak along each axis, in voxels.
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
    """Draw the surface energies and the substrate of a particle, and cut it."""
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
