"""How well measured counts are explained: table of docs/phasing.md.

    python benchmarks/measured.py FILE [--crop 64 | --box 96 80 80] [--flat auto|none] [--seeds 3] [--runs 20]

phases the part of a pattern around its brightest voxel from several sets of starts and prints, of each result
and in the median, the residual R, half the Poisson deviance of a voxel (of those used, and of the free ones),
the agreement and scatter of the starts, and the effects of beam and detector. The last line compares the
results with each other.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np

import sayre
from sayre.data import Pattern
from sayre.retrieval.choice.align import align, correlation
from sayre.retrieval.phased import Phased


def around_brightest(pattern: Pattern, sides: Sequence[int]) -> tuple[slice, ...]:
    """Return a box of these sides around the brightest voxel, moved inwards where the array ends."""
    shape = pattern.shape
    peak = np.unravel_index(int(pattern.intensity.argmax()), shape)
    starts = [min(max(int(p) - s // 2, 0), n - s) for p, s, n in zip(peak, sides, shape, strict=True)]
    return tuple(slice(start, start + s) for start, s in zip(starts, sides, strict=True))


def row(found: Phased, seed: int | str, seconds: float) -> str:
    """Return the line of a result."""
    effects = "" if found.nuisances is None else ", ".join(found.nuisances.kinds)
    return (
        f"{seed:>6} {found.residual:8.4f} {found.likelihood:8.3f} {found.free_likelihood:8.3f} "
        f"{found.agreement:10.3f} {found.modes.scatter:8.3f} {seconds:6.0f}  {effects}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--crop", type=int, default=64)
    parser.add_argument("--box", type=int, nargs=3)
    parser.add_argument("--flat", default="auto")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--refine", default="auto")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    whole = sayre.load(options.file, flat=options.flat)
    pattern = whole.crop(around_brightest(whole, options.box or (options.crop,) * len(whole.shape)))
    print("  seed        R      fit     free  agreement  scatter      s  effects")
    results: list[Phased] = []
    for seed in range(options.seeds):
        began = time.perf_counter()
        found = sayre.phase(pattern, runs=options.runs, seed=seed, refine=options.refine)
        print(row(found, seed, time.perf_counter() - began), flush=True)
        results.append(found)
    fit = statistics.median(one.likelihood for one in results)
    free = statistics.median(one.free_likelihood for one in results)
    print(f"median          {fit:8.3f} {free:8.3f}")
    alike = [correlation(align(b.object, a.object), a.object) for a, b in combinations(results, 2)]
    if alike:
        print("correlation of the results with each other:", ", ".join(f"{c:.3f}" for c in alike))


if __name__ == "__main__":
    main()
