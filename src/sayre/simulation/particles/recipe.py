"""Random particles for data sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Annotated, Any, Self, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from sayre.data import Particle
from sayre.simulation.particles import defects, lattice, shapes, strain
from sayre.simulation.particles.defects import Defect
from sayre.simulation.particles.lattice import Miller
from sayre.simulation.particles.shapes import Shape

Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]
Choice = TypeVar("Choice", bound=str)


_BOUNDS: dict[str, tuple[float, float]] = {
    "atoms": (shapes.FEWEST, shapes.MOST),
    "energy_100": (0.01, 100),
    "energy_110": (0.01, 100),
    "interface_energy": (-100, 100),
    "truncation": (0.001, 0.5),
    "displacement": (0, 1000),
}


class RandomDefect(BaseModel):
    """A defect and the share of particles that have it; what it leaves open is drawn anew each time."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    share: Share
    defect: Defect


class RandomRelaxation(BaseModel):
    """Relaxation of a `share` of the particles.

    Of the Winterbottom ones a share `on_substrate` is held at its lowest layer, strained by `misfit`.
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

    `shapes` and `elements` map names to weights. `atoms` is log-uniform. The energies of {100} and {110}
    are relative to {111}. `displacement` is the peak-to-peak range in Å of each component of a smooth random
    displacement, which a share `strained` of the particles has.
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
            raise ValueError("one weight must be positive")
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
        return _within(limits, *_BOUNDS[str(info.field_name)])

    @model_validator(mode="after")
    def _possible(self) -> Self:
        """Every defect is tried in a small particle of every element, so that no draw finds it impossible."""
        planned = [item.defect for item in self.defects]
        if sum(isinstance(defect, defects.Twin) for defect in planned) > 1:
            raise ValueError("defects: a particle takes one twin")
        for symbol in self.elements:
            trial = shapes.build("octahedron", 1000, element=symbol, generator=np.random.default_rng(0))
            for defect in planned:
                if not isinstance(defect, defects.Void):
                    anywhere = {"at": None} if "at" in type(defect).model_fields else {}
                    defect.model_copy(update=anywhere).apply(trial, np.random.default_rng(0))
        return self


def _within(limits: tuple[float, float], lowest: float, highest: float) -> tuple[float, float]:
    if not lowest <= limits[0] <= limits[1] <= highest:
        raise ValueError(f"must be two numbers from {lowest:g} to {highest:g}, the smaller first")
    return limits


def random_particle(
    recipe: ParticleRecipe,
    generator: np.random.Generator,
    *,
    atoms: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> Particle:
    """Draw a particle; its positions carry all displacement, `made` says what it is.

    The same recipe and generator state give the same particle (on one machine, where it is relaxed).

    Parameters
    ----------
    atoms
        How many, instead of a draw from the recipe's range.
    progress
        Called with the share of the relaxation that is done.

    Raises
    ------
    sayre.simulation.particles.relax.RelaxationError
        LAMMPS diverged: draw another.
    InputError
        Settings no particle can be made from.
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
    progress: Callable[[float], None] | None,
) -> Particle:
    if relaxation is None or generator.random() >= relaxation.share:
        return particle
    from sayre.simulation.particles.relax import relax

    settings: dict[str, Any] = {"steps": relaxation.steps, "force": relaxation.force, "progress": progress}
    if particle.made["shape"] == "winterbottom" and generator.random() < relaxation.on_substrate:
        settings |= {"substrate": substrate, "misfit": float(generator.uniform(*relaxation.misfit))}
    return relax(particle, **settings)


def _choose(weights: Mapping[Choice, float], generator: np.random.Generator) -> Choice:
    names, shares = list(weights), np.array(list(weights.values()))
    return names[int(generator.choice(len(names), p=shares / shares.sum()))]
