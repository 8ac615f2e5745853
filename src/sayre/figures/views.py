"""Views of the surface of a crystal: rendered, and drawn with a colour bar and the directions of the axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sayre.data import Crystal
from sayre.figures.drawn import PIXELS, colour_bar
from sayre.figures.quantities import Quantity, in_laboratory
from sayre.figures.sheet import Box
from sayre.figures.style import INK
from sayre.figures.surface import Surface, render

PIXELS_OF_SURFACE, FINE = 380, 110
"""Sides of an image of the surface, and voxels a side of the array that it is made of, at most."""

HALF_TRIAD = 1.6
"""From the middle to the rim of the 90 pixels that the arrows of the axes, of length 1, are drawn in."""
LETTER = (0.23, 0.42)
"""Width and height of a letter of their names, in the same unit."""


def surface_of(crystal: Crystal, quantity: Quantity, azimuth: float, elevation: float) -> Surface:
    """Render the surface; the field is read just below it.

    Parameters
    ----------
    crystal
        3D, with a margin around its support.
    quantity
        What colours it.
    azimuth, elevation
        Of the viewer, degrees.
    """
    thin = -(-max(crystal.shape) // FINE)
    part = (slice(None, None, thin),) * 3
    seen = render(
        crystal.amplitude[part],
        crystal.support[part],
        quantity.values[part],
        tuple(thin * size for size in crystal.voxel_size or (1.0, 1.0, 1.0)),
        azimuth=azimuth,
        elevation=elevation,
        pixels=PIXELS_OF_SURFACE,
    )
    return seen if in_laboratory(crystal) else seen.upside_down()  # rows go down, as in the slices


def extent_of(surface: Surface) -> float:
    """The longer side of what is drawn of a surface, in the unit of the voxels, with a border."""
    drawn = np.isfinite(surface.values)
    sides = [np.ptp(np.flatnonzero(drawn.any(axis))) + 1 if drawn.any() else 1 for axis in (0, 1)]
    return 1.16 * float(max(sides)) * surface.pixel


def draw_surface(
    figure: Any,
    surface: Surface,
    quantity: Quantity,
    where: Box,
    side: float,
    names: Sequence[str],
    *,
    barred: bool = True,
) -> Any:
    """Draw a lit surface with a colour bar and the directions of the axes; return its axes.

    Parameters
    ----------
    figure
        To draw on, of `sayre.figures.drawn.PIXELS` pixels an inch.
    surface
        From `surface_of`.
    quantity
        That colours it.
    where
        Its place, pixels from the upper left corner.
    side
        Of what is seen, in the unit of the voxels.
    names
        Of the array axes.
    barred
        Whether it has a colour bar of its own.
    """
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    wide, high = (PIXELS * float(length) for length in figure.get_size_inches())
    low = 1 - (where.y + where.height) / high
    panel = figure.add_axes((where.x / wide, low, where.width / wide, where.height / high))
    colours = quantity.colours
    norm, drawn = Normalize(colours.low, colours.high), np.isfinite(surface.values)
    shown = colormaps[colours.cmap](np.clip(norm(np.nan_to_num(surface.values)), 0, 1))
    shown[..., :3] *= np.clip(surface.light, 0, 1)[..., None]
    shown[..., 3] = drawn
    half = surface.values.shape[0] * surface.pixel / 2
    panel.imshow(shown, origin="lower", interpolation="antialiased", extent=(-half, half, -half, half))
    rows, columns = np.nonzero(drawn) if drawn.any() else (np.array([0]), np.array([0]))
    x, y = ((np.min(i) + np.max(i) + 1) / 2 * surface.pixel - half for i in (columns, rows))
    panel.set_xlim(x - side / 2, x + side / 2)
    panel.set_ylim(y - side / 2, y + side / 2)
    panel.axis("off")
    if barred:
        bar = figure.add_axes(((where.x + where.width + 12) / wide, low, 14 / wide, where.height / high))
        colour_bar(figure, bar, ScalarMappable(norm, colours.cmap), colours)
    _triad(figure, surface, names, (where.x + 60) / wide, low - 36 / high)
    return panel


def _triad(figure: Any, surface: Surface, names: Sequence[str], x: float, y: float) -> None:
    """The array axes as arrows, around a place in fractions of the figure."""
    wide, high = (PIXELS * float(length) for length in figure.get_size_inches())
    panel = figure.add_axes((x - 45 / wide, y - 45 / high, 90 / wide, 90 / high))
    panel.set_xlim(-HALF_TRIAD, HALF_TRIAD)
    panel.set_ylim(-HALF_TRIAD, HALF_TRIAD)
    panel.axis("off")
    arrows = surface.camera[:2].T
    for name, arrow, place in zip(names, arrows, label_places(names, arrows), strict=True):
        panel.annotate("", arrow, (0, 0), arrowprops={"arrowstyle": "-|>", "color": INK, "lw": 1.1})
        panel.text(*place, name, color=INK, fontsize=7, ha="center", va="center")


def label_places(names: Sequence[str], arrows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Middles of the names of arrows from the origin: at their tips, on no other name and on no arrow.

    Parameters
    ----------
    names
        Of the arrows.
    arrows
        `(arrows, 2)`: their tips, across and up.
    """
    shafts = np.concatenate([np.linspace(0, 1, 12)[:, None] * arrow for arrow in arrows])
    turns = np.radians([0, 20, -20, 40, -40, 60, -60, 90, -90, 120, -120, 150, -150, 180])
    places, taken = np.zeros((len(names), 2)), list[tuple[NDArray[np.float64], NDArray[np.float64]]]()
    for i in np.argsort(-np.linalg.norm(arrows, axis=1)):  # one that points at the viewer has the choice
        half = np.array([LETTER[0] * len(names[i]), LETTER[1]]) / 2
        angle = np.arctan2(arrows[i, 1], arrows[i, 0])
        for far, turn in ((far, turn) for far in (0.2, 0.35, 0.5, 0.7) for turn in turns):
            towards = np.array([np.cos(angle + turn), np.sin(angle + turn)])
            reach = np.linalg.norm(arrows[i]) * max(np.cos(turn), 0) + far
            places[i] = reach * towards + half * towards
            on_arrow = (np.abs(shafts - places[i]) < half + 0.06).all(1).any()
            on_name = any((np.abs(other - places[i]) < half + size).all() for other, size in taken)
            if not on_arrow and not on_name:
                break
        taken.append((places[i], half))
    return places
