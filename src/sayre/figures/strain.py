"""The picture of an analysis: slices, surface with dislocations, and the histograms behind the numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sayre.crystal.analysis.dislocations import DislocationLine
from sayre.crystal.analysis.isosurface import Isosurface
from sayre.crystal.analysis.statistics import StrainStatistics
from sayre.crystal.analysis.statistics import surface_of as outermost
from sayre.data import Crystal
from sayre.figures.crystal import (
    HEAD,
    MARGIN,
    crystal_figure,
    crystal_sheet,
    cut,
    empty_figure,
    middle_of,
    require_support,
)
from sayre.figures.drawn import PIXELS, place_sheet
from sayre.figures.quantities import axis_names, quantities
from sayre.figures.sheet import BOTTOM, RIGHT, TOP, UNDER, Box, arranged
from sayre.figures.style import INK
from sayre.figures.surface import Surface
from sayre.figures.views import draw_surface, extent_of, surface_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BULK, SURFACE, LINE = "#2e8b8b", "#d1495b", "#111111"
LEAST = 240.0
"""Pixels of the surface and of each histogram, at least."""
NEAR = 0.75
"""Voxels from a slice within which the points of a line are drawn in it."""


def strain_figure(
    crystal: Crystal,
    *,
    surface: Isosurface | None = None,
    statistics: Mapping[str, StrainStatistics] | None = None,
    lines: Sequence[DislocationLine] = (),
    depth: int = 1,
    title: str = "",
) -> Figure:
    """Draw central slices, the surface, and histograms of amplitude and strain.

    Points of dislocations are crosses in the slices that they pass; over the surface they are seen through
    the crystal. Of a 2D crystal its slices alone are drawn.

    Parameters
    ----------
    crystal
        2D or 3D.
    surface
        The isosurface, for the histogram of the amplitudes.
    statistics
        Of the strain, by part, for the numbers beside its histogram.
    lines
        Dislocations, their points as fractional indices of the array.
    depth
        Layers of voxels that are the surface.
    title
        Written above.
    """
    if crystal.object.ndim == 2:
        return crystal_figure(crystal, title=title)
    box = ndimage.find_objects(require_support(crystal).support.astype(np.int8))[0]
    shift = MARGIN - np.array([part.start for part in box])
    points = [line.points + shift for line in lines]
    crystal = cut(crystal.numpy())
    rows = quantities(crystal)
    centre = _centre(crystal, points)
    sheet = crystal_sheet(crystal, rows, centre)
    found, top = arranged(sheet), HEAD if title else 8.0
    view = surface_of(crystal, rows[-1], 35, 25)
    side = extent_of(view)
    wide = max(side * found.scale, LEAST)
    right = found.width + wide + RIGHT
    figure = empty_figure(right + 40, max(found.height, wide + UNDER + LEAST), title)
    for panel, (axis, at) in zip(
        place_sheet(figure, sheet, Box(0, top, found.width, found.height)),
        [(axis, centre[axis]) for _ in rows for axis in range(3)],
        strict=True,
    ):
        _crosses(panel, crystal, points, axis, at)
    place = Box(found.width, top + TOP, wide, wide)
    panel = draw_surface(figure, view, rows[-1], place, wide / found.scale, axis_names(crystal))
    oblique = "" if crystal.orthogonal else " (oblique axes, drawn at right angles)"
    panel.set_title(f"surface: {rows[-1].label}{oblique}", fontsize=8, color=INK, loc="left")
    _lines_in_view(panel, view, points, np.array(crystal.voxel_size or (1.0,) * 3), crystal.shape)
    below = Box(found.width + 36, top + TOP + wide + UNDER, wide + RIGHT - 60, found.height)
    _histograms(figure, below, crystal, surface, depth, statistics or {})
    return figure


def _histograms(
    figure: Any,
    where: Box,
    crystal: Crystal,
    surface: Isosurface | None,
    depth: int,
    statistics: Mapping[str, StrainStatistics],
) -> None:
    """Histograms of amplitude and strain, as far as they are known, in the lower part of a column."""
    wide, high = (PIXELS * float(length) for length in figure.get_size_inches())
    free = high - where.y - BOTTOM
    known = [surface is not None, crystal.strain is not None]
    tall = (free - UNDER * (sum(known) - 1)) / max(sum(known), 1)
    for place, draws in enumerate(
        [draw for draw, is_known in zip(("amplitude", "strain"), known, strict=True) if is_known]
    ):
        y = where.y + place * (tall + UNDER)
        panel = figure.add_axes((where.x / wide, 1 - (y + tall) / high, where.width / wide, tall / high))
        if draws == "strain":
            _strains(panel, crystal, depth, statistics)
        elif surface is not None:
            _amplitudes(panel, surface)


def _centre(crystal: Crystal, points: Sequence[NDArray[np.float64]]) -> list[int]:
    """The planes that are shown: through the longest dislocation, else through the middle."""
    if not points:
        return middle_of(crystal)
    return [
        int(np.clip(round(c), 0, n - 1)) for c, n in zip(points[0].mean(axis=0), crystal.shape, strict=True)
    ]


def _crosses(
    panel: Any, crystal: Crystal, points: Sequence[NDArray[np.float64]], axis: int, plane: int
) -> None:
    """Where lines pass a slice, in its coordinates."""
    size = np.array(crystal.voxel_size or (1.0,) * 3)
    middle = np.array(crystal.shape) // 2
    for line in points:
        near = (line[np.abs(line[:, axis] - plane) <= NEAR] - middle) * size
        down, across = (near[:, i] for i in range(3) if i != axis)
        panel.plot(across, down, ls="", marker="x", ms=4, mew=1.0, color=LINE)


def _lines_in_view(
    panel: Any,
    surface: Surface,
    points: Sequence[NDArray[np.float64]],
    size: NDArray[np.float64],
    shape: tuple[int, ...],
) -> None:
    """Dislocations as the camera sees them, through the crystal."""
    if not points:
        return
    for line in points:
        seen = ((line - (np.array(shape) - 1) / 2) * size) @ surface.camera[:2].T
        panel.plot(seen[:, 0], seen[:, 1], ls="", marker=".", ms=3, color=LINE, alpha=0.8)
    panel.text(
        0.5,
        0.98,
        f"black: {len(points)} dislocation{'s' if len(points) > 1 else ''}, seen through the crystal",
        transform=panel.transAxes,
        ha="center",
        va="top",
        fontsize=8,
        color=INK,
    )


def _amplitudes(panel: Any, surface: Isosurface) -> None:
    """The histogram of the amplitudes, and where it puts the surface."""
    panel.fill_between(surface.centres, surface.density, color=BULK, alpha=0.35, lw=0)
    panel.plot(surface.centres, surface.density, color=BULK, lw=1.2)
    panel.axvline(surface.threshold, color=SURFACE, lw=1.5)
    panel.axvline(surface.bulk, color=INK, lw=0.8, ls=":")
    top = panel.get_ylim()[1]
    chosen = ", half of the bulk's" if surface.chosen else ", as stated"
    panel.text(
        surface.threshold - 0.015,
        0.97 * top,
        f"isosurface {surface.threshold:.3f}{chosen}",
        color=SURFACE,
        rotation=90,
        ha="right",
        va="top",
        fontsize=8,
    )
    side = "right" if surface.bulk > 0.85 else "left"
    panel.text(
        surface.bulk + (0.015 if side == "left" else -0.015),
        0.99 * top,
        f"bulk {surface.bulk:.3f}",
        color=INK,
        fontsize=8,
        ha=side,
        va="top",
    )
    panel.set_xlim(0, 1)
    panel.set_ylim(0, top)
    panel.set_xlabel("amplitude, relative to the largest", fontsize=8)
    panel.set_ylabel("share of the scattering", fontsize=8)
    panel.tick_params(labelsize=7)
    panel.set_yticks([])
    panel.spines[["top", "right", "left"]].set_visible(False)


def _strains(panel: Any, crystal: Crystal, depth: int, statistics: Mapping[str, StrainStatistics]) -> None:
    """Histograms of the strain in bulk and surface, each of area 1."""
    assert crystal.strain is not None
    outer = outermost(crystal.support, depth)
    percent = 100 * crystal.strain
    known = percent[np.isfinite(percent)]
    reach = float(np.percentile(np.abs(known), 99)) if known.size else 1.0
    bins = np.linspace(-reach, reach, 80)
    parts = (("bulk", crystal.support & ~outer, BULK), ("surface", outer, SURFACE))
    for name, where, colour in parts:
        values = percent[where & np.isfinite(percent)]
        if not values.size:
            continue
        label = name
        if name in statistics:
            label = f"{name}: {100 * statistics[name].mean:+.4f} ± {100 * statistics[name].std:.4f} %"
        panel.hist(values, bins, density=True, histtype="step", color=colour, lw=1.4, label=label)
    panel.axvline(0, ymax=0.8, color=INK, lw=0.6)  # below the legend
    panel.legend(frameon=False, fontsize=8, loc="upper left")
    panel.set_ylim(0, 1.35 * panel.get_ylim()[1])
    panel.set_xlabel("strain (%)", fontsize=8)
    panel.set_ylabel("share of the voxels", fontsize=8)
    panel.locator_params(axis="x", nbins=5)
    panel.tick_params(labelsize=7)
    panel.set_yticks([])
    panel.spines[["top", "right", "left"]].set_visible(False)
