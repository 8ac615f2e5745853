"""The analysis of an object, step by step: surface, corrections, dislocations, strain."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sayre.crystal.analysis.apodise import apodised
from sayre.crystal.analysis.dislocations import DislocationLine, dislocations
from sayre.crystal.analysis.edges import EdgeWidth, edge_widths
from sayre.crystal.analysis.facets import Facet, facets_of
from sayre.crystal.analysis.isosurface import Isosurface, isosurface, support_of
from sayre.crystal.analysis.refraction import corrected
from sayre.crystal.analysis.statistics import StrainStatistics, parts
from sayre.crystal.conversion import Frame, centred, to_crystal
from sayre.crystal.orthogonalise import LABORATORY
from sayre.crystal.ramp import remove_ramp
from sayre.crystal.scan import Scan
from sayre.data import Crystal
from sayre.data.option import SettingError
from sayre.errors import warn
from sayre.workflows.strain.frames import frame_of, require_whole
from sayre.workflows.strain.objects import StoredObject
from sayre.workflows.strain.settings import AnalysisSettings

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """What an object tells of its crystal.

    Attributes
    ----------
    crystal
        With displacement and strain, on the voxels that were asked for.
    surface
        The isosurface; None where the support of the file was kept.
    statistics
        Of the strain, by part: all, bulk, surface; empty where the strain is not known.
    lines
        Dislocations, their points as fractional indices of the crystal's array.
    short_lines
        Lines of vortices too short to be dislocations.
    facets
        The largest first, with the strain at each.
    edges
        How sharp the surface is along the axes and G: the resolution by direction.
    depth
        Layers of voxels that count as surface.
    """

    crystal: Crystal
    surface: Isosurface | None
    statistics: dict[str, StrainStatistics]
    lines: tuple[DislocationLine, ...]
    short_lines: int
    facets: tuple[Facet, ...] = ()
    edges: tuple[EdgeWidth, ...] = ()
    depth: int = 1

    def figure(self, title: str = "") -> Figure:
        """Draw slices, the surface with the dislocations, and the histograms."""
        from sayre.figures.strain import strain_figure

        return strain_figure(
            self.crystal,
            surface=self.surface,
            statistics=self.statistics,
            lines=self.lines,
            depth=self.depth,
            title=title,
        )


def analyse(stored: StoredObject, settings: AnalysisSettings, scan: Scan) -> Analysis:
    """Find surface and dislocations of an object, and take displacement and strain.

    Parameters
    ----------
    stored
        The object and what its file tells.
    settings
        What is done to it.
    scan
        Geometry and reflection, as far as they are known.

    Raises
    ------
    InputError
        As `sayre.crystal.conversion.to_crystal`; an object that was cropped from counts of an unknown shape;
        a correction of refraction without a geometry.

    Warns
    -----
    SayreWarning
        As `to_crystal`; parts of the object that are left out; dislocations.
    """
    frame = frame_of(stored, settings, scan)
    again = scan.voxel_size is not None or scan.frame == "sample"
    obj = stored.object
    support = stored.support if settings.keep_support else np.abs(obj) > 0
    if support is None:
        raise SettingError("keep_support", f"{stored.name} holds no support; leave it out")
    obj, _ = remove_ramp(obj, support)
    if settings.apodise == "blackman":
        obj = apodised(obj)
    surface = None
    if not settings.keep_support:
        support, surface = _surface(np.abs(obj), settings)
    require_whole(stored, settings, support, frame)
    obj, support = centred(obj, support)
    obj = _refracted(obj, support, frame, settings, scan, _turned(stored, scan))
    crystal = to_crystal(
        obj,
        support,
        scan=scan,
        frame=frame,
        counts_shape=settings.shape or stored.counts_shape,
        orthogonal=not settings.oblique and (again or not _orthogonal(stored)),
        metrics=dict(stored.metrics),
    )
    lines, short = _lines(obj, support, frame, settings, crystal)
    statistics, facets = {}, []
    if crystal.strain is not None:
        statistics = parts(crystal.strain, crystal.support, settings.surface)
        facets = facets_of(crystal, settings.surface)
    found = _metrics(surface, statistics, lines, short)
    found["facets"] = [facet.plain() for facet in facets]
    basis = np.eye(obj.ndim) if frame.basis is None else frame.basis
    edges = edge_widths(np.abs(obj), support, basis, _directions(crystal, frame, scan))
    found["edges"] = [edge.plain() for edge in edges]
    return Analysis(
        crystal=replace(crystal, metrics={**crystal.metrics, "analysis": found}),
        surface=surface,
        statistics=statistics,
        lines=tuple(lines),
        short_lines=short,
        facets=tuple(facets),
        edges=tuple(edges),
        depth=settings.surface,
    )


def _orthogonal(stored: StoredObject) -> bool:
    axes = stored.axes
    return axes is not None and bool(np.allclose(axes @ axes.T, np.eye(len(axes)), atol=1e-6))


def _turned(stored: StoredObject, scan: Scan) -> bool:
    """Whether the object is in the frame of the sample, and nothing states how that lies."""
    return stored.in_sample and (scan.geometry is None or not scan.geometry.sample)


def _surface(
    amplitude: NDArray[np.floating], settings: AnalysisSettings
) -> tuple[NDArray[np.bool_], Isosurface]:
    surface = isosurface(amplitude, settings.isosurface)
    support, others = support_of(amplitude, surface)
    if others > 0.01 * support.sum():
        warn(
            f"object: {others} voxels above the isosurface are not connected with its {int(support.sum())} "
            "voxels and are left out"
        )
    return support, surface


def _refracted(
    obj: NDArray[np.complex64],
    support: NDArray[np.bool_],
    frame: Frame,
    settings: AnalysisSettings,
    scan: Scan,
    turned: bool,
) -> NDArray[np.complex64]:
    if settings.delta is None and settings.beta is None:
        return obj
    name = "delta" if settings.delta is not None else "beta"
    if scan.geometry is None or frame.basis is None:
        raise SettingError(name, "needs the directions of beam and peak; `geometry=`")
    if turned:
        raise SettingError(name, "the object is in the frame of the sample, where the beam is not known")
    known = {"delta": settings.delta or 0.0, "beta": settings.beta or 0.0}
    return corrected(obj, support, frame.basis, scan.geometry, **known)


def _lines(
    obj: NDArray[np.complex64],
    support: NDArray[np.bool_],
    frame: Frame,
    settings: AnalysisSettings,
    crystal: Crystal,
) -> tuple[list[DislocationLine], int]:
    """Dislocations, found on the voxels as phased, their points on those of the crystal."""
    if obj.ndim != 3:
        return [], 0
    basis = np.eye(3) if frame.basis is None else frame.basis
    lines, short = dislocations(np.angle(obj), support, basis, shortest=settings.shortest)
    if crystal.axes is not None and crystal.voxel_size is not None and frame.basis is not None:
        new = np.array(crystal.voxel_size)[:, None] * crystal.axes
        turn = basis @ np.linalg.inv(new)
        middles = np.array(support.shape) // 2, np.array(crystal.shape) // 2
        lines = [replace(line, points=(line.points - middles[0]) @ turn + middles[1]) for line in lines]
    return lines, short


def _directions(crystal: Crystal, frame: Frame, scan: Scan) -> list[tuple[str, NDArray[np.float64]]]:
    """Directions of the resolution: axes of the frame, and G; array axes where the voxels are not known."""
    if frame.basis is None:
        return [(f"axis {axis}", unit) for axis, unit in enumerate(np.eye(crystal.object.ndim))]
    axes = crystal.axes if crystal.axes is not None and crystal.orthogonal else LABORATORY
    along = [] if scan.geometry is None else [("G", scan.geometry.g())]
    return [*zip(("z", "y", "x"), axes, strict=True), *along]


def _metrics(
    surface: Isosurface | None,
    statistics: dict[str, StrainStatistics],
    lines: list[DislocationLine],
    short: int,
) -> dict[str, Any]:
    """What an analysis found, as JSON can hold it."""
    return {
        "isosurface": None if surface is None else surface.threshold,
        "bulk_amplitude": None if surface is None else surface.bulk,
        "strain": {name: numbers.plain() for name, numbers in statistics.items()},
        "dislocations": [
            {
                "winding": line.winding,
                "length_nm": line.length,
                "direction": line.direction.tolist(),
                "middle": line.points.mean(axis=0).tolist(),
            }
            for line in lines
        ],
        "short_vortex_lines": short,
    }
