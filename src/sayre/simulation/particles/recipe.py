"""Random particles for data sets, and the recipes that they are drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Self, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from sayre.data import Particle
from sayre.numerics.progress import Advance
from sayre.simulation.particles import defects, lattice, shapes, strain
from sayre.simulation.particles.defects import Defect
from sayre.simulation.particles.lattice import Miller
from sayre.simulation.particles.shapes import Shape

Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]
Choice = TypeVar("Choice", bound=str)


_LIMITS: dict[str, tuple[float, float]] = {
    "atoms": (shapes.FEWEST, shapes.MOST),
    "energy_100": (0.01, 100),
    "energy_110": (0.01, 100),
    "interface_energy": (-100, 100),
    "truncation": (0.001, 0.5),
    "displacement": (0, 1000),
}


class RandomDefect(BaseModel):
    """A defect and the share of the particles that have it.

    Settings of the defect that are not given are drawn anew for every particle.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    share: Share
    defect: Defect


class RandomRelaxation(BaseModel):
    """Relaxation of some of the particles by LAMMPS.

    Attributes
    ----------
    share
        Share of the particles that are relaxed.
    on_substrate
        Share of the relaxed Winterbottom particles whose lowest layer is held by a substrate.
    misfit
        Range of the strain that the substrate imposes.
    steps
        Largest number of iterations.
    force
        The relaxation stops where the norm of all forces is below this, eV/Å.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    share: Share = 1.0
    on_substrate: Share = 0.3
    misfit: tuple[float, float] = (-0.01, 0.01)
    steps: Annotated[int, Field(ge=1)] = 400
    force: Annotated[float, Field(gt=0)] = 1e-3

    @field_validator("misfit")
    @classmethod
    def _bearable(cls, limits: tuple[float, float]) -> tuple[float, float]:
        return _within(limits, -0.2, 0.2)


class ParticleRecipe(BaseModel):
    """Ranges and shares that random particles are drawn from.

    Attributes
    ----------
    shapes, elements
        Weights of the shapes and of the elements, by name.
    atoms
        Range of the number of atoms, log-uniform.
    energy_100, energy_110
        Ranges of the surface energies of {100} and {110} over that of {111}.
    substrates
        Planes of the interface, all equally likely.
    interface_energy
        Range of the interface energy of Winterbottom particles over the surface energy of {111}.
    truncation
        Range of the share of an edge that truncated shapes lose at either end.
    defects
        Defects and the shares of the particles that have them.
    strained
        Share of the particles that have a smooth random displacement.
    displacement
        Range of the largest less the smallest of each component of that displacement, Å.
    relaxation
        Relaxation of some of the particles; None relaxes none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    shapes: dict[Shape, Weight] = {
        "wulff": 0.15,
        "winterbottom": 0.2,
        "cube": 0.05,
        "octahedron": 0.05,
        "tetrahedron": 0.05,
        "truncated-cube": 0.05,
        "truncated-octahedron": 0.05,
        "truncated-tetrahedron": 0.05,
        "random": 0.35,
    }
    elements: dict[str, Weight] = {"Au": 1.0, "Pt": 1.0}
    atoms: tuple[int, int] = (60_000, 400_000)
    energy_100: tuple[float, float] = (0.85, 1.6)
    energy_110: tuple[float, float] = (1.0, 1.6)
    substrates: tuple[Miller, ...] = ((1, 1, 1), (1, 0, 0), (1, 1, 0))
    interface_energy: tuple[float, float] = (-0.1, 0.8)
    truncation: tuple[float, float] = (0.05, 0.45)
    defects: tuple[RandomDefect, ...] = ()
    strained: Share = 2 / 3
    displacement: tuple[float, float] = (0.0, 2.0)
    relaxation: RandomRelaxation | None = None

    @field_validator("shapes", "elements")
    @classmethod
    def _something(cls, weights: dict[str, float]) -> dict[str, float]:
        if not sum(weights.values()) > 0:
            raise ValueError("at least one weight must be positive")
        return weights

    @field_validator("elements")
    @classmethod
    def _known(cls, weights: dict[str, float]) -> dict[str, float]:
        for symbol in weights:
            lattice.element(symbol)
        return weights

    @field_validator("atoms", "energy_100", "energy_110", "interface_energy", "truncation", "displacement")
    @classmethod
    def _ascending(cls, limits: tuple[float, float], info: ValidationInfo) -> tuple[float, float]:
        return _within(limits, *_LIMITS[str(info.field_name)])

    @model_validator(mode="after")
    def _possible(self) -> Self:
        """Try every defect in a small particle of every element, so that no later draw is impossible."""
        planned = [item.defect for item in self.defects]
        if sum(isinstance(defect, defects.Twin) for defect in planned) > 1:
            raise ValueError("defects: a particle can have one twin only")
        for symbol in self.elements:
            trial = shapes.build("octahedron", 1000, element=symbol, generator=np.random.default_rng(0))
            for defect in planned:
                if not isinstance(defect, defects.Void):
                    anywhere = {"at": None} if "at" in type(defect).model_fields else {}
                    defect.model_copy(update=anywhere).apply(trial, np.random.default_rng(0))
        return self


