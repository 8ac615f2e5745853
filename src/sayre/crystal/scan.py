"""What is known of a measurement beside its counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from sayre.crystal.geometry import Geometry
from sayre.crystal.geometry_file import read_geometry, stated_in
from sayre.crystal.stated import StatedGeometry
from sayre.data import AnyPattern
from sayre.data.option import Option, SettingError, check_settings
from sayre.data.plausible import require_plausible
from sayre.errors import note, warn

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
    frame
        Of the cubes: the laboratory, or the sample frame, which is turned back by the circles of the sample.
    partial
        A geometry in part, which the file of the counts completes; `geometry` may be given one too.

    Raises
    ------
    SettingError
        A value out of range, or two that contradict each other.
    """

    geometry: Annotated[
        Geometry | None,
        Option(
            help="TOML file of the geometry, for the laboratory frame; docs/physics.md has an example. What "
            "the file of the counts states may be left out.",
            metavar="FILE",
            panel=_PANEL,
            read=read_geometry,
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
    frame: Annotated[
        str,
        Option(
            help="Axes of the cubes: those of the laboratory, or of the sample, turned back by its circles.",
            choices=("laboratory", "sample"),
            metavar="laboratory|sample",
            panel=_PANEL,
        ),
    ] = "laboratory"
    partial: StatedGeometry | None = None

    def __post_init__(self) -> None:
        given: object = self.geometry
        if isinstance(given, StatedGeometry):  # of a TOML file that leaves something out
            object.__setattr__(self, "partial", given)
            object.__setattr__(self, "geometry", None)
        check_settings(self)
        if self.hkl is not None and not any(self.hkl):
            raise SettingError("hkl", "0 0 0 is the direct beam, no reflection")
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


def with_stated(scan: Scan, pattern: AnyPattern) -> Scan:
    """Return the scan with the geometry that the file of the counts states, as far as none was given.

    Parameters
    ----------
    scan
        What the user knows; what it states of the geometry is taken where the file states otherwise.
    pattern
        Counts, whose file may state a geometry, whole or in part.

    Raises
    ------
    InputError
        A geometry in part that the file does not complete; a value in the file that cannot be taken, without
        one from the user.

    Warns
    -----
    SayreWarning
        What the geometry of the file is, what it lacks, and what of it the user states otherwise.
    """
    _say_misfit(scan, pattern)
    text, name = pattern.meta.geometry, pattern.name
    if text is None or len(pattern.shape) != 3:
        known = {key: getattr(pattern.meta, key) for key in ("energy", "distance", "pixel_size")}
        below = StatedGeometry(values={key: value for key, value in known.items() if value is not None})
        return scan if scan.partial is None else _located(scan, scan.partial.over(below), pattern)
    stated = stated_in(text, name)
    given = scan.partial or (None if scan.geometry is None else StatedGeometry.of(scan.geometry))
    different = [] if given is None else given.differences(stated)
    if different:
        warn(
            f"geometry: {name} states otherwise: {'; '.join(different)}; the geometry is used, check which "
            "is right"
        )
    if scan.geometry is not None:
        return scan
    together = stated if given is None else given.over(stated)
    if together.missing and given is None and not set(together.missing) & set(together.refused):
        lacking = " and no ".join(together.missing)
        warn(f"{name}: states no {lacking}, so its geometry is not known; `geometry=`")
        return scan
    found = _located(scan, together, pattern)
    if given is None:
        note(f"{name}: geometry as the file states it: {together.in_words()}")
    return found


def _say_misfit(scan: Scan, pattern: AnyPattern) -> None:
    """Warn of counts that are no part of those whose shape the geometry states."""
    given = scan.partial.values.get("shape") if scan.partial is not None else None
    stated = given if scan.geometry is None else scan.geometry.shape
    shape, meta = pattern.shape, pattern.meta
    if stated is None or len(shape) != 3:
        return
    starts, factors = meta.origin or (0, 0, 0), meta.binning or (1, 1, 1)
    ends = [start + n * factor for start, n, factor in zip(starts, shape, factors, strict=True)]
    if any(end > n for end, n in zip(ends, stated, strict=True)):
        found, wanted = (" × ".join(map(str, sizes)) for sizes in (ends, stated))
        warn(
            f"{pattern.name}: {found} frames, rows and columns are no part of the {wanted} that the geometry "
            "states: is their order another (`axes=`), or the scan?"
        )


def _located(scan: Scan, stated: StatedGeometry, pattern: AnyPattern) -> Scan:
    """The scan with a geometry; that of a file is of voxels before they were summed."""
    where = stated.sources.get(next(iter(stated.values), ""), pattern.name)
    found = replace(scan, geometry=stated.complete(where), partial=None)
    summed = pattern.meta.binning
    return found if summed is None or len(summed) != 3 else found.binned((summed[0], summed[1], summed[2]))
