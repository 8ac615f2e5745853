"""Charts of how well the counts are explained, and of what beam and detector did to them."""

from __future__ import annotations

from typing import Any

import numpy as np

from sayre.figures.interactive.chart import Chart, ends_of, layout, line, line_axis, logarithmic
from sayre.figures.phasing import BELIEVED, FIRST
from sayre.figures.style import INK
from sayre.retrieval.measurement.nuisances import Nuisances
from sayre.retrieval.measurement.shells import ShellFit

FEWEST = 5
"""Voxels of a shell whose mean is drawn: that of one or two says little, and sets the scale."""


def shells_chart(fit: ShellFit) -> Chart:
    """Half deviance of used and free voxels, and R, against the distance from the brightest voxel.

    Parameters
    ----------
    fit
        From `sayre.retrieval.measurement.shells.fit_by_shell`.
    """
    told, known = fit.free_voxels >= FEWEST, fit.used_voxels >= FEWEST
    used = np.where(known, fit.used, np.nan)
    data = [line(fit.radius, used, "used voxels", BELIEVED)]
    if told.any():
        marks = {"mode": "lines+markers", "marker": {"size": 5}}
        data.append(line(fit.radius[told], fit.free[told], "voxels that phasing never saw", FIRST) | marks)
    dashed = {"line": {"color": INK, "width": 1.5, "dash": "dash"}}
    data.append(line(fit.radius, fit.floor, "photon noise alone", INK) | dashed)
    second = {"yaxis": "y2", "showlegend": False, "line": {"color": BELIEVED, "width": 1.8}}
    data.append(line(fit.radius, fit.residual, "R", BELIEVED) | second)
    ends = ends_of(used, fit.free[told], fit.floor[known | told])
    axes = {
        "xaxis": line_axis("distance from the brightest voxel (voxels)", anchor="y2"),
        "yaxis": line_axis("half deviance of a voxel", domain=[0.36, 1], **logarithmic(*ends)),
        "yaxis2": line_axis("R", domain=[0, 0.26], rangemode="tozero", nticks=4),
    }
    legend = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
    return {"data": data, "layout": layout(430, legend=legend, **axes)}


def frames_chart(found: Nuisances) -> Chart | None:
    """Flux, errors of the angle and background of the frames; None where none is in the model."""
    parts: list[tuple[str, Any, float]] = [
        ("flux, relative to the mean", found.frames, 1.0),
        ("error of the angle (steps)", found.angles, 0.0),
        ("background, relative to the mean", found.background_frames, 1.0),
    ]
    known = [(title, np.asarray(values), usual) for title, values, usual in parts if values is not None]
    if not known:
        return None
    data, axes, share = [], {}, 1 / len(known)
    for number, (title, values, usual) in enumerate(known, 1):
        suffix = "" if number == 1 else str(number)
        frame = np.arange(len(values))
        where = {"xaxis": "x", "yaxis": f"y{suffix}", "mode": "lines+markers", "marker": {"size": 4}}
        data.append(line(frame, values, title, BELIEVED) | where)
        ends, flat = frame[[0, -1]], {"line": {"color": "#b8bec8", "width": 1}, "hoverinfo": "skip"}
        data.append(line(ends, np.full(2, usual), "as it should be", INK) | where | {"mode": "lines"} | flat)
        top = 1 - (number - 1) * share
        axes[f"yaxis{suffix}"] = line_axis(title, domain=[top - share + 0.05, top], anchor="x")
    below = "" if len(known) == 1 else str(len(known))
    axes["xaxis"] = line_axis("frame, as phased", anchor=f"y{below}")
    return {"data": data, "layout": layout(60 + 210 * len(known), showlegend=False, **axes)}
