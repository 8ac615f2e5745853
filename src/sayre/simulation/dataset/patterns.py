"""Draws of a particle of a data set, and of its patterns, which its index alone decides."""

from __future__ import annotations

import multiprocessing
import threading
import warnings
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree
from scipy.spatial.transform import Rotation

from sayre.data import Particle, SimulatedPattern
from sayre.errors import InputError, SayreWarning
from sayre.simulation.dataset.config import DatasetConfig, Range
from sayre.simulation.detector import Readout, module_gaps, region, white_field
from sayre.simulation.particles.lattice import ELEMENTS
from sayre.simulation.particles.minimise import RelaxationError
from sayre.simulation.particles.recipe import ParticleRecipe, random_particle
from sayre.simulation.peak import detect, scatter_around
from sayre.simulation.processes import isolated
from sayre.simulation.scattering import scatter
from sayre.simulation.scattering.coherence import PointSpread

Facts = dict[str, Any]
"""What a pattern was made with, as plain numbers and texts by name."""
SPLITS = ("train", "validation", "test")
ATTEMPTS = 10
"""Draws of a particle before the data set is given up."""
_PARTICLE, _PATTERN, _SPLIT = 0, 1, 2
"""Last part of the seeds, which keeps the random numbers of each purpose apart."""
_ONE_LAMMPS = threading.Lock()


class DrawnParticle(NamedTuple):
    """A particle, the number of its draw, and the draws skipped before it, each with its reason."""

    particle: Particle
    attempt: int
    skipped: list[Facts]


def draw_particle(config: DatasetConfig, index: int) -> DrawnParticle:
    """Draw a particle; one whose relaxation diverges is replaced by the draw of the next seed.

    Parameters
    ----------
    config
        The data set.
    index
        Number of the particle.

    Raises
    ------
    InputError
        `ATTEMPTS` draws in a row diverged, or no particle can be made from the recipe.
    """
    skipped: list[Facts] = []
    for attempt in range(ATTEMPTS):
        try:
            particle = _isolated(config.particles, (config.seed, index, _PARTICLE, attempt))
            return DrawnParticle(particle, attempt, skipped)
        except RelaxationError as error:
            skipped.append({"particle": index, "attempt": attempt, "reason": str(error)})
    raise InputError(
        f"particles: {ATTEMPTS} draws in a row failed, the last one with: {skipped[-1]['reason']}"
    )


def _isolated(recipe: ParticleRecipe, seed: tuple[int, ...]) -> Particle:
    """Draw a particle, in a process of its own where LAMMPS could end the process."""
    relaxes = recipe.relaxation is not None and recipe.relaxation.share > 0
    if not relaxes:
        return random_particle(recipe, np.random.default_rng(seed))
    if multiprocessing.current_process().daemon:  # a Dask worker, which may not have children
        with _ONE_LAMMPS:
            return random_particle(recipe, np.random.default_rng(seed))
    try:
        return isolated(random_particle, recipe, np.random.default_rng(seed))
    except BrokenProcessPool:
        raise RelaxationError("relaxation: LAMMPS ended its process; another particle would do") from None


def split_of(config: DatasetConfig, index: int) -> str:
    """Draw whether a particle, with all of its patterns, is for training, validation or test.

    Parameters
    ----------
    config
        The data set.
    index
        Number of the particle.
    """
    place = np.random.default_rng((config.seed, index, _SPLIT)).random()
    return SPLITS[int(np.searchsorted(np.cumsum(config.split[:2]), place, side="right"))]


def patterns(
    config: DatasetConfig, index: int, drawn: DrawnParticle
) -> Iterator[tuple[SimulatedPattern, Facts]]:
    """Simulate the patterns of a particle.

    Parameters
    ----------
    config
        The data set.
    index
        Number of the particle.
    drawn
        The particle.

    Yields
    ------
    The pattern, and what it was made with.
    """
    particle = drawn.particle
    facts: Facts = {
        "particle": index,
        "attempt": drawn.attempt,
        "split": split_of(config, index),
        "element": particle.species,
        "atoms": len(particle),
        "lattice_constant": particle.lattice_constant,
        "made": dict(particle.made),
        "bond_strain": bond_strain(particle),
    }
    first = index * config.patterns_per_particle
    for number in range(min(config.patterns_per_particle, config.count - first)):
        generator = np.random.default_rng((config.seed, index, _PATTERN, number))
        made, own = _pattern(config, particle, generator)
        yield made, {**facts, "pattern": first + number, **own}


