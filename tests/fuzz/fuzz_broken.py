"""Readers that fail in every way, on which the fuzzer itself is tried: `--made fuzz_broken`."""

from __future__ import annotations

import os
import time
from pathlib import Path

from fuzz_mutations import cut
from fuzz_samples import Sample

COMPUTES = 1
"""Seconds of processor time after which a case ends its process by the signal SIGXCPU."""


class Found:
    """A result that is another one after the first."""

    number = 0

    def digest(self):
        """What tells it from another."""
        Found.number += 1
        return str(Found.number)


def samples(folder: Path) -> list[Sample]:
    """A file with five readers: a traceback, an end of the process, two hangs, and a loss without a word."""
    (folder / "a").write_bytes(b"0123456789" * 10)
    failing = {
        "one": lambda: {}["x"],
        "two": lambda: os._exit(0),
        "three": lambda: time.sleep(100),
        "four": _computes,
    }
    made = [Sample(kind, folder / "a", _later(read), (cut,), True) for kind, read in failing.items()]
    return [*made, Sample("five", folder / "a", Found, (cut,), True)]


def _computes():
    while True:
        pass


def _later(read):
    """A reader that fails when it is called again."""
    called = []

    def reading():
        called.append(1)
        return read() if len(called) > 1 else None

    return reading
