"""The picture of an analysis: slices, surface with dislocations, and the histograms behind the numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sayre.crystal.analysis.dislocations import DislocationLine
from sayre.crystal.analysis.isosurface import Isosurface
from sayre.crystal.analysis.statistics import StrainStatistics, surface_of
from sayre.data import Crystal
from sayre.figures.crystal import (
    MARGIN,
    axis_names,
    crystal_figure,
    cut,
    draw_slices,
    draw_surface,
    quantities,
)
from sayre.figures.filling import INK
from sayre.figures.surface import Surface

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BULK, SURFACE, LINE = "#2e8b8b", "#d1495b", "#111111"
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
    from matplotlib.figure import Figure

    if crystal.object.ndim == 2:
        return crystal_figure(crystal, title=title)
    box = ndimage.find_objects(crystal.support.astype(np.int8))[0]
    shift = MARGIN - np.array([part.start for part in box])
    points = [line.points + shift for line in lines]
    crystal = cut(crystal.numpy())
    rows = quantities(crystal)
    figure = Figure(figsize=(15.5, 2.75 * max(len(rows), 2) + 0.5), layout="constrained", facecolor="white")
    left, middle, right = np.ravel(np.asarray(figure.subfigures(1, 3, width_ratios=(1.55, 1, 0.85))))
    names, size = axis_names(crystal), crystal.voxel_size or (1.0, 1.0, 1.0)
    centre = _centre(crystal, points)
    for row in draw_slices(left, crystal, rows, centre):
        for axis, panel in enumerate(row):
            _crosses(panel, points, axis, centre[axis], [s for i, s in enumerate(size) if i != axis])
    panel, rendered = draw_surface(middle, crystal, rows[-1], names, 35, 25)
    _lines_in_view(panel, rendered, points, np.array(size), crystal.shape)
    axes = np.ravel(right.subplots(2, 1))
    if surface is None:
        axes[0].axis("off")
    else:
        _amplitudes(axes[0], surface)
    if crystal.strain is None:
        axes[1].axis("off")
    else:
        _strains(axes[1], crystal, depth, statistics or {})
    if title:
        figure.suptitle(title, fontsize=13, color=INK, x=0.01, ha="left")
    return figure


def _centre(crystal: Crystal, points: Sequence[NDArray[np.float64]]) -> list[int]:
    """The planes that are shown: through the longest dislocation, else through the middle."""
    middle = points[0].mean(axis=0) if points else ndimage.center_of_mass(crystal.support)
    return [int(np.clip(round(c), 0, n - 1)) for c, n in zip(middle, crystal.shape, strict=True)]


def _crosses(
    panel: Any, points: Sequence[NDArray[np.float64]], axis: int, plane: int, size: Sequence[float]
) -> None:
    """Where lines pass a slice, at the middles of voxels as `draw_slice` places them."""
    for line in points:
        near = line[np.abs(line[:, axis] - plane) <= NEAR]
        down, across = (near[:, i] for i in range(3) if i != axis)
        panel.plot(
            (across + 0.5) * size[1], (down + 0.5) * size[0], ls="", marker="x", ms=4, mew=1.0, color=LINE
        )


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
    middle = (surface.values.shape[0] - 1) / 2
    for line in points:
        seen = ((line - (np.array(shape) - 1) / 2) * size) @ surface.camera[:2].T / surface.pixel + middle
        panel.plot(seen[:, 0], seen[:, 1], ls="", marker=".", ms=3, color=LINE, alpha=0.8)
    panel.text(
        0.5,
        0.98,
        f"black: {len(points)} dislocation{'s' if len(points) > 1 else ''}, seen through the crystal",
        transform=panel.transAxes,
        ha="center",
        va="top",
        fontsize=9,
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
        fontsize=9,
    )
    side = "right" if surface.bulk > 0.85 else "left"
    panel.text(
        surface.bulk + (0.015 if side == "left" else -0.015),
        0.99 * top,
        f"bulk {surface.bulk:.3f}",
        color=INK,
        fontsize=9,
        ha=side,
        va="top",
    )
    panel.set_xlim(0, 1)
    panel.set_ylim(0, top)
    panel.set_xlabel("amplitude, relative to the largest")
    panel.set_ylabel("share of the scattering")
    panel.set_yticks([])
    panel.spines[["top", "right", "left"]].set_visible(False)


def _strains(panel: Any, crystal: Crystal, depth: int, statistics: Mapping[str, StrainStatistics]) -> None:
    """Histograms of the strain in bulk and surface, each of area 1."""
    assert crystal.strain is not None
    outer = surface_of(crystal.support, depth)
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
    panel.axvline(0, color=INK, lw=0.6)
    panel.legend(frameon=False, fontsize=9, loc="upper left")
    panel.set_ylim(0, 1.35 * panel.get_ylim()[1])
    panel.set_xlabel("strain (%)")
    panel.set_ylabel("share of the voxels")
    panel.set_yticks([])
    panel.spines[["top", "right", "left"]].set_visible(False)
