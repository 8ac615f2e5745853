"""Reads damaged copies of small files of every kind: `python tests/fuzz/fuzz.py --cases 20000 --workers 2`.

Each file must be read or refused by an `InputError` of one line that names it. What was found is printed as a
table; files that did otherwise go into the folder of `--keep`. A case is made again by its number and the
seed: `--first NUMBER --cases 1`. The status is the number of cases that failed, at most 99.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import platform
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HANGS = 300
"""Seconds without an answer after which a case is one that hangs, on a busy machine too. It is one as well
after the processor time that the module of its reader allows."""
GOOD = ("read", "refused")
OUTCOMES = (*GOOD, "message", "traceback", "crash", "hang", "silent")
WORKER = Path(__file__).with_name("fuzz_worker.py")
SCRATCH = "/dev/shm" if os.path.isdir("/dev/shm") and os.access("/dev/shm", os.W_OK) else None


class Child:
    """A process that reads every `step`-th case from `first` on."""

    def __init__(self, seed: int, first: int, step: int, last: int, *which: str) -> None:
        self.seed, self.next, self.step, self.last, self.which = seed, first, step, last, which
        self.rows: list[dict] = []
        self.folder = tempfile.TemporaryDirectory(dir=SCRATCH)
        self.start()

    def start(self):
        """Begin with the next case, in a folder of its own."""
        self.folder.cleanup()
        self.folder = tempfile.TemporaryDirectory(dir=SCRATCH)
        numbers = map(str, (self.seed, self.next, self.step, self.last))
        command = [sys.executable, str(WORKER), self.folder.name, *numbers, *self.which]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.begun, self.kinds, self.heard, self.rest = None, [], time.monotonic() + 60, b""

    def listen(self):
        """Take what the process says; False at its end."""
        said = os.read(self.process.stdout.fileno(), 1 << 16)
        *lines, self.rest = (self.rest + said).split(b"\n")
        for line in lines:
            try:
                self._take(json.loads(line))
            except ValueError:  # what a library prints
                continue
        return bool(said)

    def _take(self, told):
        self.heard = time.monotonic()
        if "kinds" in told:
            self.kinds = told["kinds"]
        elif "begins" in told:
            self.begun = told["begins"]
        else:
            self.rows.append(told)
            self.next = told["case"] + self.step

    def lost(self, outcome):
        """Note what the case did that ended the process."""
        self.process.kill()
        _, errors = self.process.communicate()
        if self.begun is None:
            status = self.process.returncode
            raise SystemExit(
                f"a process ended with status {status} at case {self.next}: {errors.decode()[-2000:]}"
            )
        if self.rows and self.rows[-1]["case"] == self.begun:  # it ended after it had told what came of it
            self.rows.pop()
        text = f"the process ended with status {self.process.returncode}: {errors.decode().strip()[-200:]}"
        kind = self.kinds[self.begun % len(self.kinds)]
        self.rows.append({"case": self.begun, "kind": kind, "file": "", "outcome": outcome, "text": text})
        self.next = self.begun + self.step


def run(cases, *, seed=0, first=0, workers=1, seconds=float("inf"), made="fuzz_samples", corpus=None):
    """Read damaged files in processes of their own, and return a row of each case."""
    which = (made,) if corpus is None else (made, str(corpus))
    end, last = time.monotonic() + seconds, first + cases
    children = [Child(seed, first + index, workers, last, *which) for index in range(min(workers, cases))]
    selector = selectors.DefaultSelector()
    for child in children:
        selector.register(child.process.stdout, selectors.EVENT_READ, child)
    while selector.get_map() and time.monotonic() < end:
        for key, _ in selector.select(timeout=1):
            child = key.data
            if not child.listen():
                selector.unregister(key.fileobj)
                status = child.process.wait()
                if status != 0 or child.next < last:
                    _again(child, "hang" if status == -signal.SIGXCPU else "crash", selector)
        for key in list(selector.get_map().values()):
            if time.monotonic() - key.data.heard > HANGS:
                selector.unregister(key.fileobj)
                _again(key.data, "hang", selector)
    for child in children:
        child.process.kill()
        child.process.communicate()
        child.folder.cleanup()
    return sorted((row for child in children for row in child.rows), key=lambda row: row["case"])


def _again(child, outcome, selector):
    child.lost(outcome)
    if child.next < child.last:
        child.start()
        selector.register(child.process.stdout, selectors.EVENT_READ, child)


def table(rows):
    """Rows of a table: how many files of each kind there were, and what came of them."""
    found = collections.Counter((row["kind"], row["outcome"]) for row in rows)
    kinds = list(dict.fromkeys(row["kind"] for row in rows))
    lines = [f"| kind | cases | {' | '.join(OUTCOMES)} |", f"|---|{'---|' * (len(OUTCOMES) + 1)}"]
    for kind in (*sorted(kinds), "all"):
        of = [sum(n for (k, o), n in found.items() if kind in (k, "all") and o == out) for out in OUTCOMES]
        lines.append(f"| {kind} | {sum(of)} | {' | '.join(map(str, of))} |")
    return lines


def keep(rows, seed, folder):
    """Write the damaged file of every case that failed into a folder, one of each complaint."""
    from fuzz_samples import samples
    from fuzz_worker import damaged

    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as made:
        files = samples(Path(made))
        known = set()
        for row in rows:
            sample = files[row["case"] % len(files)]
            if (sample.path.name, row["text"]) not in known:
                known.add((sample.path.name, row["text"]))
                data, _ = damaged(sample, sample.path.read_bytes(), seed, row["case"])
                (folder / f"{row['outcome']}-{seed}-{row['case']}-{sample.path.name}").write_bytes(data)


def main():
    """Read cases, print the table, and return how many failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=20000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long")
    parser.add_argument("--made", default="fuzz_samples", help="module that makes the files")
    parser.add_argument("--corpus", type=Path, help="folder of files that are read instead")
    parser.add_argument("--keep", type=Path, help="folder for the files that failed")
    parser.add_argument("--out", type=Path, help="file for the rows of the cases that failed, and the table")
    given = parser.parse_args()
    started = time.monotonic()
    cases = given.cases if given.corpus is None else len(list(given.corpus.iterdir()))
    options = {
        name: getattr(given, name) for name in ("seed", "first", "workers", "seconds", "made", "corpus")
    }
    rows = run(cases, **options)
    failed = [row for row in rows if row["outcome"] not in GOOD]
    head = (
        f"{len(rows)} cases of seed {given.seed} in {time.monotonic() - started:.0f} s by {given.workers} "
        f"processes on {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
    )
    print("\n".join([head, "", *table(rows)]))
    for row in failed[:200]:
        print(f"{row['outcome']} {row['case']} {row['kind']} {row['file']}: {row['text'][:200]}")
    if given.out:
        given.out.write_text(json.dumps({"head": head, "table": table(rows), "failed": failed}, indent=1))
    if given.keep and failed and given.corpus is None:
        keep(failed, given.seed, given.keep)
    return min(len(failed), 99)


if __name__ == "__main__":
    sys.exit(main())
