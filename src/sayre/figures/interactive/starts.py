"""Charts of the starts: how they went, and how far they agree."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sayre.figures.interactive.chart import Chart, colour_scale, layout, line, line_axis, logarithmic, packed
from sayre.figures.phasing import BELIEVED, FIRST, OTHER, rank_of, residual_range
from sayre.retrieval.engine.run import Run

NAMES = ("not averaged", "averaged", "the middle one of these")
COLOURS = (OTHER, BELIEVED, FIRST)
CLEAR = 40
"""So many starts at most have their agreement written into the matrix."""


def convergence_chart(runs: Sequence[Run], selected: Sequence[int]) -> Chart:
    """Residual of every start against iterations, and where they end.

    Parameters
    ----------
    runs
        All of them.
    selected
        Numbers of those that were averaged, the middle one first.
    """
    names = NAMES if len(selected) > 1 else (*NAMES[:2], NAMES[1])
    data: list[dict[str, Any]] = []
    named: set[int] = set()
    for run in sorted(runs, key=lambda run: rank_of(run.index, selected)):
        rank = rank_of(run.index, selected)
        points = np.array(run.history, float).reshape(-1, 2)
        width = {"width": (1.0, 1.4, 2.4)[rank], "color": COLOURS[rank]}
        if run.failed:
            width |= {"dash": "dot"}
        label = f"start {run.index}{': failed, ' + escape(run.failed) if run.failed else ''}"
        data.append(
            line(points[:, 0], points[:, 1], names[rank], COLOURS[rank])
            | {
                "line": width,
                "legendgroup": names[rank],
                "showlegend": rank not in named,
                "hovertemplate": f"{label}: R = %{{y:.4f}} after %{{x:.0f}} iterations<extra></extra>",
            }
        )
        named.add(rank)
    data += _ends([run for run in runs if not run.failed], selected)
    low, high = residual_range(runs)
    free = any(np.isfinite(run.free_likelihood) for run in runs)
    axes = {
        "xaxis": line_axis("iteration", domain=[0, 0.56]),
        "yaxis": line_axis("residual R", **logarithmic(low, high)),
        "xaxis2": line_axis("final residual R", domain=[0.66, 1], anchor="y2", nticks=5),
        "yaxis2": line_axis(f"{'free ' if free else ''}half deviance of a voxel", anchor="x2"),
    }
    legend = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
    return {"data": data, "layout": layout(420, legend=legend, **axes)}


def _ends(runs: Sequence[Run], selected: Sequence[int]) -> list[dict[str, Any]]:
    """Final residual and likelihood of every start that finished."""
    free = any(np.isfinite(run.free_likelihood) for run in runs)
    found = []
    for rank in range(3):
        those = [run for run in runs if rank_of(run.index, selected) == rank]
        if those:
            x = [run.residual for run in those]
            y = [run.free_likelihood if free else run.likelihood for run in those]
            found.append(
                line(x, y, NAMES[rank], COLOURS[rank])
                | {
                    "mode": "markers+text",
                    "marker": {"size": 9, "color": COLOURS[rank]},
                    "text": [str(run.index) for run in those],
                    "textposition": "top right",
                    "xaxis": "x2",
                    "yaxis": "y2",
                    "showlegend": False,
                    "hovertemplate": "start %{text}: R = %{x:.4f}, %{y:.4g}<extra></extra>",
                }
            )
    return found


def agreement_chart(matrix: NDArray[np.floating], numbers: Sequence[int]) -> Chart:
    """Complex correlation of starts with each other.

    Parameters
    ----------
    matrix
        `(starts, starts)`.
    numbers
        Of the starts, in its order.
    """
    side = min(90 + 34 * len(numbers), 560)
    names = [str(number) for number in numbers]
    trace: dict[str, Any] = {
        "type": "heatmap",
        "z": packed(matrix),
        "x": names,
        "y": names,
        "colorscale": colour_scale("viridis"),
        "zmin": float(np.floor(10 * np.nanmin(matrix)) / 10),
        "zmax": 1.0,
        "colorbar": {"title": {"text": "complex correlation", "side": "right"}, "thickness": 14},
        "hovertemplate": "starts %{y} and %{x}: %{z:.4f}<extra></extra>",
    }
    if len(numbers) <= CLEAR // 4:
        trace |= {"texttemplate": "%{z:.3f}", "textfont": {"size": 11}}
    axes = {
        "xaxis": {"title": {"text": "start"}, "type": "category", "constrain": "domain"},
        "yaxis": {
            "title": {"text": "start"},
            "type": "category",
            "autorange": "reversed",
            "scaleanchor": "x",
        },
    }
    return {"data": [trace], "layout": layout(side + 60, **axes) | {"width": side + 180}}
