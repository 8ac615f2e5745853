"""Charts of a crystal: a surface that can be turned, and histograms."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sayre.crystal.analysis.statistics import surface_of
from sayre.data import Crystal
from sayre.figures.interactive.chart import Chart, colour_scale, layout, line, line_axis, packed
from sayre.figures.quantities import Quantity, axis_names, in_laboratory, unit_of
from sayre.figures.style import INK, reach
from sayre.figures.surface import LEVEL, body, field_below, plateau

MOST = 60_000
"""Triangles of a surface, about; a finer one is thinned."""
BINS = 80
BULK, OUTER = "#2e8b8b", "#d1495b"


class Mesh(NamedTuple):
    """Triangles of a surface: `(n, 3)` indices of the array of any fraction, numbers of corners, normals."""

    points: NDArray[np.float64]
    faces: NDArray[np.int64]
    normals: NDArray[np.float64]


def mesh_of(crystal: Crystal, most: int = MOST) -> Mesh | None:
    """The surface where the amplitude passes half of its plateau; None where it is nowhere on both sides.

    Parameters
    ----------
    crystal
        3D, with a margin around its support, as `sayre.figures.crystal.cut` leaves it.
    most
        Triangles; a finer surface is thinned.
    """
    from skimage.measure import marching_cubes

    volume = np.where(crystal.support, crystal.amplitude, 0).astype(np.float32)
    limit = LEVEL * plateau(crystal.amplitude, crystal.support)
    if not (volume.min() < limit < volume.max()):
        return None
    step = 1
    while True:
        points, faces, normals, _ = marching_cubes(  # type: ignore[no-untyped-call]
            volume, limit, step_size=step, gradient_direction="ascent"
        )
        if len(faces) <= most:
            return Mesh(points, faces, normals)
        step += 1


def surface_chart(crystal: Crystal, quantity: Quantity) -> Chart | None:
    """The surface where the amplitude passes half of its plateau, coloured by what is just below it.

    None where the amplitude is nowhere on both sides of it.

    Parameters
    ----------
    crystal
        3D, with a margin around its support, as `sayre.figures.crystal.cut` leaves it.
    quantity
        What colours it.
    """
    mesh = mesh_of(crystal)
    if mesh is None:
        return None
    points, faces, normals = mesh
    size = np.array(crystal.voxel_size or (1.0, 1.0, 1.0))
    values = field_below(quantity.values, crystal.support, points, normals)
    places = (points - np.array(crystal.shape) // 2) * size
    names, unit = axis_names(crystal), unit_of(crystal)
    shown = (2, 1, 0)  # array axes on x, y and z of the chart: x, y, z of the laboratory
    colours = quantity.colours
    trace: dict[str, Any] = {
        "type": "mesh3d",
        **{name: packed(places[:, axis]) for name, axis in zip("xyz", shown, strict=True)},
        **{name: packed(faces[:, i], "i4") for i, name in enumerate("ijk")},
        "intensity": packed(values),
        "colorscale": colour_scale(colours.cmap),
        "cmin": colours.low,
        "cmax": colours.high,
        "colorbar": {
            "title": {"text": colours.label, "side": "right"},
            "thickness": 14,
            "len": 0.8,
            "outlinewidth": 0,
        },
        "lighting": {"ambient": 0.82, "diffuse": 0.28, "specular": 0.02, "roughness": 1, "fresnel": 0},
        "lightposition": {"x": -1e4, "y": 1e4, "z": 1e4},
        "flatshading": False,
        "hovertemplate": f"{colours.label} %{{intensity:.4g}}<extra></extra>",
    }
    axes = {
        f"{name}axis": {
            "title": {"text": f"{names[axis]} ({unit})"},
            "backgroundcolor": "white",
            "gridcolor": "#dfe3e8",
            "zerolinecolor": "#dfe3e8",
            "showspikes": False,
        }
        for name, axis in zip("xyz", shown, strict=True)
    }
    up = {"x": 0, "y": 1 if in_laboratory(crystal) else -1, "z": 0}
    scene = {
        **axes,
        "aspectmode": "data",
        "camera": {
            "up": up,
            "eye": {"x": 0.95, "y": 0.8 * up["y"], "z": 1.35},
            "projection": {"type": "orthographic"},
        },
    }
    margin = {"l": 0, "r": 0, "t": 0, "b": 0}
    return {"data": [trace], "layout": layout(560, scene=scene) | {"margin": margin}}


def histogram_chart(crystal: Crystal, depth: int = 1) -> Chart | None:
    """Histograms of the strain, or else of the displacement, in bulk and surface; None of neither.

    Parameters
    ----------
    crystal
        Of any dimension.
    depth
        Layers of voxels that are the surface.
    """
    if crystal.strain is not None:
        values, label = 100 * crystal.strain, "strain (%)"
    elif crystal.displacement is not None:
        values, label = crystal.displacement, "displacement (Å)"
    else:
        return None
    inner = body(crystal.amplitude, crystal.support)
    outer = surface_of(inner, depth)
    known = np.isfinite(values)
    if not (inner & known).any():
        return None
    limit = reach(values[inner], 99.5)
    edges = np.linspace(-limit, limit, BINS + 1)
    data = []
    for name, where, colour in (("bulk", inner & ~outer, BULK), ("surface", outer, OUTER)):
        shares = _shares(values[where & known], edges)
        step = {"line": {"color": colour, "width": 2, "shape": "hvh"}}
        data.append(line((edges[:-1] + edges[1:]) / 2, 100 * shares, name, colour) | step)
    zero = {
        "type": "line",
        "x0": 0,
        "x1": 0,
        "y0": 0,
        "y1": 1,
        "yref": "paper",
        "line": {"color": INK, "width": 1},
    }
    axes = {"xaxis": line_axis(label), "yaxis": line_axis("share of the voxels (%)", rangemode="tozero")}
    legend = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
    return {"data": data, "layout": layout(340, shapes=[zero], legend=legend, **axes)}


def _shares(values: NDArray[np.floating], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shares of the values in bins; those beyond the ends are left out."""
    return np.histogram(values, edges)[0] / max(values.size, 1)
