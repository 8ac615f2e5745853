"""Settings of a simulated crystal: what it is made of, and its relaxation."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from sayre.data.option import Option
from sayre.errors import InputError
from sayre.workflows.jobs.progress import Bar

if TYPE_CHECKING:
    import numpy as np

    from sayre.data import Particle

_Triple = tuple[int, int, int]

_crystal, _relaxation = partial(Option, panel="Crystal"), partial(Option, panel="Relaxation")

_FACETED, _CUT = ("wulff", "winterbottom"), ("winterbottom",)
_TRUNCATED = ("truncated-cube", "truncated-octahedron", "truncated-tetrahedron")
_SHAPES_OF = {
    "truncation": _TRUNCATED,
    "energy_100": _FACETED,
    "energy_110": _FACETED,
    "interface_energy": _CUT,
}
"""Shapes that each option belongs to; options that are not here belong to all shapes."""


@dataclass(frozen=True, kw_only=True)
class CrystalSettings:
    """The crystal: the shape to cut or the file to read, and the defects in it."""

    shape: Annotated[
        str | None,
        _crystal(
            metavar="NAME",
            help="Shape of the crystal: wulff, winterbottom, random, cube, octahedron, tetrahedron, "
            "truncated-cube, truncated-octahedron or truncated-tetrahedron. The default is wulff.",
        ),
    ] = None
    element: Annotated[
        str | None,
        _crystal(
            metavar="SYMBOL",
            help="Element of the crystal: Ag, Al, Au, Cu, Ni, Pd, Pt (FCC), Fe or W (BCC). The default is "
            "Au, or the element of the file of --particle.",
        ),
    ] = None
    atoms: Annotated[
        int | None,
        _crystal(metavar="COUNT", help="Approximate number of atoms. The default is 134000."),
    ] = None
    diameter: Annotated[
        float | None,
        _crystal(
            metavar="NM",
            help="Diameter of the sphere of equal volume in nm; takes the place of --atoms.",
        ),
    ] = None
    truncation: Annotated[
        float | None,
        _crystal(
            metavar="SHARE",
            help="Share of each edge that a truncated shape loses at either end, at most 0.5. The default is "
            "1/3.",
        ),
    ] = None
    energy_100: Annotated[
        float | None,
        _crystal(
            metavar="RATIO",
            help="Surface energy of {100} over that of {111}, for the shapes wulff and winterbottom. The "
            "default is 1.15.",
        ),
    ] = None
    energy_110: Annotated[
        float | None,
        _crystal(
            metavar="RATIO",
            help="Surface energy of {110} over that of {111}, for the shapes wulff and winterbottom. Without "
            "it there are no {110} facets.",
        ),
    ] = None
    substrate: Annotated[
        _Triple | None,
        _crystal(
            metavar="H K L",
            help="Plane of the interface with the substrate: 1 1 1, or 1,1,1, which is the default.",
        ),
    ] = None
    interface_energy: Annotated[
        float | None,
        _crystal(
            metavar="RATIO",
            help="Interface energy of the shape winterbottom over the surface energy of {111}. The default "
            "is 0.4.",
        ),
    ] = None
    defect: Annotated[
        list[str] | None,
        _crystal(
            metavar="KIND[:KEY=VALUE]",
            help="Defect of the crystal: screw, edge, mixed, twin, stacking-fault, bubble, hole or misfit, "
            "with settings as in screw:line=1,1,0 or bubble:radius=2. Settings that are not given are drawn. "
            "Repeat the option for several defects.",
        ),
    ] = None
    particle: Annotated[
        Path | None,
        _crystal(
            metavar="FILE",
            help="Read the atoms from this file, .xyz or .data of LAMMPS, instead of cutting a shape.",
        ),
    ] = None
    save_particle: Annotated[
        Path | None,
        _crystal(metavar="FILE", help="Write the atoms to this file as well, .xyz or .data of LAMMPS."),
    ] = None

    def __post_init__(self) -> None:
        if self.particle is not None:
            shaping = ("shape", "atoms", "diameter", *_SHAPES_OF)
            given = [name for name in shaping if getattr(self, name) is not None]
            if given:
                raise InputError(
                    f"`particle=`: the atoms are read from the file, so leave {_named(given)} out"
                )
            return
        for name, shapes in _SHAPES_OF.items():
            if getattr(self, name) is not None and (self.shape or "wulff") not in shapes:
                raise InputError(
                    f"{_named([name])}: does not apply to the shape {self.shape or 'wulff'}; leave it out, "
                    f"or take the shape {' or '.join(shapes)}"
                )

    def build(self, generator: np.random.Generator) -> Particle:
        """Cut or read the crystal, and put the defects in.

        Raises
        ------
        InputError
            A defect or the shape is impossible, or the file cannot be read.
        """
        from sayre.files.atoms import load_particle
        from sayre.simulation.particles import defects, shapes

        planned = [defects.parse(text) for text in self.defect or ()]
        if self.particle is not None:
            whole = load_particle(self.particle, species=self.element)
        else:
            energies = {(1, 1, 1): 1.0, (1, 0, 0): 1.15 if self.energy_100 is None else self.energy_100}
            if self.energy_110 is not None:
                energies[1, 1, 0] = self.energy_110
            whole = shapes.build(
                self.shape or "wulff",  # type: ignore[arg-type]
                134_000 if self.atoms is None and self.diameter is None else self.atoms,
                diameter=self.diameter,
                element=self.element or "Au",
                generator=generator,
                energies=energies,
                substrate=self.substrate or (1, 1, 1),
                interface_energy=0.4 if self.interface_energy is None else self.interface_energy,
                truncation=1 / 3 if self.truncation is None else self.truncation,
            )
        return defects.apply(whole, planned, generator)


@dataclass(frozen=True, kw_only=True)
class RelaxationSettings:
    """The relaxation of the crystal by LAMMPS."""

    relax: Annotated[bool, _relaxation(help="Relax the crystal: LAMMPS minimises its energy.")] = False
    misfit: Annotated[
        float | None,
        _relaxation(
            metavar="STRAIN",
            help="Hold the lowest layer of atoms along the normal of --substrate, with this strain in its "
            "plane.",
        ),
    ] = None
    steps: Annotated[
        int | None,
        _relaxation(metavar="COUNT", help="Largest number of iterations. The default is 400."),
    ] = None
    potential: Annotated[
        Path | None,
        _relaxation(
            metavar="FILE",
            help="Potential of LAMMPS, .eam, .eam.alloy or .eam.fs. The default is the one that comes with "
            "LAMMPS for the element.",
        ),
    ] = None

    def __post_init__(self) -> None:
        given = [name for name in ("misfit", "steps", "potential") if getattr(self, name) is not None]
        if given and not self.relax:
            other = ", or give `defect='misfit'` instead" if "misfit" in given else ""
            belong = "belongs" if len(given) == 1 else "belong"
            raise InputError(f"{_named(given)}: {belong} to the relaxation; add `relax=True`{other}")

    def apply(self, crystal: Particle, substrate: _Triple | None, bar: Bar) -> Particle:
        """Relax a crystal, if that is set.

        Parameters
        ----------
        crystal
            The crystal.
        substrate
            Miller indices of the interface, (1, 1, 1) if None; used with a misfit only.
        bar
            Shows the progress.

        Raises
        ------
        InputError
            LAMMPS failed or is not installed, or a setting is impossible.
        """
        if not self.relax:
            return crystal
        from sayre.simulation.particles.relax import relax

        with bar("relaxing") as advance:
            return relax(
                crystal,
                substrate=None if self.misfit is None else substrate or (1, 1, 1),
                misfit=self.misfit or 0.0,
                steps=400 if self.steps is None else self.steps,
                potential=self.potential,
                progress=advance,
            )


def _named(names: list[str]) -> str:
    """Return the names of some settings as messages have them."""
    return ", ".join(f"`{name}=`" for name in names)
