"""Charts of the page: plain dictionaries of data and layout, as plotly takes them."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sayre.viewer.plane import PIXELS, QUANTITIES, Plane, thinned

Chart = dict[str, Any]
AXES = ("rocking", "row", "column")
UNSEEN, DRAWN, OUTLINE, INK = "#9fb3c8", "#12b5a6", "#12b5a6", "#1b2a41"
"""Of voxels that were not measured, of the drawn mask, of the outline of a region, of text."""


def slices(
    planes: Sequence[tuple[str, Plane]],
    *,
    axis: int,
    logarithmic: bool,
    drawn: NDArray[np.bool_] | None = None,
    region: Sequence[Sequence[int]] | None = None,
    shapes: Sequence[Mapping[str, Any]] = (),
    view: str = "",
) -> Chart:
    """Return slices side by side on one scale, row 0 at the top, their axes moving together.

    Parameters
    ----------
    planes
        Titles and slices; all of the quantity of the first.
    axis
        Across the slices.
    logarithmic
        Whether counts are shown by their logarithm.
    drawn
        Drawn mask of the first slice.
    region
        First and last index of each axis of a region, which is outlined.
    shapes
        Shapes that the user is drawing, as plotly describes them.
    view
        Zoom is kept as long as this stays.
    """
    quantity = QUANTITIES[planes[0][1].quantity]
    logarithmic = logarithmic and quantity.counts
    names = [AXES[other] for other in range(3) if other != axis]
    data: list[Chart] = []
    layout: Chart = {
        "font": {"family": "system-ui, sans-serif", "size": 12, "color": INK},
        "margin": {"l": 56, "r": 16, "t": 34, "b": 44},
        "autosize": True,
        "plot_bgcolor": UNSEEN,
        "paper_bgcolor": "white",
        "dragmode": "drawrect",
        "newshape": {"line": {"color": OUTLINE, "width": 2}, "fillcolor": "rgba(18,181,166,0.15)"},
        "uirevision": view,
        "annotations": [],
        "coloraxis": _colour_axis([plane for _, plane in planes], quantity.signed, logarithmic),
        "shapes": [dict(shape) for shape in shapes],
    }
    width = (1 - 0.06 * (len(planes) - 1)) / len(planes)
    for number, (title, plane) in enumerate(planes):
        suffix = "" if number == 0 else str(number + 1)
        low = number * (width + 0.06)
        data.append({**_heatmap(plane, logarithmic, names), "xaxis": f"x{suffix}", "yaxis": f"y{suffix}"})
        layout[f"xaxis{suffix}"] = {
            "domain": [low, low + width],
            "anchor": f"y{suffix}",
            "title": {"text": f"{names[1]} (pixel)"},
            "constrain": "domain",
            "showgrid": False,
            "zeroline": False,
            **({} if number == 0 else {"matches": "x"}),
        }
        layout[f"yaxis{suffix}"] = {
            "anchor": f"x{suffix}",
            "title": {"text": f"{names[0]} (pixel)"},
            "autorange": "reversed",
            "constrain": "domain",
            "showgrid": False,
            "zeroline": False,
            **({"scaleanchor": "x"} if number == 0 else {"matches": "y"}),
        }
        layout["annotations"].append(
            {
                "text": title,
                "x": low,
                "y": 1.0,
                "xref": "paper",
                "yref": "paper",
                "xanchor": "left",
                "yanchor": "bottom",
                "showarrow": False,
            }
        )
    if drawn is not None and drawn.any():
        data.append(_overlay(drawn))
    if region is not None:
        data.append(_outline([list(part) for k, part in enumerate(region) if k != axis]))
    return {"data": data, "layout": layout}


def packed(values: Any, kind: str = "f4") -> Chart:
    """An array as plotly reads it: little-endian bytes in base64; NaN stays NaN.

    Parameters
    ----------
    values
        1D or 2D.
    kind
        Type of the numbers, as NumPy names it.
    """
    array = np.ascontiguousarray(values, dtype=np.dtype(kind).newbyteorder("<"))
    found = {"dtype": kind, "bdata": base64.b64encode(array.tobytes()).decode("ascii")}
    return found if array.ndim == 1 else {**found, "shape": ", ".join(map(str, array.shape))}


@cache
def colour_scale(name: str) -> list[list[Any]]:
    """A colour map of matplotlib as plotly takes it.

    Parameters
    ----------
    name
        Name of the colour map.
    """
    from matplotlib import colormaps

    places = np.linspace(0, 1, 64)
    colours = np.rint(255 * colormaps[name](places)[:, :3]).astype(int)
    return [[round(float(at), 5), f"rgb({r},{g},{b})"] for at, (r, g, b) in zip(places, colours, strict=True)]


def _heatmap(plane: Plane, logarithmic: bool, names: Sequence[str]) -> Chart:
    """Values as they are in the hover text, their logarithm in the colours."""
    values, step = thinned(plane.values)
    shown = np.log10(1 + np.maximum(values, 0)) if logarithmic else values
    top, left = plane.corner
    label = QUANTITIES[plane.quantity].label
    blocks = "" if step == 1 else f" (highest of {step} × {step})"
    return {
        "type": "heatmap",
        "z": packed(shown),
        "x0": left + (step - 1) / 2,
        "dx": step,
        "y0": top + (step - 1) / 2,
        "dy": step,
        "customdata": packed(values),
        "coloraxis": "coloraxis",
        "hoverongaps": False,
        "hovertemplate": f"{names[0]} %{{y:.0f}}, {names[1]} %{{x:.0f}}<br>{label}{blocks}: "
        "%{customdata:.5~g}<extra></extra>",
    }


def _overlay(drawn: NDArray[np.bool_]) -> Chart:
    values, step = thinned(np.where(drawn, np.float32(1), np.float32(np.nan)), PIXELS)
    return {
        "type": "heatmap",
        "z": packed(values),
        "x0": (step - 1) / 2,
        "dx": step,
        "y0": (step - 1) / 2,
        "dy": step,
        "colorscale": [[0, DRAWN], [1, DRAWN]],
        "opacity": 0.6,
        "showscale": False,
        "hoverinfo": "skip",
    }


def _outline(parts: Sequence[Sequence[int]]) -> Chart:
    """A line around a region; no shape, which the user could move."""
    (top, bottom), (left, right) = parts
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [edge - 0.5 for edge in (left, right, right, left, left)],
        "y": [edge - 0.5 for edge in (top, top, bottom, bottom, top)],
        "line": {"color": "white", "width": 2, "dash": "dash"},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _colour_axis(planes: Sequence[Plane], signed: bool, logarithmic: bool) -> Chart:
    top = max(plane.top for plane in planes)
    quantity = QUANTITIES[planes[0].quantity]
    axis: Chart = {
        "colorscale": colour_scale(quantity.colours),
        "cmin": -top if signed else 0,
        "cmax": top,
        "colorbar": {"title": {"text": quantity.label, "side": "top"}, "thickness": 14, "outlinewidth": 0},
    }
    if logarithmic:
        axis["cmax"] = float(np.log10(1 + top))
        decades = range(int(np.log10(max(top, 1))) + 1)
        axis["colorbar"] |= {
            "tickvals": [0.0, *(float(np.log10(1 + 10.0**n)) for n in decades)],
            "ticktext": ["0", *(f"{10**n:d}" if n < 4 else f"10<sup>{n}</sup>" for n in decades)],
        }
    return axis
