"""The chart of lines across a gap."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np

from sayre.figures.interactive.chart import Chart, layout, line, line_axis, numbered
from sayre.figures.profile import BAND, COLOURS, PALE_LINE, TRUTH, Profile, band, coloured, runs_of
from sayre.figures.style import INK


def profiles_chart(profiles: list[Profile]) -> Chart:
    """Counts along lines across gaps, side by side, with the stated error as a band.

    Parameters
    ----------
    profiles
        From `sayre.figures.profile.gap_profiles`; one or more.
    """
    data: list[dict[str, Any]] = []
    shapes: list[dict[str, Any]] = []
    axes: dict[str, Any] = {}
    share = 1 / len(profiles)
    for number, profile in enumerate(profiles, 1):
        x, y = numbered("x", number), numbered("y", number)
        data += _traces(profile, {"xaxis": x, "yaxis": y, "showlegend": number == 1})
        shapes += _gaps(profile, x, y)
        left = (number - 1) * share
        domain = [left + (0.07 if number > 1 else 0), left + share - 0.01]
        title = f"{profile.name}   ({profile.place})"
        axes[numbered("xaxis", number)] = line_axis(title, domain=domain, anchor=y)
        axes[numbered("yaxis", number)] = line_axis(
            "1 + counts", type="log", anchor=x, exponentformat="power", dtick=1
        )
    legend = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
    return {"data": data, "layout": layout(420, shapes=shapes, legend=legend, **axes)}


def _traces(profile: Profile, where: dict[str, Any]) -> list[dict[str, Any]]:
    low, high = band(profile)
    traces = []
    if profile.sigma is not None:
        inside = profile.gap & np.isfinite(low)
        x = np.concatenate((profile.x[inside], profile.x[inside][::-1]))
        y = np.concatenate((low[inside], high[inside][::-1]))
        shade = {"mode": "none", "fill": "toself", "fillcolor": "rgba(209,73,91,0.22)", "hoverinfo": "skip"}
        traces.append(line(x, y, "± σ", COLOURS[0]) | shade | where)
    if TRUTH in profile.lines:
        broad = {"line": {"color": PALE_LINE, "width": 7}}
        traces.append(line(profile.x, 1 + profile.lines[TRUTH], TRUTH, PALE_LINE) | broad | where)
    measured = {"mode": "lines+markers", "marker": {"size": 4}}
    traces.append(line(profile.x, 1 + profile.measured, "measured", INK) | measured | where)
    for name, values, colour in coloured(profile):
        traces.append(line(profile.x, 1 + values, escape(name), colour) | measured | where)
    return traces


def _gaps(profile: Profile, x: str, y: str) -> list[dict[str, Any]]:
    step = float(profile.x[1] - profile.x[0]) if len(profile.x) > 1 else 1.0
    return [
        {
            "type": "rect",
            "xref": x,
            "yref": f"{y} domain",
            "x0": float(profile.x[first]) - step / 2,
            "x1": float(profile.x[end - 1]) + step / 2,
            "y0": 0,
            "y1": 1,
            "fillcolor": BAND,
            "line": {"width": 0},
            "layer": "below",
        }
        for first, end in runs_of(profile.gap)
    ]
