"""Options of `sayre simulate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def _option(panel: str, *flags: str, **settings: Any) -> Any:
    return typer.Option(*flags, rich_help_panel=panel, **settings)


_CRYSTAL, _RELAXATION, _SCATTERING, _DETECTOR = "Crystal", "Relaxation", "Scattering", "Detector"

Output = Annotated[Path, typer.Argument(metavar="OUT", help=".npz, .cxi or .h5")]

Shape = Annotated[
    str | None,
    _option(
        _CRYSTAL,
        help="wulff winterbottom random, cube octahedron tetrahedron and these truncated-; default wulff.",
    ),
]
Element = Annotated[
    str | None, _option(_CRYSTAL, help="Ag Al Au Cu Ni Pd Pt, Fe W; default Au, or the file's.")
]
Atoms = Annotated[int | None, _option(_CRYSTAL, help="About how many; default 134000.")]
Diameter = Annotated[
    float | None, _option(_CRYSTAL, help="Instead of --atoms: that of the sphere of equal volume, nm.")
]
Truncation = Annotated[float, _option(_CRYSTAL, help="Share of an edge cut off at either end, to 0.5.")]
Energy100 = Annotated[float, _option(_CRYSTAL, "--energy-100", help="Surface energy of {100} over {111}.")]
Energy110 = Annotated[float | None, _option(_CRYSTAL, "--energy-110", help="Of {110}; none by default.")]
Substrate = Annotated[tuple[int, int, int], _option(_CRYSTAL, help="Plane of the interface.")]
InterfaceEnergy = Annotated[float, _option(_CRYSTAL, help="Of a Winterbottom shape, over {111}.")]
Defects = Annotated[
    list[str] | None,
    _option(
        _CRYSTAL,
        "--defect",
        help="screw edge mixed twin stacking-fault bubble hole misfit; settings as in "
        "screw:line=1,1,0 or bubble:radius=2; what is left open is drawn. Repeatable.",
    ),
]
ParticleFile = Annotated[
    Path | None, _option(_CRYSTAL, "--particle", help="Atoms from a file instead: .xyz, or .data of LAMMPS.")
]
SaveParticle = Annotated[Path | None, _option(_CRYSTAL, help="Write the atoms: .xyz or .data.")]

Relax = Annotated[bool, _option(_RELAXATION, "--relax", help="Minimise the energy by LAMMPS.")]
Misfit = Annotated[
    float | None, _option(_RELAXATION, help="Hold the lowest layer on the substrate, so strained.")
]
Steps = Annotated[int, _option(_RELAXATION, help="Most iterations.")]
Potential = Annotated[Path | None, _option(_RELAXATION, help=".eam, .eam.alloy or .eam.fs of LAMMPS.")]

Hkl = Annotated[tuple[int, int, int], _option(_SCATTERING, help="Reflection.")]
Forbidden = Annotated[
    bool, _option(_SCATTERING, "--forbidden", help="Take a reflection the lattice forbids.")
]
FormFactors = Annotated[
    bool, _option(_SCATTERING, "--form-factors", help="Scatter with atomic form factors.")
]
ShapePx = Annotated[int, _option(_SCATTERING, help="Voxels a side.")]
Oversampling = Annotated[float, _option(_SCATTERING, help="Oversampling ratio.")]
PhaseRange = Annotated[float, _option(_SCATTERING, help="Range of a smooth random phase G·u, rad.")]
Rotate = Annotated[str, _option(_SCATTERING, help="none or random")]
Blur = Annotated[float, _option(_SCATTERING, help="Standard deviation of a Gaussian point spread, voxels.")]
Coherence = Annotated[
    tuple[float, float, float] | None,
    _option(
        _SCATTERING,
        metavar="FWHM FWHM FWHM",
        help="Instead of --blur: width of each axis, full at half maximum, voxels.",
    ),
]
Lorentzian = Annotated[
    float, _option(_SCATTERING, help="Its Lorentzian weight: 0, a Gaussian, to 1; pseudo-Voigt between.")
]
Rocking = Annotated[
    float, _option(_SCATTERING, metavar="FWHM", help="Width of the rocking curve along axis 0, voxels.")
]

MaxCounts = Annotated[
    float | None, _option(_DETECTOR, help="Expected counts in the brightest voxel; default 1e6.")
]
TotalCounts = Annotated[float | None, _option(_DETECTOR, help="Instead: expected counts in all.")]
Background = Annotated[float, _option(_DETECTOR, help="Counts a voxel.")]
DetectorName = Annotated[
    str | None,
    _option(
        _DETECTOR, "--detector", metavar="NAME", help="Whose module gaps are masked: maxipix, eiger2-4m …"
    ),
]
Corner = Annotated[
    tuple[int, int] | None,
    _option(
        _DETECTOR,
        metavar="ROW COLUMN",
        help="Where on detector and flat field the frames begin; drawn by default, so that a gap is seen.",
    ),
]
Flat = Annotated[
    Path | None, _option(_DETECTOR, help="White field: multiplies the counts; its bad pixels are masked.")
]
Saturation = Annotated[
    float | None, _option(_DETECTOR, help="Counts a voxel holds; those above are clipped and masked.")
]

Seed = Annotated[int, typer.Option(help="The same seed gives the same file.")]
Force = Annotated[bool, typer.Option("--force", help="Overwrite OUT.")]
