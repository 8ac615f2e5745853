"""From what the programs gave back to rows, and from rows to tables."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sayre.retrieval.choice.align import align, correlation

Output = dict[str, Any]
Row = dict[str, Any]

NEAR = 1.1
"""Near the best: this many times the lowest residual that any program reached."""
COLUMNS = (
    ("R, one start", "one residual", ".3f"),
    ("half deviance", "one deviance", ".2f"),
    ("correlation", "one correlation", ".3f"),
    ("error", "one error", ".2f"),
    ("s", "one seconds", ".1f"),
    ("R, best of starts", "best residual", ".3f"),
    ("half deviance", "best deviance", ".2f"),
    ("correlation", "best correlation", ".3f"),
    ("error", "best error", ".2f"),
    ("s", "best seconds", ".0f"),
)


def score(outputs: Sequence[Output], truth: NDArray[np.complex64] | None) -> Row:
    """Numbers of one program on one case.

    Parameters
    ----------
    outputs
        What the adapter wrote, once for each independent set of starts.
    truth
        The centred object. Where None, correlation and error are those of independent results with each
        other.

    Raises
    ------
    ValueError
        No start of a set finished with numbers.
    """
    if not all(np.isfinite(output["residuals"]).any() for output in outputs):
        raise ValueError("no start finished")
    one = [x for output in outputs for x in output["objects"] if np.isfinite(x).all()]
    best = [_best(output) for output in outputs]
    if truth is not None:
        fits = {"one": [_fit(x, truth) for x in one], "best": [_fit(x, truth) for x, *_ in best]}
    else:
        pairs = {"one": one, "best": [x for x, *_ in best]}
        fits = {name: [_fit(*ab) for ab in itertools.combinations(x, 2)] for name, x in pairs.items()}
    starts = np.concatenate([output["seconds"] for output in outputs])
    histories = [
        output["history"] + np.array([1000 * i, 0, 0, 0]) for i, output in enumerate(outputs)
    ]  # starts of other sets are other starts
    return {
        "one residual": _median(r for output in outputs for r in output["residuals"] if np.isfinite(r)),
        "one deviance": _median(d for output in outputs for d in output["deviances"] if np.isfinite(d)),
        "one seconds": _median(starts) + _median(float(output["preparation"]) for output in outputs),
        "best residual": _median(r for _, r, _ in best),
        "best deviance": _median(d for *_, d in best),
        "best seconds": _median(float(output["total"]) for output in outputs),
        **{f"{name} correlation": _median(c for c, _ in fit) for name, fit in fits.items()},
        **{f"{name} error": _median(e for _, e in fit) for name, fit in fits.items()},
        "pair": _median(float(output["pair"]) for output in outputs),
        "iteration": float(starts.mean()) / int(outputs[0]["iterations"]),
        "iterations": int(outputs[0]["iterations"]),
        "starts": len(one),
        "history": np.concatenate(histories).tolist(),
    }


def time_to(row: Row, level: float) -> tuple[float, int]:
    """Median seconds of a start to a residual, over those that reach it, and how many do."""
    first: dict[float, float] = {}
    for start, _, seconds, residual in row["history"]:
        if residual <= level:
            first.setdefault(start, seconds)
    return _median(first.values()), len(first)


def levels(rows: Iterable[Row]) -> tuple[float, float]:
    """Residual that every program's best start reaches, and `NEAR` times the lowest of all."""
    lowest = [min(residual for *_, residual in row["history"]) for row in rows]
    return max(lowest) * (1 + 1e-9), NEAR * min(lowest)


def table(case: str, rows: Sequence[Row], programs: Sequence[str]) -> str:
    """Markdown of one case; cells of programs that did not run are empty or say why."""
    known = {row["program"]: row for row in rows if row["case"] == case}
    ran = [row for row in known.values() if "skipped" not in row and _followed(row)]
    common, near = levels(ran) if ran else (math.nan, math.nan)
    to = [f"s to R ≤ {level:.3f}" if level == level else "s to R" for level in (common, near)]
    head = ["program", *(name for name, *_ in COLUMNS), *to, "iteration / FFT pair", "memory MiB"]
    lines = [f"### {case}", "", "| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for program in programs:
        row = known.get(program, {})
        cells = [f"{program} {row.get('version', '')}".strip()]
        if "skipped" in row:
            lines.append(f"| {cells[0]} | {row['skipped']} |" + " |" * (len(head) - 2))
            continue
        cells += [_number(row.get(which), form) for _, which, form in COLUMNS]
        cells += [_reached(row, level) for level in (common, near)]
        cells += [_number(row["iteration"] / row["pair"], ".1f") if row else ""]
        cells += [_number(row.get("memory", math.nan) / 2**20, ".0f") if row else ""]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _best(output: Output) -> tuple[NDArray[np.complex64], float, float]:
    """Object, residual and deviance of the program's answer, or of its start of the lowest residual."""
    if "answer" in output:
        return output["answer"], float(output["answer_residual"]), float(output["answer_deviance"])
    index = int(np.nanargmin(output["residuals"]))
    return output["objects"][index], float(output["residuals"][index]), float(output["deviances"][index])


def _fit(a: NDArray[np.complex64], b: NDArray[np.complex64]) -> tuple[float, float]:
    """Complex correlation and ‖a − b‖/‖b‖ once a lies on b; both as bright as the counts say."""
    aligned = align(a, b)
    return correlation(aligned, b), float(np.linalg.norm(aligned - b) / np.linalg.norm(b))


def _followed(row: Row) -> bool:
    """Whether starts were looked at before their ends."""
    return len(row["history"]) > row["starts"]


def _reached(row: Row, level: float) -> str:
    if not row or not _followed(row):
        return ""
    seconds, starts = time_to(row, level)
    return f"{seconds:.1f} ({starts}/{row['starts']})" if starts else f"— (0/{row['starts']})"


def _number(value: float | None, form: str) -> str:
    if value is None:
        return ""
    return format(value, form) if value == value else "—"


def _median(values: Iterable[float]) -> float:
    found = list(values)
    return float(np.median(found)) if found else math.nan
