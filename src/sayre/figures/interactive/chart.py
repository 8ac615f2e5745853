"""A chart as plotly takes it: arrays packed into text, colour scales, axes and colour bars."""

from __future__ import annotations

import base64
from functools import cache
from typing import Any, Literal

import numpy as np

from sayre.figures.style import INK

Chart = dict[str, Any]
"""`data` and `layout`; the page gives it an identity and a place."""
Kind = Literal["f4", "i4", "u1"]

WIDTH = 1040
"""Pixels of a chart."""
_COLOURS = 64
FONT = {"family": "system-ui, sans-serif", "size": 12, "color": INK}


def packed(values: Any, kind: Kind = "f4") -> dict[str, str]:
    """An array as plotly reads it: little-endian bytes in base64; NaN stays NaN.

    Parameters
    ----------
    values
        1D or 2D.
    kind
        Type of the numbers.
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

    places = np.linspace(0, 1, _COLOURS)
    colours = np.rint(255 * colormaps[name](places)[:, :3]).astype(int)
    return [
        [round(float(place), 5), f"rgb({r},{g},{b})"]
        for place, (r, g, b) in zip(places, colours, strict=True)
    ]


def layout(height: float, **more: Any) -> dict[str, Any]:
    """What all charts have in common.

    Parameters
    ----------
    height
        Pixels.
    more
        Further entries.
    """
    return {
        "width": WIDTH,
        "height": round(height),
        "font": FONT,
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "margin": {"l": 64, "r": 96, "t": 34, "b": 48},
        "hoverlabel": {"font": {"size": 12}},
        **more,
    }


def line_axis(title: str, **more: Any) -> dict[str, Any]:
    """Axis of a chart of lines.

    Parameters
    ----------
    title
        Quantity and unit.
    more
        Further entries.
    """
    shown = {
        "title": {"text": title, "standoff": 8},
        "showline": True,
        "linecolor": INK,
        "ticks": "outside",
        "gridcolor": "#e8ecf1",
        "zeroline": False,
    }
    return shown | more


def logarithmic(low: float, high: float) -> dict[str, Any]:
    """Entries of a logarithmic axis from `low` to `high`, with ticks at 1, 2 and 5 times powers of ten.

    Parameters
    ----------
    low, high
        Ends, above zero.
    """
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    steps = (1, 2, 5) if high < 300 * low else (1,)
    ticks = [step * 10.0**power for power in powers for step in steps]
    shown = [tick for tick in ticks if low <= tick <= high]
    return {
        "type": "log",
        "range": [float(np.log10(low)), float(np.log10(high))],
        "tickvals": shown,
        "ticktext": [f"{tick:g}" for tick in shown],
    }


def ends_of(*arrays: Any) -> tuple[float, float]:
    """Ends of a logarithmic axis for all positive values of some arrays."""
    values = np.concatenate([np.asarray(array, float) for array in arrays])
    values = values[np.isfinite(values) & (values > 0)]
    return (0.85 * float(values.min()), 1.2 * float(values.max())) if values.size else (0.1, 1.0)


def line(x: Any, y: Any, name: str, colour: str, **more: Any) -> dict[str, Any]:
    """A line of a chart.

    Parameters
    ----------
    x, y
        1D arrays.
    name
        In the legend.
    colour
        Of the line.
    more
        Further entries.
    """
    trace = {
        "type": "scatter",
        "mode": "lines",
        "x": packed(x),
        "y": packed(y),
        "name": name,
        "line": {"color": colour, "width": 2},
    }
    return trace | more


def numbered(axis: str, number: int) -> str:
    """Name of an axis of a chart by its number from 1: `x`, `x2`, `xaxis`, `xaxis2`.

    Parameters
    ----------
    axis
        `x`, `xaxis`, `coloraxis`, ….
    number
        From 1.
    """
    return axis if number == 1 else f"{axis}{number}"
