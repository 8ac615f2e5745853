"""Settings of a simulated peak: crystal, relaxation, scattering, detector, and what each makes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from sayre.data.option import Option
from sayre.errors import InputError
from sayre.workflows.progress import Bar

if TYPE_CHECKING:
    import numpy as np

    from sayre.data import Particle
    from sayre.simulation.detector import Readout
    from sayre.simulation.scattering.coherence import PointSpread

_Triple = tuple[int, int, int]
_Widths = tuple[float, float, float]


_crystal, _relaxation = partial(Option, panel="Crystal"), partial(Option, panel="Relaxation")
_scattering, _detector = partial(Option, panel="Scattering"), partial(Option, panel="Detector")

_FACETED, _CUT = ("wulff", "winterbottom"), ("winterbottom",)
_TRUNCATED = ("truncated-cube", "truncated-octahedron", "truncated-tetrahedron")
_SHAPES_OF = {
    "truncation": _TRUNCATED,
    "energy_100": _FACETED,
    "energy_110": _FACETED,
    "interface_energy": _CUT,
}
"""Options that only some shapes take."""


@dataclass(frozen=True, kw_only=True)
class CrystalSettings:
    """What to cut, or the file to read, and the defects in it."""

    shape: Annotated[
        str | None,
        _crystal(
            help="wulff winterbottom random, cube octahedron tetrahedron and these truncated-; default wulff."
        ),
    ] = None
    element: Annotated[
        str | None, _crystal(help="Ag Al Au Cu Ni Pd Pt, Fe W; default Au, or the file's.")
    ] = None
    atoms: Annotated[int | None, _crystal(help="About how many; default 134000.")] = None
    diameter: Annotated[
        float | None, _crystal(help="Instead of --atoms: that of the sphere of equal volume, nm.")
    ] = None
    truncation: Annotated[
        float | None,
        _crystal(help="Share of an edge cut off at either end, to 0.5; default 1/3. Of truncated- shapes."),
    ] = None
    energy_100: Annotated[
        float | None,
        _crystal(help="Surface energy of {100} over {111}; default 1.15."),
    ] = None
    energy_110: Annotated[float | None, _crystal(help="Of {110}; none by default.")] = None
    substrate: Annotated[_Triple | None, _crystal(help="Plane of the interface; default 1 1 1.")] = None
    interface_energy: Annotated[
        float | None, _crystal(help="Of a Winterbottom shape, over {111}; default 0.4.")
    ] = None
    defect: Annotated[
        list[str] | None,
        _crystal(
            metavar="KIND[:KEY=VALUE]",
            help="screw edge mixed twin stacking-fault bubble hole misfit; settings as in "
            "screw:line=1,1,0 or bubble:radius=2; what is left open is drawn. Repeatable.",
        ),
    ] = None
    particle: Annotated[
        Path | None, _crystal(help="Atoms from a file instead: .xyz, or .data of LAMMPS.")
    ] = None
    save_particle: Annotated[Path | None, _crystal(help="Write the atoms: .xyz or .data.")] = None

    def __post_init__(self) -> None:
        if self.particle is not None:
            shaping = ("shape", "atoms", "diameter", *_SHAPES_OF)
            given = [name for name in shaping if getattr(self, name) is not None]
            if given:
                raise InputError(f"--particle: the atoms are in the file; drop {_flags(given)}")
            return
        for name, shapes in _SHAPES_OF.items():
            if getattr(self, name) is not None and (self.shape or "wulff") not in shapes:
                raise InputError(
                    f"{_flags([name])}: a {self.shape or 'wulff'} has none; it goes with {', '.join(shapes)}"
                )

    def build(self, generator: np.random.Generator) -> Particle:
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
    """Whether and how LAMMPS relaxes it."""

    relax: Annotated[bool, _relaxation(help="Minimise the energy by LAMMPS.")] = False
    misfit: Annotated[
        float | None, _relaxation(help="Hold the lowest layer along --substrate, so strained.")
    ] = None
    steps: Annotated[int | None, _relaxation(help="Most iterations; default 400.")] = None
    potential: Annotated[Path | None, _relaxation(help=".eam, .eam.alloy or .eam.fs of LAMMPS.")] = None

    def __post_init__(self) -> None:
        given = [name for name in ("misfit", "steps", "potential") if getattr(self, name) is not None]
        if given and not self.relax:
            other = ", or --defect misfit" if "misfit" in given else ""
            raise InputError(f"{_flags(given)}: of the relaxation; add --relax{other}")

    def apply(self, crystal: Particle, substrate: _Triple | None, bar: Bar) -> Particle:
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


@dataclass(frozen=True, kw_only=True)
class ScatteringSettings:
    """Where in reciprocal space, how finely, and how sharp."""

    hkl: Annotated[_Triple, _scattering(help="Reflection.")] = (1, 1, 1)
    forbidden: Annotated[bool, _scattering(help="Take a reflection the lattice forbids.")] = False
    form_factors: Annotated[bool, _scattering(help="Scatter with atomic form factors.")] = False
    shape_px: Annotated[int, _scattering(help="Voxels a side.")] = 128
    oversampling: Annotated[float, _scattering(help="Oversampling ratio.")] = 3.0
    phase_range: Annotated[float, _scattering(help="Range of a smooth random phase G·u, rad.")] = 0.0
    rotate: Annotated[str, _scattering(help="none or random")] = "none"
    blur: Annotated[
        float | None, _scattering(help="Standard deviation of a Gaussian point spread, voxels.")
    ] = None
    coherence: Annotated[
        _Widths | None,
        _scattering(
            metavar="FWHM FWHM FWHM",
            help="Instead of --blur: width of each axis, full at half maximum, voxels.",
        ),
    ] = None
    lorentzian: Annotated[
        float, _scattering(help="Its Lorentzian weight: 0, a Gaussian, to 1; pseudo-Voigt between.")
    ] = 0.0
    rocking: Annotated[
        float, _scattering(metavar="FWHM", help="Width of the rocking curve along axis 0, voxels.")
    ] = 0.0

    def __post_init__(self) -> None:
        if self.rotate not in ("none", "random"):
            raise InputError(f"--rotate: {self.rotate!r} is not known; none or random")
        if self.coherence is not None and self.blur is not None:
            raise InputError("--blur, --coherence: are both the width of the point spread; give one")
        if self.coherence is None and self.lorentzian:
            raise InputError("--lorentzian: is a share of the point spread; give its widths by --coherence")

    def spread(self) -> PointSpread:
        from sayre.simulation.scattering.coherence import FWHM, PointSpread

        if self.blur is not None and not 0 <= self.blur < math.inf:
            raise InputError(f"--blur: must be 0 or more voxels, found {self.blur}")
        widths = self.coherence or (FWHM * (self.blur or 0.0),) * 3
        return PointSpread(fwhm=widths, lorentzian=self.lorentzian, rocking=self.rocking)

    def check_memory(self) -> None:
        """Before anything is cut or relaxed: what the voxels take."""
        from sayre.simulation.scattering.scatter import require_memory

        first, second, third = (self.shape_px + 2 * margin for margin in self.spread().margin)
        require_memory(0, (first, second, third))


@dataclass(frozen=True, kw_only=True)
class DetectorSettings:
    """How many photons, and what a detector makes of them."""

    max_counts: Annotated[
        float | None, _detector(help="Expected counts in the brightest voxel; default 1e6.")
    ] = None
    total_counts: Annotated[float | None, _detector(help="Instead: expected counts in all.")] = None
    background: Annotated[float, _detector(help="Counts a voxel.")] = 0.0
    detector: Annotated[
        str | None,
        _detector(metavar="NAME", help="Whose module gaps are masked: maxipix, eiger2-4m …"),
    ] = None
    corner: Annotated[
        tuple[int, int] | None,
        _detector(
            metavar="ROW COLUMN",
            help="Where on detector and flat field frames begin; drawn by default, so that a gap is seen.",
        ),
    ] = None
    flat: Annotated[
        Path | None, _detector(help="White field: multiplies the counts; its bad pixels are masked.")
    ] = None
    saturation: Annotated[
        float | None, _detector(help="Counts a voxel holds; those above are clipped and masked.")
    ] = None

    def __post_init__(self) -> None:
        if self.corner is not None and self.detector is None and self.flat is None:
            raise InputError("--corner: there is nothing to place; add --detector or --flat")

    def readout(self, frame: tuple[int, int], seed: int) -> Readout:
        """A detector with gaps, a flat field, or both at the same place.

        The place has random numbers of its own, so that a detector changes neither crystal nor photons.
        """
        import numpy as np

        from sayre.detectors import detector
        from sayre.simulation.detector import Readout, gap_region, region, white_field

        generator = np.random.default_rng((seed, 1))
        known = None if self.detector is None else detector(self.detector)
        mask, response, where = None, None, None
        if known is not None:
            where = gap_region(known.name, frame, corner=self.corner, generator=generator)
            mask = known.mask()[where]
        if self.flat is not None:
            pixels, bad = white_field(self.flat)
            whole = (bad.shape[0], bad.shape[1])
            if known is not None and known.shape != whole:
                raise InputError(
                    f"--flat: {self.flat} has {whole[0]}×{whole[1]} pixels, {known.name} {known.shape[0]}×"
                    f"{known.shape[1]}; a white field of that detector would do"
                )
            where = where or region(f"--flat {self.flat}", whole, frame, self.corner, generator)
            response, mask = pixels[where], bad[where] if mask is None else mask | bad[where]
        neither = self.max_counts is None and self.total_counts is None
        return Readout(
            max_counts=1e6 if neither else self.max_counts,
            total_counts=self.total_counts,
            background=self.background,
            saturation=self.saturation,
            flat=response,
            mask=mask,
            detector=None if known is None else known.name,
        )


def _flags(names: list[str]) -> str:
    return ", ".join("--" + name.replace("_", "-") for name in names)
