"""Charts of the page: plain dictionaries of data and layout, as plotly takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sayre.figures.interactive.chart import FONT, Chart, colour_scale, packed
from sayre.figures.style import EMPTY, OUTLINE, UNSEEN, count_ticks
from sayre.viewer.slices.plane import PIXELS, QUANTITIES, Plane, thinned

DRAWN = OUTLINE
"""Of the drawn mask, and of shapes that are being drawn."""


def slices(
    planes: Sequence[tuple[str, Plane]],
    *,
    axis: int,
    names: Sequence[str],
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
    names
        Of the axes.
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
    names = [names[other] for other in range(3) if other != axis]
    measured = quantity.counts or planes[0][1].quantity == "sigma"
    data: list[Chart] = []
    layout: Chart = {
        "font": FONT,
        "margin": {"l": 56, "r": 16, "t": 34, "b": 44},
        "autosize": True,
        "plot_bgcolor": UNSEEN if measured else EMPTY,
        "paper_bgcolor": "white",
        "dragmode": "drawrect",
        "newshape": {"line": {"color": DRAWN, "width": 2}, "fillcolor": "rgba(18,181,166,0.15)"},
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
            "title": {"text": f"{names[1]} (index)"},
            "constrain": "domain",
            "showgrid": False,
            "zeroline": False,
            **({} if number == 0 else {"matches": "x"}),
        }
        layout[f"yaxis{suffix}"] = {
            "anchor": f"x{suffix}",
            "title": {"text": f"{names[0]} (index)"},
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
        ticks = count_ticks(axis["cmax"])
        axis["colorbar"] |= {"tickvals": ticks.places, "ticktext": ticks.texts}
    return axis
