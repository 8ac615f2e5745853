"""Times of other programs beside Sayre's: those of docs/peers.md, and on `sim64` those of a run now."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parents[1]
PAGE = HERE.parent / "docs" / "peers.md"
UNREFINED = r"sayre [\d.]+\w*|Sayre, `--refine none`"
"""What other programs are compared with: equal starts and iterations, no refinement."""


class Beside(NamedTuple):
    """A program on a case: seconds for all starts, FFT pairs an iteration, both over Sayre's."""

    case: str
    program: str
    seconds: float
    pairs: float
    times_seconds: float
    times_pairs: float


def recorded(text: str) -> list[Beside]:
    """Rows of the tables of the page that have times."""
    rows: dict[str, dict[str, tuple[float, float]]] = {}
    for case, program, seconds, pairs in _rows(text):
        rows.setdefault(case, {})[program] = seconds, pairs
    return [row for case, programs in rows.items() for row in _beside(case, programs)]


def now(python: Path, threads: int, starts: int = 1) -> Iterator[Beside | str]:
    """Every program that the interpreter has on `sim64`; of the others, why they are left out."""
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder) / "peers.json"
        words = ["--peers", str(python), "--cases", "sim64", "--no-memory", "--threads", str(threads)]
        words += ["--starts", str(starts), "--json", str(found), "--programs"]
        words += ["sayre", "cohere", "cuphaser", "cdi_stools"]
        done = subprocess.run([sys.executable, str(HERE / "peers.py"), *words], check=False)
        rows = json.loads(found.read_text()) if done.returncode == 0 else []
    yield from (f"{row['program']}: left out: {row['skipped']}" for row in rows if "skipped" in row)
    ran = [row for row in rows if "skipped" not in row]
    times = {f"{r['program']} {r['version']}": (r["best seconds"], r["iteration"] / r["pair"]) for r in ran}
    yield from _beside("sim64", times)


def _beside(case: str, programs: dict[str, tuple[float, float]]) -> Iterator[Beside]:
    ours = next((times for name, times in programs.items() if re.fullmatch(UNREFINED, name)), None)
    if ours is None:
        return
    for name, (seconds, pairs) in programs.items():
        if not name.lower().startswith("sayre"):
            yield Beside(case, name, seconds, pairs, seconds / ours[0], pairs / ours[1])


def _rows(text: str) -> Iterator[tuple[str, str, float, float]]:
    """Case, program, seconds of its answer, FFT pairs an iteration."""
    case, head = "", list[str]()
    for line in text.splitlines():
        if line.startswith("#"):
            case = line.lstrip("#").strip()
        if not line.startswith("|"):
            head = []
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not head:
            head = cells
        elif "program" in head and "s" in head and "iteration / FFT pair" in head:
            if "case" in head:
                case = cells[head.index("case")] or case
            times = re.findall(r"[\d.]+", cells[len(head) - 1 - head[::-1].index("s")])
            pairs = re.findall(r"[\d.]+", cells[head.index("iteration / FFT pair")])
            if times and pairs:
                yield case, cells[head.index("program")], float(times[-1]), float(pairs[0])
