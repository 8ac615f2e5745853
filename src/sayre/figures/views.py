"""Views of the surface of a crystal: rendered, and drawn with a colour bar and the directions of the axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sayre.data import Crystal
from sayre.figures.drawn import PIXELS, colour_bar
from sayre.figures.quantities import Quantity, in_laboratory
from sayre.figures.sheet import Box
from sayre.figures.style import INK
from sayre.figures.surface import Surface, render

PIXELS_OF_SURFACE, FINE = 380, 110
"""Sides of an image of the surface, and voxels a side of the array that it is made of, at most."""


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
    figure: Any, surface: Surface, quantity: Quantity, where: Box, side: float, names: Sequence[str]
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
    bar = figure.add_axes(((where.x + where.width + 12) / wide, low, 14 / wide, where.height / high))
    colour_bar(figure, bar, ScalarMappable(norm, colours.cmap), colours)
    _triad(figure, surface, names, (where.x + 40) / wide, low - 34 / high)
    return panel


def _triad(figure: Any, surface: Surface, names: Sequence[str], x: float, y: float) -> None:
    """The array axes as arrows, around a place in fractions of the figure."""
    wide, high = (PIXELS * float(length) for length in figure.get_size_inches())
    panel = figure.add_axes((x - 45 / wide, y - 45 / high, 90 / wide, 90 / high))
    panel.set_xlim(-1.6, 1.6)
    panel.set_ylim(-1.6, 1.6)
    panel.axis("off")
    for name, arrow in zip(names, surface.camera[:2].T, strict=True):
        panel.annotate("", arrow, (0, 0), arrowprops={"arrowstyle": "-|>", "color": INK, "lw": 1.1})
        panel.text(*(1.4 * arrow), name, color=INK, fontsize=7, ha="center", va="center")
