"""Picture of a particle and of how far relaxation moved its atoms, as Figure 4.8 of the thesis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sayre.data import Particle
from sayre.figures.style import INK, as_chart

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.figure import Figure

Vectors = NDArray[np.float64]

STYLES = ("#0072b2", "#d55e00", "#009e73")
TOP = 99.5
"""Percentile of the displacement at which the colours end."""
ARROWS = 14
"""Along the width of a picture."""


class Moved(NamedTuple):
    """Positions of atoms, their displacement by one relaxation, in Å, and the plane of the interface."""

    name: str
    positions: Vectors
    displacement: Vectors
    substrate: tuple[int, int, int]


class View(NamedTuple):
    """Two directions in the plane of a picture, that out of it, and what they are called."""

    right: Vectors
    up: Vectors
    out: Vectors
    labels: tuple[str, str]


def particle_figure(particle: Particle, surface: NDArray[np.bool_], moved: Sequence[Moved]) -> Figure:
    """Draw the particle from the side and from below, slices of its displacement, and its mean by height.

    Parameters
    ----------
    particle
        Before it is relaxed.
    surface
        Atoms of its surface, bool `(atoms,)`.
    moved
        What relaxations did to it.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 6.6), layout="constrained", facecolor="white")
    grid = figure.add_gridspec(3, len(moved) + 1, height_ratios=(1, 1.2, 1))
    normal = np.array(moved[0].substrate) / np.linalg.norm(moved[0].substrate)
    side, below = _views(normal)
    height = particle.positions @ normal
    height = height - height.min()
    layer = particle.lattice_constant
    lengths = [100 * np.linalg.norm(one.displacement, axis=1) for one in moved]
    top = max(float(np.percentile(length, TOP)) for length in lengths)
    for row, view in enumerate((side, below)):
        depth = particle.positions @ view.out
        cut = height < 0.5 * layer if row else np.abs(depth) < 0.5 * layer
        panels = [figure.add_subplot(grid[row, column]) for column in range(len(moved) + 1)]
        _surface(panels[0], particle.positions[surface], view)
        panels[0].set_title(
            "from below" if row else f"{len(particle):,} atoms", fontsize=9, loc="left", color=INK
        )
        for panel, one, length in zip(panels[1:], moved, lengths, strict=True):
            drawn = _slice(panel, one, length, cut, view, top)
            what = "its lowest layers" if row else f"relaxed, {one.name}"
            panel.set_title(what, fontsize=9, loc="left", color=INK)
        panels[0].set_ylabel(f"{view.labels[1]} (nm)", fontsize=8)
        for panel in panels:
            panel.set_xlabel(f"{view.labels[0]} (nm)", fontsize=8)
            panel.sharey(panels[0])
        bar = figure.colorbar(drawn, ax=panels, shrink=0.85, aspect=14, extend="max")
        bar.set_label("displacement (pm)", fontsize=8)
        bar.ax.tick_params(labelsize=7)
    _by_height(figure.add_subplot(grid[2, :]), height, moved, lengths)
    return figure


def _views(normal: Vectors) -> tuple[View, View]:
    """From the side, with the interface below, and onto the interface."""
    side = np.array([1.0, -1.0, 0.0])
    side = side - (side @ normal) * normal
    side /= np.linalg.norm(side)
    right = np.cross(side, normal)
    return View(right, normal, side, ("[1 1 −2]", "[1 1 1]")), View(
        right, side, -normal, ("[1 1 −2]", "[1 −1 0]")
    )


def _surface(panel: Axes, positions: Vectors, view: View) -> None:
    """Draw atoms of the surface, those in front over those behind and lighter."""
    depth = positions @ view.out
    order = np.argsort(depth)[len(depth) // 2 :]
    shown = positions[order] / 10
    _dots(panel, shown @ view.right, shown @ view.up, depth[order], "cividis", len(positions) / 2)


def _slice(
    panel: Axes, one: Moved, length: Vectors, cut: NDArray[np.bool_], view: View, top: float
) -> PathCollection:
    """Draw the displacement of the atoms of a slice, its direction in it by arrows."""
    x, y = one.positions[cut] @ view.right / 10, one.positions[cut] @ view.up / 10
    drawn = _dots(panel, x, y, length[cut], "viridis", int(cut.sum()))
    drawn.set_clim(0, top)
    spacing = np.ptp(x) / ARROWS
    cells = np.unique(np.stack([x // spacing, y // spacing]), axis=1, return_index=True)[1]
    u, v = one.displacement[cut] @ view.right, one.displacement[cut] @ view.up
    panel.quiver(x[cells], y[cells], u[cells], v[cells], color="white", scale=6 * top / 100, width=0.006)
    return drawn


def _dots(panel: Axes, x: Vectors, y: Vectors, values: Vectors, colours: str, atoms: float) -> PathCollection:
    """Draw atoms as dots that touch about, in nm."""
    size = 12_000 / max(atoms, 1)
    drawn = panel.scatter(x, y, c=values, cmap=colours, s=size, lw=0, rasterized=True)
    panel.set_aspect("equal")
    panel.tick_params(labelsize=7)
    panel.set_facecolor("#eeeeee")
    return drawn


def _by_height(panel: Axes, height: Vectors, moved: Sequence[Moved], lengths: Sequence[Vectors]) -> None:
    """Draw the mean and the largest displacement of every layer of atoms against its height."""
    layer = np.round(height, 3)
    levels, which = np.unique(layer, return_inverse=True)
    for one, length, colour in zip(moved, lengths, STYLES, strict=False):
        mean = np.bincount(which, length) / np.bincount(which)
        most = np.zeros(len(levels))
        np.maximum.at(most, which, length)
        panel.plot(
            levels / 10, mean, "o-", color=colour, lw=1.2, ms=2.5, label=f"{one.name}, mean of the layer"
        )
        panel.plot(levels / 10, most, "--", color=colour, lw=1.0, label=f"{one.name}, largest in the layer")
    panel.set_xlabel("height above the interface (nm)", fontsize=8)
    panel.set_ylabel("displacement (pm)", fontsize=8)
    panel.set_ylim(0, 1.4 * max(float(length.max()) for length in lengths))
    panel.legend(fontsize=7, frameon=False, ncols=2, loc="upper right")
    as_chart(panel)
