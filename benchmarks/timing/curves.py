"""The picture of the records: bars of the last ones, or curves where there are enough of them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from timing.cases import ASKED_RATIO, ASKED_SECONDS, GROUPS, WHOLE
from timing.records import Case, Record, series

PANELS = {
    "Filling, 64³": "fill-64",
    "Filling, 128³": "fill-128",
    "An iteration, 128³": "step",
    "Other computations": ("likelihood", "autodiff", "sum"),
    "Starting": ("import", "help"),
    "Whole runs": "run",
}
FOLLOWED = 3
"""Records of a case from which on a curve is drawn instead of a bar."""
COLOURS = ("#00897b", "#e08214", "#5e3c99", "#2166ac")


def draw(file: Path, records: Sequence[Record]) -> None:
    """Ratios of all cases, a panel for each kind."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    names = [name for group in (*GROUPS, WHOLE) for name in group.cases.values()]
    kinds = list(dict.fromkeys(series(record) for record in records))
    fig, axes = plt.subplots(2, 3, figsize=(11, 5.6), layout="constrained")
    for axis, (title, beginning) in zip(axes.flat, PANELS.items(), strict=True):
        shown = [name for name in names if name.startswith(beginning)]
        unit = "times import numpy" if title == "Starting" else "FFT pairs"
        if max(len(found(records, name, kind)) for name in shown for kind in kinds) < FOLLOWED:
            _bars(axis, records, shown, kinds)
            axis.set_xlabel(unit)
        else:
            _curves(axis, records, shown, kinds)
            axis.set_ylabel(unit)
        axis.set_title(title, fontsize=10, loc="left")
        axis.spines[["top", "right"]].set_visible(False)
    handles = {label: handle for axis in axes.flat for handle, label in zip(*legend(axis), strict=True)}
    fig.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=3, frameon=False)
    fig.savefig(file, dpi=110)
    plt.close(fig)


def found(records: Sequence[Record], name: str, kind: tuple[Any, ...]) -> list[tuple[int, Case]]:
    """The records of a case in one series, by their numbers."""
    return [
        (number, record["cases"][name])
        for number, record in enumerate(records, 1)
        if series(record) == kind and name in record["cases"]
    ]


def asked(name: str, case: Case) -> float | None:
    """The ratio that is asked of a case; seconds become ratios by the seconds of its record."""
    if name in ASKED_SECONDS:
        return case["ratio"] * ASKED_SECONDS[name] / case["seconds"]
    return ASKED_RATIO.get(name)


def legend(axis: Any) -> tuple[list[Any], list[str]]:
    return axis.get_legend_handles_labels()  # type: ignore[no-any-return]


def _bars(axis: Any, records: Sequence[Record], shown: list[str], kinds: list[tuple[Any, ...]]) -> None:
    """The last record of each case, a bar for each series, beside what is asked."""
    height = 0.8 / len(kinds)
    for row, name in enumerate(shown):
        last = {
            place: made[-1][1] for place, kind in enumerate(kinds) if (made := found(records, name, kind))
        }
        for place, case in last.items():
            y = row + (place - (len(kinds) - 1) / 2) * height
            axis.barh(y, case["ratio"], 0.9 * height, color=COLOURS[place % 4], label=words(kinds[place]))
            error = case["ratio"] * (case["spread"] or 0) / 2
            axis.errorbar(case["ratio"], y, xerr=error, color="black", linewidth=1, capsize=2)
            limit = asked(name, case)
            if limit is not None:
                axis.vlines(limit, y - height / 2, y + height / 2, "black", "dashed", label="asked")
        if not last:
            axis.text(0, row, " not measured", va="center", color="grey", fontsize=9)
    axis.set_yticks(range(len(shown)), [short(name) for name in shown])
    axis.set_ylim(len(shown) - 0.5, -0.5)
    axis.set_xlim(left=0)
    axis.tick_params(axis="y", length=0)


def _curves(axis: Any, records: Sequence[Record], shown: list[str], kinds: list[tuple[Any, ...]]) -> None:
    """Ratios over the records, a colour for each case and a line for each series."""
    styles = dict(zip(kinds, itertools.cycle(("o-", "s--", "^:", "d-.")), strict=False))
    cases = {}
    for place, name in enumerate(shown):
        for kind in kinds:
            points = found(records, name, kind)
            if points:
                x, made = zip(*points, strict=True)
                cases[short(name)] = axis.errorbar(
                    x,
                    [case["ratio"] for case in made],
                    yerr=[case["ratio"] * (case["spread"] or 0) / 2 for case in made],
                    fmt=styles[kind],
                    color=COLOURS[place % 4],
                    markersize=4,
                    linewidth=1,
                )
    axis.legend(cases.values(), cases.keys(), fontsize=8, frameon=False)
    for kind in kinds:
        axis.plot([], [], styles[kind], color="grey", label=words(kind))
    axis.set_xlim(0.5, len(records) + 0.5)
    axis.set_ylim(bottom=0)
    axis.set_xticks(range(1, len(records) + 1, 1 + len(records) // 12))
    axis.set_xlabel("record")


def short(name: str) -> str:
    """A case without what its panel says."""
    return re.sub(r"^(fill|step)-\d+-", "", name)


def words(kind: tuple[Any, ...]) -> str:
    """A series in words."""
    cpu, clock, threads = kind
    counted = {"cpu": "processor's clock", "wall": "wall clock"}.get(clock, clock)
    return f"{cpu}, {counted}, {threads} thread{'' if threads == 1 else 's'}"
