"""Fills of gaps that are cut into measured counts, or into simulated peaks: tables of docs/inpainting.md.

    python benchmarks/hidden.py FILE --gaps AXIS:START:WIDTH ... [--crop 96 | --box FIRST STOP ... ]
    python benchmarks/hidden.py FILE --gaps 1:+6:12 ...
    python benchmarks/hidden.py rods --gaps 1:+6:12 ... [--patterns 2]

hides one gap after the other and fills it by every method. START is the first plane of the gap in the array
of the file, or with a sign the distance of its middle from the brightest voxel. `rods` are simulated peaks of
1e5 counts, 96³, of facetted crystals whose rods lie along the axes; they are compared with their expectation.

The columns are those of `sayre evaluate inpaint`: the log error, the same over that of linear interpolation
in the whole gap and in its voxels above 5 counts; the sum of the filled counts over that of the hidden ones,
in both; the mean squared error of the root of the counts; correlations; and the share of the voxels within
one and two standard errors. Hidden counts carry photon noise that no method can predict; the row `noise` is
what it leaves to the true expectation. The means are followed by the shares in classes of expected counts.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import sayre
from measured import around_brightest
from sayre.data import Pattern
from sayre.filling.scores import Score, evaluate, summarise
from sayre.simulation.peak import simulate
from sayre.workflows.evaluate import coverage_table, table

METHODS = ("linear", "wiener", "unet", "stack")
SEED = 20_250_211
Case = tuple[str, Pattern, list[int], NDArray[np.float32] | None]
"""Name, pattern, its first voxel, and the expectation where it is known."""


def measured(options: argparse.Namespace) -> Iterator[Case]:
    """Return the part of the pattern that is filled."""
    pattern = sayre.load(options.file, flat=options.flat)
    if options.box:
        box = tuple(slice(a, b) for a, b in zip(options.box[::2], options.box[1::2], strict=True))
    else:
        box = around_brightest(pattern, (options.crop,) * len(pattern.shape))
    yield Path(options.file).name, pattern.crop(box), [side.start for side in box], None


def rods(options: argparse.Namespace) -> Iterator[Case]:
    """Simulate dim peaks with rods."""
    for index in range(options.patterns):
        made = simulate(
            "winterbottom" if index % 2 else "wulff",
            shape_px=options.crop,
            oversampling=(4.0, 5.0, 3.5),
            max_counts=1e5,
            phase_range=2.0,
            generator=np.random.default_rng([SEED, index]),
        )
        yield f"rods {index}", made.pattern, [0, 0, 0], made.expectation


def place_of(text: str, pattern: Pattern, first: list[int]) -> tuple[int, int, int]:
    """Return axis, first plane in the array, and width of a gap."""
    axis, place, width = text.split(":")
    if place[0] not in "+-":
        return int(axis), int(place) - first[int(axis)], int(width)
    peak = np.unravel_index(int(pattern.intensity.argmax()), pattern.shape)
    return int(axis), int(peak[int(axis)]) + int(place) - (int(width) - 1) // 2, int(width)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("file", help="counts, or rods")
    parser.add_argument("--gaps", nargs="+", required=True)
    parser.add_argument("--crop", type=int, default=96)
    parser.add_argument("--box", type=int, nargs="+")
    parser.add_argument("--flat", default="auto")
    parser.add_argument("--patterns", type=int, default=2)
    parser.add_argument("--methods", nargs="+", default=METHODS)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    everything: list[Score] = []
    for name, pattern, first, truth in rods(options) if options.file == "rods" else measured(options):
        for text in options.gaps:
            axis, start, width = place_of(text, pattern, first)
            scores = evaluate(
                pattern, width=width, axis=axis, position=start, methods=options.methods, truth=truth
            )
            scores = [replace(s, method=s.method.partition(" + ")[0]) for s in scores]
            print(f"{name}, {text}\n{table(scores)}", flush=True)
            everything += scores
    print(f"\nmean of {len(everything) // len(options.methods)}")
    rows = summarise([replace(score, width=0) for score in everything])
    print(table(rows), coverage_table(rows), sep="\n\n")


if __name__ == "__main__":
    main()
