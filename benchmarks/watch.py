"""Times of a short list of cases as ratios to a yardstick beside them, against the last that were recorded.

    python benchmarks/watch.py [--cases step import ...] [--whole] [--clock cpu --threads 1] [--record]
    python benchmarks/watch.py --cases step --fail-over 1.3
    python benchmarks/watch.py --peers PYTHON

Case and yardstick take turns in one process, and the fastest of each is taken; the yardstick is an FFT pair
of the same array, of `import` and `help` the import of numpy. `spread` is the distance of the quartiles of
the ratios of turns over their median. A change is marked where it is beyond the spreads of both records.
Ratios are compared with the last record of the same processor, clock and threads.

On a loaded machine `--clock cpu` with one thread is the steadier one. `--record` adds a line to the records
and draws docs/development/speed.md again. `--peers` runs the other programs that PYTHON has (docs/peers.md)
on `sim64`; without it the times of that page are printed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from timing import cases, page, peers_page, records
from timing.turns import CLOCKS, Taken

HERE = Path(__file__).resolve().parent
POOLS = ("OMP", "MKL", "OPENBLAS", "NUMEXPR", "NUMBA")


def child(number: int, how: cases.How) -> Taken:
    """Times of a group, from a process of its own."""
    import json

    words = ["--child", str(number), "--repeats", str(how.repeats)]
    words += ["--clock", how.clock, "--threads", str(how.threads)]
    threads = {f"{pool}_NUM_THREADS": str(how.threads) for pool in POOLS}
    done = subprocess.run(
        [sys.executable, __file__, *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **threads},
    )
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["it failed"])[-1])
    taken: Taken = json.loads(done.stdout.splitlines()[-1])
    return taken


def measured(options: argparse.Namespace) -> Iterator[tuple[str, records.Case]]:
    """Cases that are asked for, as they come."""
    words = tuple(options.cases)
    for number, group in enumerate((*cases.GROUPS, cases.WHOLE)):
        names = {work: name for work, name in group.cases.items() if not words or name.startswith(words)}
        if not names or (group is cases.WHOLE and not options.whole):
            continue
        how = cases.How(options.repeats or group.repeats, options.clock, options.threads)
        try:
            taken = child(number, how)
        except RuntimeError as failure:
            print(f"{', '.join(names.values())}: failed: {failure}", flush=True)
            continue
        for work, name in names.items():
            yield name, records.case(taken, work)


def say(name: str, now: records.Case, then: records.Case | None) -> None:
    spread = "once" if now["spread"] is None else f"{100 * now['spread']:.0f} %"
    row = f"{name:18s} {now['seconds']:9.4f} {now['ratio']:10.2f} {spread:>7s}"
    if then is None:
        row += f" {'none':>9s}"
    else:
        changed = records.change(now, then)
        mark = ("  slower" if changed.times > 1 else "  faster") if changed.beyond else ""
        row += f" {then['ratio']:9.2f} {changed.times:7.2f}{mark}"
    print(row, flush=True)


def say_peers(options: argparse.Namespace) -> None:
    print("\nother programs                  seconds  over Sayre's   FFT pairs an iteration  over Sayre's")
    rows = (
        peers_page.now(options.peers, options.threads)
        if options.peers
        else peers_page.recorded(peers_page.PAGE.read_text())
    )
    for row in rows:
        if isinstance(row, str):
            print(row)
            continue
        name = f"{row.case}, {row.program}"
        numbers = f"{row.seconds:8.1f} {row.times_seconds:13.1f} {row.pairs:24.1f} {row.times_pairs:13.1f}"
        print(f"{name:30s} {numbers}")
    if not options.peers:
        print("(recorded: docs/peers.md)")


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", nargs="+", default=[], help="beginnings of their names; all by default")
    parser.add_argument("--whole", action="store_true", help="also `sayre run` of 128³ with 10 starts")
    parser.add_argument("--repeats", type=int, help="turns that count, of every case")
    parser.add_argument("--clock", default="wall", choices=list(CLOCKS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--record", action="store_true", help="add a record, and draw the page")
    parser.add_argument("--records", type=Path, default=HERE / "records.jsonl", metavar="FILE")
    parser.add_argument("--page", type=Path, default=page.PAGE, help="that --record draws")
    parser.add_argument("--draw", action="store_true", help="draw the page from the records, measure nothing")
    parser.add_argument("--fail-over", type=float, metavar="TIMES", help="exit 1 if a ratio grew so much")
    parser.add_argument("--peers", type=Path, metavar="PYTHON", help="interpreter with other programs")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    for word in options.cases:
        if not any(name.startswith(word) for name in cases.WORDS):
            parser.error(f"--cases {word}: no such case; there are {', '.join(cases.WORDS)}")
    return options


def main() -> int:
    options = read_options()
    if options.child is not None:
        how = cases.How(options.repeats, options.clock, options.threads)
        print(cases.measured_here(options.child, how))
        return 0
    if options.draw:
        page.draw(options.page, records.load(options.records))
        return 0
    if options.clock == "wall" and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.threads])
    known, found = records.load(options.records), records.machine(options.clock, options.threads)
    print(f"{found['cpu']}, sayre {found['version']}, by --clock {options.clock} --threads {options.threads}")
    print("case                 seconds      ratio  spread  recorded  change")
    found["cases"] = {}
    try:
        for name, case in measured(options):
            found["cases"][name] = case
            say(name, case, records.last(known, name, found))
        say_peers(options)
    except KeyboardInterrupt:
        print("stopped; what was measured counts")
    if options.record and found["cases"]:
        records.append(options.records, found)
        page.draw(options.page, [*known, found])
    changed = records.changes(found["cases"], known, found)
    grown = {
        name: c.times for name, c in changed.items() if options.fail_over and c.times > options.fail_over
    }
    for name, times in grown.items():
        print(f"{name}: {times:.2f} times the ratio recorded, over {options.fail_over}", file=sys.stderr)
    return 1 if grown else 0


if __name__ == "__main__":
    if status := main():
        sys.exit(status)
