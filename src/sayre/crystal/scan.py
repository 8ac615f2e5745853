"""What is known of a measurement beside its counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from sayre.crystal.geometry import Geometry
from sayre.crystal.geometry_file import load_geometry
from sayre.data.option import Option, SettingError, check_settings
from sayre.data.plausible import require_plausible

_PANEL = "What is known of the scan"


@dataclass(frozen=True, kw_only=True)
class Scan:
    """What is known of a measurement beside its counts; None is unknown.

    Attributes
    ----------
    geometry
        Gives the voxels, the laboratory frame, |G| and its direction.
    hkl, lattice_constant
        Cubic reflection, lattice constant in Å: gives |G| without a geometry, checks it with one.
    along
        Array axis that G is along, without a geometry.
    voxel_size
        nm, of the cubes of the laboratory frame; by default the shortest side of the oblique voxels.

    Raises
    ------
    SettingError
        A value out of range, or two that contradict each other.
    """

    geometry: Annotated[
        Geometry | None,
        Option(
            help="TOML file of the geometry, for the laboratory frame; docs/physics.md has an example.",
            metavar="FILE",
            panel=_PANEL,
            read=load_geometry,
        ),
    ] = None
    hkl: Annotated[
        tuple[int, int, int] | None,
        Option(
            help="Reflection: 1 1 1, or 1,1,1.",
            metavar="H K L",
            whole=True,
            least=-100,
            most=100,
            panel=_PANEL,
        ),
    ] = None
    lattice_constant: Annotated[
        float | None,
        Option(help="Lattice constant of a cubic crystal in Å.", above=0, metavar="Å", panel=_PANEL),
    ] = None
    along: Annotated[
        int | None,
        Option(
            help="Array axis along G, without a geometry, where the file states its steps in q.",
            least=0,
            most=2,
            whole=True,
            panel=_PANEL,
        ),
    ] = None
    voxel_size: Annotated[
        float | None,
        Option(help="Side of the cubes of the laboratory frame in nm.", above=0, metavar="NM", panel=_PANEL),
    ] = None

    def __post_init__(self) -> None:
        check_settings(self)
        if self.hkl is not None and not any(self.hkl):
            raise SettingError("hkl", "0 0 0 is the direct beam, no reflection")
        if self.voxel_size is not None and self.geometry is None:
            raise SettingError("voxel_size", "belongs to the laboratory frame; add a geometry")
        for name in ("voxel_size", "lattice_constant"):
            if getattr(self, name) is not None:
                require_plausible("scan", name.replace("_", " "), getattr(self, name))
        if self.along is not None and self.geometry is not None:
            raise SettingError("along", "the geometry states where G points; leave one of them out")

    def binned(self, binning: tuple[int, int, int]) -> Scan:
        """Return what is known of the scan whose voxels are summed, `binning` of them along each axis."""
        if self.geometry is None:
            return self
        before = self.geometry.binning
        total = (before[0] * binning[0], before[1] * binning[1], before[2] * binning[2])
        return replace(self, geometry=replace(self.geometry, binning=total))
