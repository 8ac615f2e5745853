"""Crystal defects: their settings, as recipes and the command line state them, and how they are applied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from sayre.data import Particle
from sayre.data.hints import did_you_mean
from sayre.errors import InputError, warn
from sayre.simulation.particles import directions, displacements, lattice, placement, planar
from sayre.simulation.particles.lattice import Miller
from sayre.simulation.particles.placement import Point
from sayre.simulation.particles.shapes import FEWEST, unit


class _Settings(BaseModel):
    """Settings of a defect, all of which have defaults; an unknown setting is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Dislocation(_Settings):
    """A straight dislocation; settings that are not given are drawn among those of the lattice.

    Attributes
    ----------
    kind
        Whether the line is parallel to the Burgers vector ("screw"), at right angles to it ("edge") or
        neither ("mixed").
    line
        Direction of the dislocation line.
    burgers
        Burgers vector in lattice constants: ½⟨110⟩ in FCC, ½⟨111⟩ in BCC.
    at
        A point of the line, in nm from the centre of the crystal.
    """

    kind: Literal["screw", "edge", "mixed"]
    line: Miller | None = None
    burgers: Point | None = None
    at: Point | None = None

    def apply(self, particle: Particle, generator: np.random.Generator) -> Particle:
        """Displace the atoms by the field of the dislocation.

        Parameters
        ----------
        particle
            The crystal.
        generator
            Source of the settings that are not given.

        Raises
        ------
        InputError
            The Burgers vector is no translation of the lattice, or does not suit the kind and the line.

        Warns
        -----
        SayreWarning
            The line passes outside the crystal.
        """
        metal = lattice.element(particle.species)
        burgers, line = self._directions(metal.structure, generator)
        origin = placement.point_inside(particle, self.at, generator)
        from_line = np.cross(particle.positions - origin, line / np.linalg.norm(line))
        if np.linalg.norm(from_line, axis=1).min() > particle.lattice_constant:
            warn(
                f"{self.kind}: the dislocation line passes outside the crystal, which is strained by its far "
                "field only; another `at` would do"
            )
        field = displacements.dislocation(
            particle.positions - origin, line, burgers * particle.lattice_constant, poisson=metal.poisson
        )
        return _moved(particle, field)

    def _directions(
        self, structure: lattice.Structure, generator: np.random.Generator
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Select the Burgers vector, in lattice constants, and the line; check both against the kind."""
        slip, planes = ((1, 1, 0), (1, 1, 1)) if structure == "fcc" else ((1, 1, 1), (1, 1, 0))
        shortest = directions.of_form(slip) / 2
        given = None if self.burgers is None else np.array(self.burgers)
        line = None if self.line is None else unit(self.line, self.kind) * np.linalg.norm(self.line)
        if given is None:
            kept = shortest if line is None else shortest[directions.suits(self.kind, shortest, line)]
            if len(kept) == 0:
                raise InputError(
                    f"{self.kind}: no shortest Burgers vector of the {structure.upper()} lattice suits the "
                    f"line {self.line}; another line, or burgers given as well, would do"
                )
            given = kept[generator.integers(len(kept))]
        if not directions.is_translation(structure, given):
            raise InputError(
                f"{self.kind}: the Burgers vector {self.burgers}, in lattice constants, is no translation of "
                f"the {structure.upper()} lattice; {tuple(shortest[-1].tolist())} would do"
            )
        if line is None:
            glide = [n for n in directions.of_form(planes) if abs(n @ given) < 1e-9] or [
                directions.across(given)
            ]
            normal = glide[generator.integers(len(glide))]
            if self.kind == "screw":
                line = given
            elif self.kind == "edge":
                line = np.cross(normal, given)
            else:
                others = shortest[np.abs(shortest @ normal) < 1e-9]
                others = others[
                    ~directions.suits("screw", others, given) & ~directions.suits("edge", others, given)
                ]
                line = others[generator.integers(len(others))] if len(others) else normal + given
        if not directions.suits(self.kind, given[None], line)[0]:
            needs = {"screw": "parallel", "edge": "perpendicular", "mixed": "oblique"}[self.kind]
            raise InputError(
                f"{self.kind}: the line {self.line} and the Burgers vector {tuple(given.tolist())} must be "
                f"{needs}; leave one of them out, or take another kind"
            )
        return given, line


class Twin(_Settings):
    """A twin plane: {111} in FCC, {112} in BCC.

    Attributes
    ----------
    plane
        Miller indices of the plane.
    at
        Distance of the plane from the centre along its normal, in nm.
    """

    kind: Literal["twin"]
    plane: Miller | None = None
    at: float | None = None

    def apply(self, particle: Particle, generator: np.random.Generator) -> Particle:
        """Mirror the lattice beyond the plane.

        Parameters
        ----------
        particle
            The crystal, on its perfect lattice.
        generator
            Source of the settings that are not given.

        Raises
        ------
        InputError
            The plane is no twin plane of the lattice or misses the particle, or the atoms are displaced.
        """
        form = planar.TWIN_PLANES[lattice.element(particle.species).structure]
        plane, at = placement.plane_and_height(particle, self.plane, form, self.at, generator)
        return planar.twin(particle, plane, at)


class StackingFault(_Settings):
    """An intrinsic stacking fault of FCC on a {111} plane.

    Attributes
    ----------
    plane
        Miller indices of the plane.
    at
        Distance of the plane from the centre along its normal, in nm.
    """

    kind: Literal["stacking-fault"]
    plane: Miller | None = None
    at: float | None = None

    def apply(self, particle: Particle, generator: np.random.Generator) -> Particle:
        """Slide the atoms beyond the plane by a Shockley partial.

        Parameters
        ----------
        particle
            The crystal.
        generator
            Source of the partial, and of the settings that are not given.

        Raises
        ------
        InputError
            The lattice is BCC, or the plane is no {111} or misses the particle.
        """
        plane, at = placement.plane_and_height(particle, self.plane, (1, 1, 1), self.at, generator)
        return planar.stacking_fault(particle, plane, at, partial=int(generator.integers(3)))


class Void(_Settings):
    """An empty sphere ("bubble") or cylinder ("hole").

    Attributes
    ----------
    radius
        Radius in nm.
    at
        Centre of the bubble, or a point of the axis of the hole, in nm from the centre of the crystal.
    direction
        Direction of the axis of a hole.
    swelling
        Relative growth of the radius of a bubble under the pressure inside it.
    """

    kind: Literal["bubble", "hole"]
    radius: Annotated[float, Field(gt=0)] | None = None
    at: Point | None = None
    direction: Miller | None = None
    swelling: float = 0.0

    def apply(self, particle: Particle, generator: np.random.Generator) -> Particle:
        """Remove the atoms inside, and displace the others by the swelling.

        Parameters
        ----------
        particle
            The crystal.
        generator
            Source of the settings that are not given.

        Raises
        ------
        InputError
            Too few atoms remain.

        Warns
        -----
        SayreWarning
            No atom is inside.
        """
        round_radius = (3 / 4 / np.pi * _volume(particle)) ** (1 / 3)
        radius = generator.uniform(0.1, 0.3) * round_radius if self.radius is None else 10 * self.radius
        from_centre = particle.positions - placement.point_inside(particle, self.at, generator)
        distance = from_centre
        if self.kind == "hole":
            along = placement.direction(self.direction, (1, 0, 0), "hole", generator)
            distance = from_centre - (from_centre @ along)[:, None] * along
        away = np.linalg.norm(distance, axis=1)
        if self.radius is None and self.at is None:
            radius = max(radius, float(away.min()))  # of a tiny particle: one atom at least
        kept = away > radius
        if np.count_nonzero(kept) < FEWEST:
            raise InputError(
                f"{self.kind}: a radius of {radius / 10:.3g} nm leaves {np.count_nonzero(kept)} of "
                f"{len(particle)} atoms, which is no particle; a smaller radius would do"
            )
        if kept.all():
            warn(f"{self.kind}: no atom is inside, and none is removed; check at and radius")
        field = displacements.swelling(from_centre[kept], radius, self.swelling)
        return _moved(replace(particle, positions=particle.positions[kept]), field)


class Misfit(_Settings):
    """The displacement that a substrate of another lattice constant imposes on the lowest atoms.

    Attributes
    ----------
    strain
        Strain in the plane of the interface.
    substrate
        Miller indices of that plane.
    """

    kind: Literal["misfit"]
    strain: Annotated[float, Field(gt=-0.2, lt=0.2)] = 0.01
    substrate: Miller = (1, 1, 1)

    def apply(self, particle: Particle, generator: np.random.Generator) -> Particle:
        """Displace the atoms by the misfit.

        Parameters
        ----------
        particle
            The crystal.
        generator
            Not used: every setting has a value.

        Raises
        ------
        InputError
            The substrate is (0, 0, 0).
        """
        poisson = lattice.element(particle.species).poisson
        normal = unit(self.substrate, "misfit")
        field = displacements.misfit(particle.positions, normal, self.strain, poisson=poisson)
        return _moved(particle, field)


Defect = Annotated[Dislocation | Twin | StackingFault | Void | Misfit, Field(discriminator="kind")]
KINDS = ("screw", "edge", "mixed", "twin", "stacking-fault", "bubble", "hole", "misfit")
_ADAPTER: TypeAdapter[Defect] = TypeAdapter(Defect)


def parse(text: str) -> Defect:
    """Read a defect from `KIND` or `KIND:key=value:key=value`, such as `screw:line=1,1,0`.

    Raises
    ------
    InputError
        The kind or a key is not known, or a value does not fit.
    """
    kind, *pairs = text.split(":")
    settings: dict[str, Any] = {"kind": kind}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise InputError(f"defect {text!r}: {pair!r} is not key=value; bubble:radius=2 would do")
        settings[key] = value.split(",") if "," in value else value
    if kind not in KINDS:
        raise InputError(
            f"defect: {kind!r} is not known; it must be one of {', '.join(KINDS)}{did_you_mean(kind, KINDS)}"
        )
    try:
        return _ADAPTER.validate_python(settings)
    except ValidationError as error:
        first = error.errors()[0]
        setting = str(first["loc"][1])
        all_settings = type(_ADAPTER.validate_python({"kind": kind})).model_fields
        known = ", ".join(name for name in all_settings if name != "kind")
        complaint = {
            "extra_forbidden": f"is no setting of {kind}; its settings are {known}",
            "tuple_type": "takes three numbers, as in 1,1,0",
            "missing": "takes three numbers, as in 1,1,0",
            "too_long": "takes three numbers, as in 1,1,0",
        }.get(first["type"], first["msg"].removeprefix("Input ").lower())
        raise InputError(f"defect {text!r}: {setting}: {complaint}") from None


def apply(particle: Particle, defects: Sequence[Defect], generator: np.random.Generator) -> Particle:
    """Put defects into a particle, twins first.

    Parameters
    ----------
    particle
        The crystal.
    defects
        What to put in, in this order but for the twins.
    generator
        Source of the settings that are not given.

    Returns
    -------
    Particle
        With the kinds of its defects in `made["defects"]`.

    Raises
    ------
    InputError
        The lattice or the particle cannot have one of the defects.
    """
    for defect in sorted(defects, key=lambda d: not isinstance(d, Twin)):
        particle = defect.apply(particle, generator)
    kinds = [*particle.made.get("defects", ()), *(defect.kind for defect in defects)]
    return replace(particle, made={**particle.made, "defects": kinds}) if kinds else particle


def _moved(particle: Particle, field: NDArray[np.float64]) -> Particle:
    """Displace the atoms by a field in Å, and centre them."""
    positions = particle.positions + field
    return replace(particle, positions=positions - positions.mean(0))


def _volume(particle: Particle) -> float:
    """Compute the volume of a particle in Å³ from its number of atoms."""
    per_cell = lattice.ATOMS_PER_CELL[lattice.element(particle.species).structure]
    return len(particle) * particle.lattice_constant**3 / per_cell
