"""Kills every command after each of its file operations, and at random moments: `python tests/fuzz/crash.py`.

The identical command follows, and a training is resumed as its message says; then every byte must be that of
a command that was not killed, and no other file may be left. Where the command was killed after it was done,
its repetition may also say that the output exists. A move of a file is also broken off with half of the file
written. Prints a table; the status is the number of points that failed, at most 99.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np

CHANGING = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate"}
PHASING = "--runs 2 --recipe HIO*6,ER*4 --quiet --seed 1"
PEAK = "--atoms 2000 --shape-px 24 --oversampling 3 --max-counts 1e5 --seed 1 --quiet"
DATASET = """
count = 3
patterns_per_particle = 1
shard_size = 1
shape = 8
max_counts = [1e3, 1e4]
particles = { atoms = [500, 600] }
"""
TRAINING = """
network = "published"
dimensions = 2
width = 0.0625
batch = 1
steps = 3
epoch_steps = 1
validation_crystals = 1
workers = 0
threads = 1
precision = "32-true"
[population]
dimensions = 2
"""
COMMANDS = {
    "simulate": f"simulate OUT/a.npz {PEAK} --save-particle OUT/a.xyz",
    "simulate dataset": "simulate dataset dataset.toml OUT/set --quiet",
    "inpaint": "inpaint peak.npz --method wiener -o OUT/a.npz --quiet",
    "inpaint of the crystal": "inpaint peak.npz --method crystal -o OUT/a.npz --quiet",
    "inpaint to TIFF": "inpaint peak.npz --method wiener -o OUT/a.tif --quiet",
    "merge": "merge peak.npz again.npz -o OUT/a.npz --errors OUT/errors.npz --quiet",
    "merge to TIFF": "merge peak.npz again.npz -o OUT/a.tif --quiet",
    "phase": f"phase peak.npz {PHASING} --picture OUT/a.png -o OUT/a.npz",
    "run": f"run peak.npz {PHASING} --method wiener -o OUT/run",
    "train phase": "train phase training.toml -o OUT/train --quiet",
}
RESUMED = {"train phase": "train phase training.toml -o OUT/train --quiet --resume OUT/train/last.ckpt"}
UNLIKE = {"last.ckpt"}
"""Files in which there are times, or that are in another order, each time."""


class Point(NamedTuple):
    """When a command is killed: before a file operation, with half of a file written or not, or at a time."""

    operation: int = -1
    half: bool = False
    after: float = 0.0


class Ended(NamedTuple):
    """How a command ended: its status (negative: by a signal), what it said, its operations and its time."""

    status: int
    said: str
    operations: list[str]
    seconds: float


def command(line: str, out: Path, point: Point | None = None) -> Ended:
    """Do a command in a process of its own, which is killed at a point."""
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as done:
        return _ended(line, out, point, said, done)


def _ended(line, out, point, said, done):
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
        _calm()
        sys.addaudithook(_hook(out, point, done.fileno()))
        status = 1
        with contextlib.suppress(BaseException):
            from sayre.cli import main

            status = main(line.replace("OUT", str(out)).split())
        sys.stderr.flush()
        os._exit(status)
    if point is not None and point.after:
        time.sleep(point.after)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    seconds = time.monotonic() - began
    for file in (said, done):
        file.seek(0)
    return Ended(
        os.waitstatus_to_exitcode(status), said.read().decode(), done.read().decode().splitlines(), seconds
    )


def _calm():
    """Take times and commits out of what is written, and keep what a command does whenever it can."""
    from sayre.data.manifest import Manifest
    from sayre.files import pace

    collect = Manifest.collect.__func__

    def timeless(cls, *given, **known):
        found = collect(cls, *given, **known)
        return dataclasses.replace(found, created="", git_commit=None, seconds=None, peak_memory_mib=None)

    Manifest.collect, Manifest.done = classmethod(timeless), lambda self, _: self
    time.perf_counter = lambda: 0.0
    pace.PATIENCE, pace.SHARE = -1.0, float("inf")


def _hook(out, point, told):
    """Tell of every operation in a folder, and kill the process before the one that is wanted."""
    count, busy = 0, False

    def hook(event, values):
        nonlocal count, busy
        if busy or not (event in CHANGING or (event == "open" and _writes(values))):
            return
        path = os.fsdecode(values[0]) if isinstance(values[0], str | bytes | os.PathLike) else ""
        if not path.startswith(str(out)):
            return
        busy = True
        if point is not None and count == point.operation:
            if point.half and event == "os.rename":
                os.truncate(path, os.path.getsize(path) // 2)
            os.kill(os.getpid(), signal.SIGKILL)
        os.write(told, f"{event} {path[len(str(out)) :]}\n".encode())
        count, busy = count + 1, False

    return hook


def _writes(values):
    """Whether an `open` writes."""
    return isinstance(values[2], int) and bool(values[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


def tree(folder):
    """Bytes of every file of a folder, by its path."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        found[name] = b"" if path.is_dir() or path.name in UNLIKE else path.read_bytes()
    return found