def _within(limits: tuple[float, float], lowest: float, highest: float) -> tuple[float, float]:
    if not lowest <= limits[0] <= limits[1] <= highest:
        raise ValueError(
            f"must be two numbers from {lowest:g} to {highest:g}, the smaller first, not {list(limits)}"
        )
    return limits


def random_particle(
    recipe: ParticleRecipe,
    generator: np.random.Generator,
    *,
    atoms: int | None = None,
    progress: Advance | None = None,
) -> Particle:
    """Draw a random particle.

    The same recipe and the same state of the generator give the same particle; a relaxed one is the same on
    the same machine only.

    Parameters
    ----------
    recipe
        Ranges and shares to draw from.
    generator
        Source of every random number.
    atoms
        Number of atoms, instead of a draw from the range of the recipe.
    progress
        Called with the fraction of the relaxation that is done.

    Returns
    -------
    Particle
        With all displacement in its positions, and its shape, defects and relaxation in `made`.

    Raises
    ------
    sayre.simulation.particles.relax.RelaxationError
        The relaxation diverged; another draw may succeed.
    InputError
        No particle can be made from the settings that were drawn.
    """
    substrate = recipe.substrates[int(generator.integers(len(recipe.substrates)))]
    low, high = np.log(recipe.atoms)
    particle = shapes.build(
        _choose(recipe.shapes, generator),
        round(float(np.exp(generator.uniform(low, high)))) if atoms is None else atoms,
        element=_choose(recipe.elements, generator),
        generator=generator,
        energies={
            (1, 1, 1): 1.0,
            (1, 0, 0): generator.uniform(*recipe.energy_100),
            (1, 1, 0): generator.uniform(*recipe.energy_110),
        },
        substrate=substrate,
        interface_energy=float(generator.uniform(*recipe.interface_energy)),
        truncation=float(generator.uniform(*recipe.truncation)),
    )
    chosen = [d.defect for d in recipe.defects if generator.random() < d.share]
    particle = defects.apply(particle, chosen, generator)
    particle = _relaxed(particle, recipe.relaxation, substrate, generator, progress)
    if generator.random() < recipe.strained:
        span = float(generator.uniform(*recipe.displacement))
        moved = particle.positions + strain.smooth_displacement(particle.positions, span, generator)
        made = {**particle.made, "displacement": span}
        particle = replace(particle, positions=moved - moved.mean(0), made=made)
    return particle


def _relaxed(
    particle: Particle,
    relaxation: RandomRelaxation | None,
    substrate: Miller,
    generator: np.random.Generator,
    progress: Advance | None,
) -> Particle:
    """Relax the particle if it is one of the share that is relaxed."""
    if relaxation is None or generator.random() >= relaxation.share:
        return particle
    from sayre.simulation.particles.relax import relax

    settings: dict[str, Any] = {"steps": relaxation.steps, "force": relaxation.force, "progress": progress}
    if particle.made["shape"] == "winterbottom" and generator.random() < relaxation.on_substrate:
        settings |= {"substrate": substrate, "misfit": float(generator.uniform(*relaxation.misfit))}
    return relax(particle, **settings)


def _choose(weights: Mapping[Choice, float], generator: np.random.Generator) -> Choice:
    """Draw one of the names by their weights."""
    names, shares = list(weights), np.array(list(weights.values()))
    return names[int(generator.choice(len(names), p=shares / shares.sum()))]
