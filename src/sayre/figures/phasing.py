"""Pictures of phase retrieval: how the starts went, what they found, how fine it can be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sayre.crystal.conversion import centred
from sayre.crystal.ramp import remove_ramp
from sayre.crystal.resolution import ShellCurve
from sayre.figures.style import INK
from sayre.retrieval.engine.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

History = Sequence[tuple[int, float]]

BELIEVED, OTHER, FIRST = "#2e8b8b", "#b8bec8", "#d1495b"
CURVE_COLOURS = (FIRST, BELIEVED, "#b8860b", INK)
THRESHOLDS = {"PRTF": "1/e", "FSC": "half-bit", "unseen counts": "1/2"}
"""What a curve is read against, by its name."""
LABELLED = 40
"""So many starts at most carry their numbers."""
APART = 0.11
"""Of an axis, the least distance of two labels of periods."""


def convergence_figure(runs: Sequence[Run], selected: Sequence[int] = ()) -> Figure:
    """Residual of every start against iterations, and where they end: residual and free likelihood.

    Parameters
    ----------
    runs
        All of them.
    selected
        Indices of those that were averaged, the middle one first.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.5, 3.9), layout="constrained", facecolor="white")
    left, right = figure.subplots(1, 2, width_ratios=(1.5, 1))
    draw_histories(left, {run.index: run.history for run in runs}, selected)
    if runs:
        left.set_ylim(*residual_range(runs))
    _ends(right, [run for run in runs if not run.failed], selected)
    failed = sum(bool(run.failed) for run in runs)
    if failed:
        left.set_title(f"{failed} of {len(runs)} starts failed", fontsize=10, color=INK)
    return figure