def outcome(name, wanted, point, folder):
    """What came of a command that was killed at a point and repeated; empty where all is as it must be."""
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    killed = command(COMMANDS[name], out, point)
    if killed.status not in (-signal.SIGKILL, 0):
        return f"the command that was to be killed ended with {killed.status}: {killed.said[-200:]}"
    again = command(COMMANDS[name], out)
    if again.status == 2 and name in RESUMED and "resume" in again.said:
        again = command(RESUMED[name], out)
    if again.status != 0 and not (
        (again.status == 2 and "exists" in again.said) or "finished run" in again.said
    ):
        return f"status {again.status}: {again.said[-300:]}"
    found = tree(out)
    odd = [path for path in {*found, *wanted} if found.get(path) != wanted.get(path)]
    if odd:
        return f"{', '.join(sorted(odd)[:5])}: missing, left over or of other bytes; {again.said[-200:]}"
    return ""


def tried(name, folder, moments, generator, limit=None):
    """Kill a command at every point and at random moments; how many points, and those that failed."""
    out = folder / "out"
    out.mkdir()
    whole = command(COMMANDS[name], out)
    if whole.status != 0:
        raise SystemExit(f"{name}: status {whole.status}: {whole.said}")
    wanted = tree(out)
    points = [Point(number) for number in range(len(whole.operations))]
    points += [
        Point(number, half=True)
        for number, told in enumerate(whole.operations)
        if told.startswith("os.rename")
    ]
    points = points if limit is None else generator.sample(points, min(limit, len(points)))
    points += [Point(after=generator.uniform(0.05, 1.05) * whole.seconds) for _ in range(moments)]
    failed = []
    for point in points:
        found = outcome(name, wanted, point, folder)
        if found:
            at = whole.operations[point.operation] if point.operation >= 0 else f"{point.after:.2f} s"
            failed.append(f"{name}, killed at {point.operation} {at}{' half' * point.half}: {found}")
            print(failed[-1], flush=True)
    return len(points) - moments, failed


def prepare(folder: Path) -> None:
    """Write what the commands read."""
    os.chdir(folder)
    (folder / "dataset.toml").write_text(DATASET)
    (folder / "training.toml").write_text(TRAINING)
    made = command(f"simulate OUT/whole.npz {PEAK}", folder)
    if made.status != 0:
        raise SystemExit(made.said)
    with np.load(folder / "whole.npz") as file:
        counts, step = file["intensity"], file["grid_step"]
    mask = np.zeros(counts.shape, bool)
    mask[:, :, 15:17] = True
    np.savez(folder / "peak.npz", intensity=np.where(mask, 0, counts), mask=mask, grid_step=step)
    moved = np.roll(np.random.default_rng(0).poisson(counts), -4, 2)
    np.savez(folder / "again.npz", intensity=np.where(mask, 0, moved), mask=mask, grid_step=step)


def warm() -> None:
    """Import what the commands import, once for all processes."""
    import lightning  # noqa: F401
    import matplotlib.pyplot  # noqa: F401
    import torch

    import sayre.workflows.run
    import sayre.workflows.training.train_phase  # noqa: F401

    torch.set_num_threads(1)


def main() -> int:
    """Try the commands, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("commands", nargs="*", help=f"some of {', '.join(COMMANDS)}; all without")
    parser.add_argument("--moments", type=int, default=10, help="random moments of each command")
    parser.add_argument("--limit", type=int, help="file operations of each command, at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    warm()
    generator, began, failures = random.Random(given.seed), time.monotonic(), []
    lines = ["| command | file operations | random moments | failed |", "|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as made:
        prepare(Path(made))
        for name in given.commands or COMMANDS:
            with tempfile.TemporaryDirectory() as scratch:
                points, failed = tried(name, Path(scratch), given.moments, generator, given.limit)
            failures += failed
            lines.append(f"| `{name}` | {points} | {given.moments} | {len(failed)} |")
            print(lines[-1], flush=True)
        os.chdir("/")
    head = f"{time.monotonic() - began:.0f} s on {os.cpu_count()} cores"
    print("\n".join([head, "", *lines]))
    if given.out:
        given.out.write_text(json.dumps({"head": head, "table": lines, "failed": failures}, indent=1))
    return min(len(failures), 99)


if __name__ == "__main__":
    sys.exit(main())
