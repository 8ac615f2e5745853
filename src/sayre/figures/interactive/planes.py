"""Sheets of planes as charts."""

from __future__ import annotations

from typing import Any

from sayre.figures.interactive.chart import FONT, Chart, colour_scale, numbered, packed
from sayre.figures.sheet import Arrangement, Box, Colours, Line, Plane, Sheet, arranged, lines
from sayre.figures.style import count_ticks


def planes_chart(sheet: Sheet) -> Chart:
    """A chart of a sheet of planes, at the same places and in the same colours as its picture."""
    found = arranged(sheet)
    shared = {colours: numbered("coloraxis", i) for i, (colours, _) in enumerate(found.bars, 1)}
    data: list[dict[str, Any]] = []
    layout: dict[str, Any] = {
        "width": round(found.width),
        "height": round(found.height),
        "font": FONT,
        "paper_bgcolor": "white",
        "plot_bgcolor": sheet.ground,
        "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
        "showlegend": False,
        "annotations": [],
    }
    for colours, box in found.bars:
        layout[shared[colours]] = _colour_axis(colours, box, found)
    for number, (plane, box) in enumerate(found.planes, 1):
        data.append(_image(plane, number, shared[plane.colours]))
        data += [_line(line, number) for line in lines(plane)]
        layout |= _axes(plane, box, found, number)
        layout["annotations"].append(_title(plane, box, found))
    return {"data": data, "layout": layout}


def _image(plane: Plane, number: int, colours: str) -> dict[str, Any]:
    shown = "log₁₀(1 + n) = %{z:.3f}" if plane.colours.counts else f"{plane.colours.label} %{{z:.4g}}"
    return {
        "type": "heatmap",
        "z": packed(plane.values),
        "x0": plane.start[1],
        "dx": plane.step[1],
        "y0": plane.start[0],
        "dy": plane.step[0],
        "xaxis": numbered("x", number),
        "yaxis": numbered("y", number),
        "coloraxis": colours,
        "hoverongaps": False,
        "hovertemplate": f"{plane.down} %{{y:.4g}}<br>{plane.across} %{{x:.4g}}<br>{shown}<extra></extra>",
    }


def _line(line: Line, number: int) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": packed(line.across),
        "y": packed(line.down),
        "xaxis": numbered("x", number),
        "yaxis": numbered("y", number),
        "line": {"color": line.colour, "width": 1.4},
        "hoverinfo": "skip",
    }


def _axes(plane: Plane, box: Box, found: Arrangement, number: int) -> dict[str, Any]:
    left, right, first, last = plane.ends
    shown = {"showgrid": False, "zeroline": False, "ticks": "outside", "ticklen": 4, "nticks": 6}
    across = {
        "domain": [box.x / found.width, (box.x + box.width) / found.width],
        "range": [left, right],
        "title": {"text": plane.across, "standoff": 4},
        "anchor": numbered("y", number),
    }
    down = {
        "domain": [1 - (box.y + box.height) / found.height, 1 - box.y / found.height],
        "range": [last, first] if plane.top else [first, last],
        "title": {"text": plane.down, "standoff": 4},
        "anchor": numbered("x", number),
    }
    return {numbered("xaxis", number): shown | across, numbered("yaxis", number): shown | down}


def _title(plane: Plane, box: Box, found: Arrangement) -> dict[str, Any]:
    return {
        "text": plane.title,
        "x": box.x / found.width,
        "y": 1 - (box.y - 4) / found.height,
        "xref": "paper",
        "yref": "paper",
        "xanchor": "left",
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"size": 12},
    }


def _colour_axis(colours: Colours, box: Box, found: Arrangement) -> dict[str, Any]:
    bar: dict[str, Any] = {
        "title": {"text": colours.label, "side": "right"},
        "len": box.height / found.height,
        "lenmode": "fraction",
        "y": 1 - box.y / found.height,
        "yanchor": "top",
        "x": box.x / found.width,
        "xanchor": "left",
        "xpad": 0,
        "ypad": 0,
        "thickness": box.width,
        "outlinewidth": 0,
        "tickfont": {"size": 11},
    }
    if colours.counts:
        ticks = count_ticks(colours.high)
        bar |= {
            "tickvals": [min(round(place, 5), colours.high) for place in ticks.places],
            "ticktext": ticks.texts,
        }
    return {
        "colorscale": colour_scale(colours.cmap),
        "cmin": colours.low,
        "cmax": colours.high,
        "colorbar": bar,
    }
