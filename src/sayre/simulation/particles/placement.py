"""Places of defects: points, planes and directions, which are drawn where they are not given."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sayre.data import Particle
from sayre.errors import InputError
from sayre.simulation.particles.directions import of_form
from sayre.simulation.particles.lattice import Miller
from sayre.simulation.particles.shapes import family, unit

Point = tuple[float, float, float]


def point_inside(particle: Particle, at: Point | None, generator: np.random.Generator) -> NDArray[np.float64]:
    """Return a point in the particle.

    Parameters
    ----------
    particle
        The crystal.
    at
        The point in nm from its centre; None draws one from the inner part of the particle.
    generator
        Source of the point.

    Returns
    -------
    float64 `(3,)`, Å.
    """
    if at is not None:
        return 10 * np.array(at)
    drawn = 0.5 * particle.positions[generator.integers(len(particle))]
    return np.asarray(drawn + particle.lattice_constant * generator.uniform(-0.25, 0.25, 3))


def plane_and_height(
    particle: Particle, plane: Miller | None, form: Miller, at: float | None, generator: np.random.Generator
) -> tuple[Miller, float]:
    """Return a plane and its distance from the centre.

    Parameters
    ----------
    particle
        The crystal.
    plane
        Miller indices; None draws one of the form.
    form
        Miller indices of the form.
    at
        Distance along the normal in nm; None draws one from the inner part of the particle.
    generator
        Source of plane and distance.

    Returns
    -------
    plane
        Miller indices.
    at
        Distance in Å.

    Raises
    ------
    InputError
        The plane misses the particle, or is (0, 0, 0).
    """
    if plane is None:
        drawn = of_form(form)[generator.integers(len(of_form(form)))].astype(int)
        plane = (int(drawn[0]), int(drawn[1]), int(drawn[2]))
    heights = particle.positions @ unit(plane, "plane")
    if at is not None:
        if not heights.min() < 10 * at < heights.max():
            low, high = heights.min() / 10, heights.max() / 10
            raise InputError(
                f"defect: a plane at {at} nm misses the particle; a distance from {low:.3g} to {high:.3g} nm "
                "along its normal would do"
            )
        return plane, 10 * at
    return plane, 0.5 * float(heights[generator.integers(len(heights))])


def direction(
    given: Miller | None, form: Miller, what: str, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Return a direction as a unit vector.

    Parameters
    ----------
    given
        Components; None draws one of the form.
    form
        Miller indices of the form.
    what
        Opening words of the message.
    generator
        Source of the direction.

    Returns
    -------
    float64 `(3,)`.

    Raises
    ------
    InputError
        All components are 0.
    """
    if given is not None:
        return unit(given, what)
    return np.asarray(family(form)[generator.integers(len(family(form)))])
