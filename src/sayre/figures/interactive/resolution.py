"""The chart of how fine a result can be trusted."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sayre.crystal.resolution import ShellCurve
from sayre.figures.interactive.chart import Chart, layout, line, line_axis
from sayre.figures.phasing import CURVE_COLOURS, THRESHOLDS, period_ticks, resolution_text, told_threshold


def resolution_chart(curves: Mapping[str, ShellCurve]) -> Chart:
    """Curves against |q|, their thresholds dashed; periods 2π/q are marked above.

    Parameters
    ----------
    curves
        One or more, of one unit.
    """
    data, top, last = [], 1.05, 0.0
    for (name, curve), colour in zip(curves.items(), CURVE_COLOURS, strict=False):
        known = np.isfinite(curve.value) & (curve.q > 0)
        q = curve.q[known]
        data.append(line(q, curve.value[known], f"{name}: {resolution_text(curve)}", colour))
        dashed = {"line": {"color": colour, "width": 1.3, "dash": "dash"}, "hoverinfo": "skip"}
        data.append(
            line(q, told_threshold(curve)[known], f"threshold {THRESHOLDS.get(name, '')}", colour) | dashed
        )
        top = max(top, float(np.max(curve.value[known], initial=0)))
        last = max(last, float(q.max(initial=0)))
    some = next(iter(curves.values()))
    unit = "1/nm" if some.unit == "nm" else "rad per voxel"
    places, texts = period_ticks(last, some.unit)
    marks = [
        {
            "text": text,
            "x": place,
            "xref": "x",
            "y": 1.0,
            "yref": "paper",
            "yanchor": "bottom",
            "showarrow": False,
            "font": {"size": 11},
        }
        for place, text in zip(places, texts, strict=True)
    ]
    axes = {
        "xaxis": line_axis(f"|q| ({unit}); above: period 2π/|q|", range=[0, last]),
        "yaxis": line_axis(", ".join(curves), range=[0, 1.04 * top]),
    }
    legend = {"orientation": "h", "y": -0.18, "yanchor": "top", "x": 0}
    return {"data": data, "layout": layout(470, legend=legend, annotations=marks, **axes)}