def _pattern(
    config: DatasetConfig, particle: Particle, generator: np.random.Generator
) -> tuple[SimulatedPattern, Facts]:
    """Draw the settings of a pattern and simulate it."""
    hkl = config.reflections[int(generator.integers(len(config.reflections)))]
    axes = Rotation.random(random_state=generator).as_matrix() if config.rotate else np.eye(3)
    drawn = _oversampling(config, generator)
    least = scatter.least_oversampling(particle, axes, config.shape) if config.whole_peak else drawn
    sigma = tuple(np.maximum(drawn, least).tolist())
    offset = generator.uniform(-config.offset, config.offset, 3)
    spread = _spread(config, generator)
    readout, names = _readout(config, generator)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SayreWarning)
        steps = scatter.q_steps(particle, sigma, axes)
    g = scatter.reflection(particle, hkl, forbidden=config.forbidden)
    amplitude = scatter_around(
        particle, g - offset @ steps, steps, config.shape, spread, form_factors=config.form_factors, threads=1
    )
    made = detect(amplitude, particle, steps, sigma, hkl, spread, readout, generator)
    facts: Facts = {
        "hkl": list(hkl),
        "axes": axes.tolist(),
        "q_steps": steps.tolist(),
        "oversampling": list(sigma),
        "oversampling_raised": bool((least > drawn).any()),
        "offset": offset.tolist(),
        "fwhm": list(spread.fwhm),
        "lorentzian": spread.lorentzian,
        "rocking": spread.rocking,
        "background": readout.background,
        "saturation": readout.saturation,
        "max_counts": float(made.expectation.max() - readout.background),
        "total_counts": float(made.expectation.sum(dtype=float) - readout.background * made.expectation.size),
        "masked": float(made.pattern.mask.mean()),
        **names,
    }
    return made, facts


def _log_uniform(limits: Range, generator: np.random.Generator) -> float:
    """Draw a number whose logarithm is uniform."""
    return float(np.exp(generator.uniform(*np.log(limits))))


def _oversampling(config: DatasetConfig, generator: np.random.Generator) -> NDArray[np.float64]:
    """Draw the oversampling ratio of each axis."""
    low, high = np.log(config.oversampling).T
    spread = np.log(config.anisotropy) / 2
    centre = low + generator.uniform() * (high - low)
    drawn = generator.uniform(np.maximum(centre - spread, low), np.minimum(centre + spread, high))
    return np.asarray(np.exp(drawn))


def _spread(config: DatasetConfig, generator: np.random.Generator) -> PointSpread:
    """Draw the point spread of a pattern."""
    recipe = config.coherence
    present = generator.random() < recipe.share
    first, second, third = generator.uniform(*recipe.fwhm, 3).tolist()
    lorentzian, rocking = (float(generator.uniform(*r)) for r in (recipe.lorentzian, recipe.rocking))
    if not present:
        return PointSpread()
    return PointSpread(fwhm=(first, second, third), lorentzian=lorentzian, rocking=rocking)


def _readout(config: DatasetConfig, generator: np.random.Generator) -> tuple[Readout, Facts]:
    """Draw exposure and detector, and return the names of the detector and the white field as well."""
    recipe, frame = config.detector, (config.shape[1], config.shape[2])
    counts = _log_uniform(config.total_counts or config.max_counts, generator)
    background, gaps, white = 0.0, None, None
    flat, mask, saturation = None, np.zeros(frame, bool), None
    if generator.random() < config.background_share:
        background = _log_uniform(config.background, generator)
    if recipe.gaps and generator.random() < recipe.gap_share:
        gaps = recipe.gaps[int(generator.integers(len(recipe.gaps)))]
        mask |= module_gaps(gaps, frame, generator=generator, margin=recipe.margin)
    if recipe.white_fields and generator.random() < recipe.white_field_share:
        path = recipe.white_fields[int(generator.integers(len(recipe.white_fields)))]
        response, bad = white_field(path)
        part = region(str(path), (bad.shape[0], bad.shape[1]), frame, generator=generator)
        flat, white, mask = response[part], path.name, mask | bad[part]
    if recipe.saturation and generator.random() < recipe.saturation_share:
        saturation = _log_uniform(recipe.saturation, generator)
    readout = Readout(
        max_counts=None if config.total_counts else counts,
        total_counts=counts if config.total_counts else None,
        background=background,
        flat=flat,
        mask=mask if mask.any() else None,
        saturation=saturation,
        keep_saturated=recipe.keep_saturated,
        detector=gaps,
    )
    return readout, {"detector": gaps, "white_field": white}


def bond_strain(particle: Particle, *, sample: int = 5000) -> dict[str, float]:
    """Compute the strain of nearest-neighbour bonds, relative to that of the lattice constant.

    Parameters
    ----------
    particle
        The crystal.
    sample
        Approximate number of atoms, evenly taken, whose bonds are used.

    Returns
    -------
    The `mean`, the standard deviation `rms`, and the 1st and 99th percentile `low` and `high`.
    """
    known = ELEMENTS.get(particle.species)
    bond = np.sqrt(0.75 if known and known.structure == "bcc" else 0.5) * particle.lattice_constant
    some = particle.positions[:: max(len(particle) // sample, 1)]
    distances = KDTree(particle.positions).query(some, k=15, distance_upper_bound=1.12 * bond)[0][:, 1:]
    strain = distances[np.isfinite(distances)] / bond - 1
    if not strain.size:
        return {"mean": 0.0, "rms": 0.0, "low": 0.0, "high": 0.0}
    low, high = np.percentile(strain, (1, 99))
    return {
        "mean": float(strain.mean()),
        "rms": float(strain.std()),
        "low": float(low),
        "high": float(high),
    }
