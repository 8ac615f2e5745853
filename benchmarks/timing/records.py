"""What was measured, kept line by line, and how it has changed."""

from __future__ import annotations

import datetime
import json
import math
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from timing.turns import Taken

Case = dict[str, Any]
"""`seconds`, `ratio`, `spread` (None of a single repeat) and `repeats`."""
Record = dict[str, Any]
LONE = 0.15
"""Taken for the spread of what was measured once."""


def case(taken: Taken, name: str) -> Case:
    """The fastest repeat, its ratio to the fastest yardstick, and how the ratios of turns scatter.

    The spread is the distance of the quartiles of those ratios over their median.
    """
    work, pair = taken[name], taken["pair"]
    quartiles = np.percentile([t / p for t, p in zip(work, pair, strict=True)], (25, 50, 75))
    spread = float((quartiles[2] - quartiles[0]) / quartiles[1]) if len(work) > 1 else None
    found = {"seconds": min(work), "ratio": min(work) / min(pair), "spread": spread}
    return {**{k: v and float(f"{v:.4g}") for k, v in found.items()}, "repeats": len(work)}


def machine(clock: str, threads: int) -> Record:
    """When, by what, and on what kind of machine; nothing tells which one."""
    import torch

    import sayre

    model = platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(
            (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model
        )
    affinity = getattr(os, "sched_getaffinity", None)
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "version": sayre.__version__,
        "torch": torch.__version__,
        "cpu": model,
        "cores": len(affinity(0)) if affinity else os.cpu_count(),
        "clock": clock,
        "threads": threads,
    }


def load(path: Path) -> list[Record]:
    """Records, oldest first."""
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines if line.strip()]


def append(path: Path, record: Record) -> None:
    with path.open("a") as file:
        file.write(json.dumps(record) + "\n")


def series(record: Record) -> tuple[Any, ...]:
    """What records must share for their ratios to be compared."""
    return record["cpu"], record["clock"], record["threads"]


def last(records: Sequence[Record], name: str, like: Record) -> Case | None:
    """The last record of a case on such a processor, by the same clock and threads."""
    for record in reversed(records):
        if series(record) == series(like) and name in record["cases"]:
            found: Case = record["cases"][name]
            return found
    return None


class Change(NamedTuple):
    """Ratio now over the ratio recorded, and whether that is beyond the scatter of both."""

    times: float
    beyond: bool


def change(now: Case, then: Case) -> Change:
    times = now["ratio"] / then["ratio"]
    scatter = sum(LONE if c["spread"] is None else c["spread"] for c in (now, then))
    return Change(times, abs(math.log(times)) > math.log1p(scatter))


def changes(cases: Mapping[str, Case], records: Sequence[Record], like: Record) -> dict[str, Change]:
    """Of the cases that were recorded before."""
    pairs = ((name, now, last(records, name, like)) for name, now in cases.items())
    return {name: change(now, then) for name, now, then in pairs if then is not None}