def residual_range(runs: Sequence[Run]) -> tuple[float, float]:
    """Ends of a logarithmic scale of R that shows the better three quarters of the starts in full.

    Those that failed and the worst ones, which would squash it, may leave it.

    Parameters
    ----------
    runs
        One or more.
    """
    finished = sorted((run for run in runs if not run.failed), key=lambda run: run.residual)
    better = finished[: max(-(-3 * len(finished) // 4), 1)] or runs
    values = np.array(
        [value for run in better for _, value in run.history] + [run.residual for run in better]
    )
    values = values[np.isfinite(values) & (values > 0)]
    if not len(values):
        return 0.01, 1.0
    return 0.9 * float(values.min()), 1.1 * float(values.max())


def draw_histories(panel: Any, histories: Mapping[int, History], selected: Sequence[int] = ()) -> None:
    """Residual against iterations, a line a start; `selected` in colour, the first of them on top.

    Parameters
    ----------
    panel
        Axes to draw on.
    histories
        (iteration, residual) of each start, by its index.
    selected
        Indices of the averaged starts, the one in the middle first.
    """
    for index, history in sorted(histories.items(), key=lambda item: rank_of(item[0], selected)):
        points = np.array(history, float).reshape(-1, 2)
        points = points[np.isfinite(points[:, 1]) & (points[:, 1] > 0)]
        color, width = _style(index, selected)
        panel.plot(points[:, 0], points[:, 1], color=color, lw=width)
    panel.set_yscale("log")
    _plain_ticks(panel.yaxis)
    panel.set_xlabel("iteration")
    panel.set_ylabel("residual R")
    panel.spines[["top", "right"]].set_visible(False)


def rank_of(index: int, selected: Sequence[int]) -> int:
    """2 for the middle one of the averaged starts, 1 for the others of them, else 0.

    Parameters
    ----------
    index
        Of a start.
    selected
        Indices of the averaged starts, the one in the middle first.
    """
    return 0 if index not in selected else 2 if index == selected[0] else 1


def _style(index: int, selected: Sequence[int]) -> tuple[str, float]:
    return ((OTHER, 1.0), (BELIEVED, 1.2), (FIRST, 2.0))[rank_of(index, selected)]


def _plain_ticks(axis: Any) -> None:
    """Numbers such as 0.2 on a logarithmic axis, which rarely spans more than two decades here."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _ends(panel: Any, runs: Sequence[Run], selected: Sequence[int]) -> None:
    """Final residual and likelihood of every start that finished."""
    free = any(np.isfinite(run.free_likelihood) for run in runs)
    labels = {0: "not averaged", 1: "averaged", 2: "middle of these" if len(selected) > 1 else "averaged"}
    for rank, label in labels.items():
        those = [run for run in runs if rank_of(run.index, selected) == rank]
        if not those:
            continue
        color, _ = _style(those[0].index, selected)
        y = [run.free_likelihood if free else run.likelihood for run in those]
        panel.scatter([run.residual for run in those], y, s=34, color=color, label=label, zorder=2 + rank)
    if len(runs) <= LABELLED:
        for run in runs:
            place = (run.residual, run.free_likelihood if free else run.likelihood)
            panel.annotate(
                str(run.index), place, (4, 3), textcoords="offset points", fontsize=7, color="#5b6472"
            )
    panel.set_xlabel("final residual R")
    panel.set_ylabel(f"{'free ' if free else ''}−log likelihood per voxel")
    panel.margins(0.12)
    panel.locator_params(nbins=5)
    if selected:
        panel.legend(frameon=False, fontsize=8, loc="best")
    panel.spines[["top", "right"]].set_visible(False)


def resolution_figure(curves: Mapping[str, ShellCurve]) -> Figure:
    """Curves such as PRTF and FSC against |q|, their thresholds dashed, their resolutions marked.

    The periods 2π/|q| are written above.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 4.6), layout="constrained", facecolor="white")
    panel = figure.subplots()
    for (name, curve), color in zip(curves.items(), CURVE_COLOURS, strict=False):
        known = np.isfinite(curve.value) & (curve.q > 0)
        q = curve.q[known]
        panel.plot(q, curve.value[known], color=color, lw=1.8, label=f"{name}: {resolution_text(curve)}")
        label = f"its threshold, {THRESHOLDS[name]}" if name in THRESHOLDS else "its threshold"
        panel.plot(q, told_threshold(curve)[known], color=color, lw=1.0, ls=(0, (4, 3)), label=label)
        if np.isfinite(curve.resolution) and not curve.limited_by_detector:
            panel.axvline(2 * np.pi / curve.resolution, color=color, lw=0.8, alpha=0.5)
    some = next(iter(curves.values()))
    ends = [
        end(c.value[np.isfinite(c.value)], initial=0) for c in curves.values() for end in (np.min, np.max)
    ]
    last = max(float(c.q.max()) for c in curves.values())
    panel.set_ylim(min(0, *ends), max(1.05, *ends))
    panel.set_xlim(0, last)
    panel.set_xlabel("|q| (1/nm)" if some.unit == "nm" else "|q| (rad per voxel)")
    panel.set_ylabel(", ".join(curves))
    above = panel.secondary_xaxis("top")
    places, texts = period_ticks(last, some.unit)
    above.set_xticks(places, labels=texts)
    above.set_xlabel("period 2π/|q|")
    panel.spines["right"].set_visible(False)
    figure.legend(frameon=False, fontsize=8, loc="outside lower left", ncols=2)
    return figure


def told_threshold(curve: ShellCurve) -> NDArray[np.float64]:
    """The threshold of a curve, NaN where it says nothing."""
    return np.where(curve.threshold < 1 - 1e-9, curve.threshold, np.nan)


def period_ticks(last: float, unit: str) -> tuple[list[float], list[str]]:
    """Places on an axis of |q| of round periods 2π/|q|, and their texts, none over another.

    Parameters
    ----------
    last
        End of the axis.
    unit
        Of the periods.
    """
    shortest = 2 * np.pi / last
    power = np.floor(np.log10(shortest))
    steps = [float(m * 10.0 ** (power + i)) for i in range(2) for m in (1, 1.5, 2, 3, 5)]
    kept: list[float] = []
    for period in steps:
        if shortest <= period < 8 * shortest and (
            not kept or 2 * np.pi * (1 / kept[-1] - 1 / period) >= APART * last
        ):
            kept.append(period)
    return [2 * np.pi / period for period in kept], [f"{period:g} {unit}" for period in kept]


def resolution_text(curve: ShellCurve) -> str:
    """`12.3 nm`, or why there is no such number."""
    if not np.isfinite(curve.resolution):
        return "below its threshold from the first shell on"
    length = f"{curve.resolution:.3g} {curve.unit}"
    return f"{length}, the edge of the detector" if curve.limited_by_detector else length


def start_figure(
    obj: NDArray[np.complex64],
    support: NDArray[np.bool_],
    histories: Mapping[int, History],
    index: int,
    *,
    title: str = "",
) -> Figure:
    """Central slices of amplitude and phase of a start, its support outlined, and the residuals of all.

    Parameters
    ----------
    obj, support
        Centred, of any place in the array, with any phase ramp.
    histories
        (iteration, residual) of every start by its index.
    index
        Of the start that `obj` is.
    """
    from matplotlib.figure import Figure

    obj, support = _brought_together(obj, support)
    axes = range(obj.ndim) if obj.ndim == 3 else (None,)
    figure = Figure(figsize=(3.1 * len(axes) + 4.6, 5.4), layout="constrained", facecolor="white")
    left, right = np.ravel(np.asarray(figure.subfigures(1, 2, width_ratios=(3.1 * len(axes), 4.6))))
    panels = left.subplots(2, len(axes), squeeze=False)
    middle = [round(float(np.mean(np.nonzero(support)[i]))) for i in range(obj.ndim)]
    amplitude = np.abs(obj)
    phase = np.where(support, np.angle(obj), np.nan)
    top = float(np.percentile(amplitude[support], 99.5))
    rows = (
        ("amplitude", amplitude, "magma", 0.0, top),
        ("phase (rad)", phase, "twilight_shifted", -np.pi, np.pi),
    )
    for row, (label, values, cmap, low, high) in zip(panels, rows, strict=True):
        for axis, panel in zip(axes, row, strict=True):
            plane, inside = (v if axis is None else np.take(v, middle[axis], axis) for v in (values, support))
            panel.set_facecolor("#e9edf2")
            image = panel.imshow(
                plane, cmap=cmap, vmin=low, vmax=high, origin="lower", interpolation="nearest"
            )
            if inside.any() and not inside.all():
                panel.contour(inside, levels=[0.5], colors=INK, linewidths=0.6)
            panel.set_xticks([])
            panel.set_yticks([])
        left.colorbar(image, ax=row.tolist(), label=label, shrink=0.9, aspect=18, pad=0.02)
    draw_histories(right.subplots(), histories, (index,))
    if title:
        figure.suptitle(title, fontsize=11, color=INK)
    return figure


def _brought_together(
    obj: NDArray[np.complex64], support: NDArray[np.bool_], margin: int = 3
) -> tuple[NDArray[np.complex64], NDArray[np.bool_]]:
    """In the box of the support and a margin, without phase ramp."""
    if not support.any():
        return obj, np.ones_like(support)
    obj, support = centred(remove_ramp(obj, support)[0], support)
    box = []
    for axis in range(obj.ndim):
        inside = np.flatnonzero(support.any(axis=tuple(i for i in range(obj.ndim) if i != axis)))
        box.append(slice(max(int(inside[0]) - margin, 0), int(inside[-1]) + margin + 1))
    return obj[tuple(box)], support[tuple(box)]
