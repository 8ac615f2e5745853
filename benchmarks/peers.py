"""Sayre and other phase retrieval programs side by side on the same data: tables of docs/peers.md.

    python benchmarks/peers.py --peers PYTHON [--measured A=FILE D=FILE --cases A-64 D-128] [--json FILE]
    python benchmarks/peers.py --json FILE --markdown

PYTHON is the interpreter that has the other programs (docs/peers.md says how to make one); what it cannot
import is left out, with the reason. Every program runs by itself, one at a time. Results go to `--json` as
they come; those already there are not repeated. `--markdown` runs nothing and prints the tables.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from peers import cases, scores
from peers.sayre import PRESETS, length

CASES = ("sim64", "sim64-cross", "sim128", "sim128-cross", "measured")
PROGRAMS = ("sayre", "sayre_refined", "cohere", "cuphaser", "cdi_stools")
OWN = ("sayre", "sayre_refined")
"""Programs that run in this interpreter."""
MEMORY_ITERATIONS = 100
HERE = Path(__file__).resolve().parent


class Failed(RuntimeError):
    """A program that could not be imported or stopped; the text is the last line it said."""


def call(program: str, options: argparse.Namespace, *arguments: str) -> str:
    """Run an adapter in its own process; what it printed."""
    python = sys.executable if program in OWN else str(options.peers)
    pools = ("OMP", "MKL", "OPENBLAS", "NUMEXPR")
    threads = {f"{pool}_NUM_THREADS": str(options.threads) for pool in pools}
    command = [python, "-m", f"peers.{program}", *arguments]
    path = os.pathsep.join(filter(None, (str(HERE), os.environ.get("PYTHONPATH"))))
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **threads, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=options.timeout,
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"not done in {options.timeout:.0f} s") from None
    if done.returncode:
        raise Failed((done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1])
    return done.stdout


def one(case: cases.Case, program: str, options: argparse.Namespace) -> scores.Row:
    """One program on one case: its sets of starts, then its memory."""
    try:
        version = call(program, options, "--check").split()[-1]
        with tempfile.TemporaryDirectory() as folder:
            given, taken = Path(folder) / "in.npz", Path(folder) / "out.npz"
            np.savez(given, intensity=case.pattern.intensity, mask=case.pattern.mask)

            def run(iterations: int, starts: int, seed: int, *more: str) -> dict[str, Any]:
                budget = {"iterations": iterations, "starts": starts, "seed": seed}
                budget["threads"] = options.threads
                flags = [f"--{name}={value}" for name, value in budget.items()]
                call(program, options, str(given), str(taken), *flags, *more)
                with np.load(taken) as found:
                    return dict(found)

            sets = range(options.sets if case.truth is None else 1)
            outputs = [run(options.iterations, options.starts, seed) for seed in sets]
            row = scores.score(outputs, case.truth)
            if options.memory:
                row["memory"] = float(run(MEMORY_ITERATIONS, 1, 0, "--memory")["memory"])
    except (Failed, ValueError) as failure:
        return {"case": case.name, "program": program, "skipped": str(failure)}
    return {"case": case.name, "program": program, "version": version, **row}


def rows(options: argparse.Namespace, known: list[scores.Row]) -> Iterator[scores.Row]:
    """Rows that are not known yet, as they come."""
    done = {(row["case"], row["program"]) for row in known if "skipped" not in row}
    for name in options.cases:
        wanted = [program for program in options.programs if (name, program) not in done]
        if not wanted:
            continue
        try:
            case = cases.make(name, dict(options.measured))
        except ValueError as why:
            print(f"{name}: left out: {why}", flush=True)
            continue
        for program in wanted:
            if program not in OWN and options.peers is None:
                yield {"case": name, "program": program, "skipped": "no --peers PYTHON"}
            else:
                yield one(case, program, options)


def say(row: scores.Row) -> None:
    if "skipped" in row:
        print(f"{row['case']:13s} {row['program']:11s} left out: {row['skipped']}", flush=True)
        return
    parts = []
    for which in ("one", "best"):
        numbers = [
            row[f"{which} {what}"] for what in ("residual", "deviance", "correlation", "error", "seconds")
        ]
        parts.append(
            "{}: R {:.3f}  half deviance {:.2f}  correlation {:.3f}  error {:.2f}  {:.1f} s".format(
                which, *numbers
            )
        )
    ratio, memory = row["iteration"] / row["pair"], row.get("memory", float("nan")) / 2**20
    parts.append(f"{ratio:.1f} pairs of {1e3 * row['pair']:.1f} ms  {memory:.0f} MiB")
    print(f"{row['case']:13s} {row['program']:11s} " + "  | ".join(parts), flush=True)


def named(text: str) -> tuple[str, Path]:
    """Name and file of a measured peak."""
    name, equals, file = text.rpartition("=")
    return (name if equals else cases.MEASURED), Path(file)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peers", type=Path, help="interpreter that has the other programs")
    parser.add_argument("--measured", nargs="+", type=named, default=[], metavar="[PEAK=]FILE")
    parser.add_argument(
        "--cases", nargs="+", default=list(CASES), help="simN, simN-cross, PEAK (96³), PEAK-N, PEAK-FxRxC"
    )
    parser.add_argument("--programs", nargs="+", choices=PROGRAMS, default=list(PROGRAMS))
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--sets", type=int, default=2, help="of starts, where there is no truth")
    parser.add_argument("--iterations", type=int, default=length(PRESETS["default"]))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--timeout", type=float, default=7200, help="seconds for one program")
    parser.add_argument("--no-memory", dest="memory", action="store_false", help="do not measure it")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", action="store_true")
    return parser.parse_args()


def main() -> None:
    options = read_options()
    known = json.loads(options.json.read_text()) if options.json and options.json.exists() else []
    if not options.markdown:
        if hasattr(os, "sched_setaffinity"):  # for the threads that a program starts unasked
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.threads])
        for row in rows(options, known):
            key = row["case"], row["program"]
            known = [old for old in known if (old["case"], old["program"]) != key] + [row]
            say(row)
            if options.json:
                options.json.write_text(json.dumps(known))
    if options.markdown:
        print("\n\n".join(scores.table(case, known, options.programs) for case in options.cases))


if __name__ == "__main__":
    main()
