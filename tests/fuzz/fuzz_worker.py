"""Reads damaged copies in a process of its own: `fuzz_worker.py FOLDER SEED FIRST STEP LAST MADE [CORPUS]`.

`MADE` is the module that makes the files. Of a `CORPUS`, a folder, files that failed before are read instead.

Every case is told on a line before it begins, and what came of it after, so that who started this process
knows which case ended it.
"""

from __future__ import annotations

import importlib
import json
import logging
import resource
import sys
import time
import traceback
import warnings
from pathlib import Path

import numpy as np
from fuzz_mutations import cut

from sayre.errors import InputError

MEMORY = 6 * 2**30
"""Bytes of addresses that a process may have."""


def digest(found):
    """What tells a result from another."""
    return found.digest() if hasattr(found, "digest") else ""


def damaged(sample, original, seed, number):
    """The damaged bytes of a case, and whether only the end was cut off."""
    rng = np.random.default_rng([seed, number])
    mutation = sample.mutations[rng.integers(len(sample.mutations))]
    try:
        return mutation(original, rng), mutation is cut
    except Exception:  # what cannot be made of this file
        return cut(original, rng), True


def outcome(sample, is_cut, whole):
    """What came of reading a damaged file, and what is to be said of it."""
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found = digest(sample.read())
    except InputError as error:
        text = str(error)
        named = any(name in text for name in (sample.path.name, sample.path.parent.name, *sample.names))
        return ("refused" if named and len(text.splitlines()) == 1 else "message"), text
    except BaseException as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        own = [at for at in traceback.extract_tb(error.__traceback__) if "sayre" in at.filename]
        where = (
            f"{Path(own[-1].filename).name}:{own[-1].lineno}" if own else f"{place.filename}:{place.lineno}"
        )
        return "traceback", f"{type(error).__name__} at {where}: {' '.join(str(error).split())[:120]}"
    if is_cut and sample.whole and found != whole and not caught:
        return "silent", "read without a word although its end is missing"
    return "read", ""


def main(folder, seed, first, step, last, module, corpus=None):
    """Read the cases `first`, `first + step`, … below `last`, or until a process is told to stop."""
    logging.disable()
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    source = importlib.import_module(module)
    made = source.samples(folder)
    stored = sorted(Path(corpus).iterdir()) if corpus else []
    originals = [sample.path.read_bytes() for sample in made]
    wholes = [digest(sample.read()) for sample in made]
    print(json.dumps({"kinds": [sample.kind for sample in made]}), flush=True)
    for number in range(first, last, step):
        which = number % len(made)
        if stored:
            which = [sample.path.name for sample in made].index(stored[number].name.split("-", 3)[3])
        sample, original = made[which], originals[which]
        data, is_cut = (stored[number].read_bytes(), 0) if stored else damaged(sample, original, seed, number)
        sample.path.parent.mkdir(parents=True, exist_ok=True)
        sample.path.write_bytes(data)
        print(json.dumps({"begins": number}), flush=True)
        _, most = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + source.COMPUTES, most))
        kind, text = outcome(sample, is_cut, wholes[which])
        sample.path.write_bytes(original)
        found = {"case": number, "kind": sample.kind, "file": sample.path.name, "outcome": kind, "text": text}
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:6]), *sys.argv[6:])
