"""Fills of gaps that are cut into measured counts, or into simulated peaks: tables of docs/inpainting.md.

    python benchmarks/hidden.py FILE ... --gaps AXIS:START:WIDTH ... [--crop 96 | --box FIRST STOP ... ]
    python benchmarks/hidden.py FILE ... --gaps 1:+6:12 ...
    python benchmarks/hidden.py FILE ... --spread [--widths 3 6 9 12 16] [--processes N] [--keep SCORES.json]
    python benchmarks/hidden.py rods|peaks|planar --spread [--patterns 8] ...

hides one gap after the other and fills it by every method. START is the first plane of the gap in the array
of the file, or with a sign the distance of its middle from the brightest voxel. `--spread` hides gaps of each
width at eight places: across the last two axes, on both sides of the peak, the edge of the gap 4 and 16
voxels from it (`--places 4`: across the last axis alone). Of simulated peaks each pattern gets one gap of
each width, near and away in turn: `rods` are peaks of 1e5 counts, 96³, of facetted crystals whose rods lie
along the axes; `peaks` the particles of accuracy.py, and `planar` the 2D crystals of crystal.py. They are
compared with their expectation. `--keep` writes the scores of every gap to a file, and a command that was
stopped goes on from there.

The columns are those of `sayre evaluate inpaint`: the log error, the same over that of linear interpolation
in the whole gap and in its voxels above 5 counts; the sum of the filled counts over that of the hidden ones,
in both; the mean squared error of the root of the counts; correlations; and the share of the voxels within
one and two standard errors. Hidden counts carry photon noise that no method can predict; the row `noise` is
what it leaves to the true expectation. The means are followed by the shares in classes of expected counts,
and by `classes`, in which the last method is compared with the best of the others by its mean ratio.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Iterator
from concurrent.futures import as_completed
from dataclasses import asdict, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import accuracy
import crystal
import sayre
from measured import around_brightest
from sayre.data import Grid, Pattern
from sayre.filling.coverage import Covered
from sayre.filling.scores import Score, evaluate, summarise
from sayre.simulation import photons
from sayre.simulation.peak import Population, random_expectation, simulate
from sayre.simulation.processes import one_thread_each, workers
from sayre.simulation.strained.voxels import draw
from sayre.workflows.evaluate import coverage_table, table

METHODS = ("linear", "wiener", "unet", "stack")
SIMULATED = ("rods", "peaks", "planar")
SEED = 20_250_211
NEAR, AWAY = 4, 16
"""Voxels between the peak and the edge of a gap."""
Case = tuple[Pattern, list[int], NDArray[np.float32] | None]
"""Pattern, its first voxel in the array of the file, and the expectation where it is known."""


@lru_cache(maxsize=2)
def case(name: str, index: int, crop: int, box: tuple[int, ...], flat: str) -> Case:
    """Return the pattern that is filled: part of a file, or a simulated one by its number."""
    if name in SIMULATED:
        return simulated(name, index, crop)
    pattern = sayre.load(name, flat=flat)
    if box:
        cut = tuple(slice(a, b) for a, b in zip(box[::2], box[1::2], strict=True))
    else:
        cut = around_brightest(pattern, [min(crop, n) for n in pattern.shape])
    return pattern.crop(cut), [side.start for side in cut], None


def simulated(name: str, index: int, crop: int) -> Case:
    """Simulate a pattern."""
    if name == "rods":
        made = simulate(
            "winterbottom" if index % 2 else "wulff",
            shape_px=crop,
            oversampling=(4.0, 5.0, 3.5),
            max_counts=1e5,
            phase_range=2.0,
            generator=np.random.default_rng([SEED, index]),
        )
        return made.pattern, [0, 0, 0], made.expectation
    if name == "peaks":
        generator = np.random.default_rng([accuracy.TEST_SEED, index])
        unit, _ = random_expectation(Population(oversampling=(2.0, 7.0), size=crop), generator)
        truth = unit * np.float32(10 ** generator.uniform(5, 8))
    else:
        generator = np.random.default_rng([crystal.SEED, index])
        amplitude = draw(crystal.population(2, crop), generator).amplitude
        truth = (amplitude.real**2 + amplitude.imag**2).astype(np.float32)
    counts = photons.count(truth, generator)
    grid = Grid(step=(1.0,) * truth.ndim)
    pattern = Pattern(intensity=counts, mask=np.zeros(counts.shape, bool), grid=grid)
    return pattern, [0] * truth.ndim, truth


def place_of(text: str, pattern: Pattern, first: list[int]) -> tuple[int, int, int]:
    """Return axis, first plane in the array, and width of a gap."""
    axis, place, width = text.split(":")
    k = int(axis) % len(pattern.shape)
    if place[0] not in "+-":
        return k, int(place) - first[k], int(width)
    peak = np.unravel_index(int(pattern.intensity.argmax()), pattern.shape)
    return k, int(peak[k]) + int(place) - (int(width) - 1) // 2, int(width)


def spread(name: str, index: int, widths: list[int], places: int) -> Iterator[str]:
    """Gaps at eight places of a measured pattern, or at one of a simulated one."""
    for turn, width in enumerate(widths, index):
        distances = [sign * (clear + width // 2) for clear in (NEAR, AWAY) for sign in (1, -1)]
        if name in SIMULATED:
            yield f"-{1 + turn // 4 % 2}:{distances[turn % 4]:+d}:{width}"
        else:
            every = [f"-{axis}:{distance:+d}:{width}" for axis in (1, 2) for distance in distances]
            yield from every[:places]


def jobs(options: argparse.Namespace) -> Iterator[tuple[str, int, str]]:
    """Name, number and gap of every fill."""
    for name in options.files:
        for index in range(options.patterns if name in SIMULATED else 1):
            gaps = spread(name, index, options.widths, options.places) if options.spread else options.gaps
            for gap in gaps:
                yield name, index, gap


def scored(name: str, index: int, gap: str, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Fill one gap by every method; runs in a process of its own."""
    warnings.simplefilter("ignore")
    pattern, first, truth = case(name, index, options.crop, tuple(options.box or ()), options.flat)
    axis, start, width = place_of(gap, pattern, first)
    methods = [m for m in options.methods if m != "unet" or len(pattern.shape) == 3]
    scores = evaluate(pattern, width=width, axis=axis, position=start, methods=methods, truth=truth)
    return [asdict(replace(s, method=s.method.partition(" + ")[0])) for s in scores]


def one_thread(*job: Any) -> list[dict[str, Any]]:
    """Call `scored` on one thread."""
    torch.set_num_threads(1)
    return scored(*job)


def filled(options: argparse.Namespace) -> Iterator[tuple[str, list[Score]]]:
    """Fill every gap that is not kept, and return the scores of all in the order of the jobs."""
    keep = Path(options.keep) if options.keep else None
    known: dict[str, Any] = json.loads(keep.read_text()) if keep and keep.exists() else {}
    every = {f"{Path(name).name} {index} {gap}": (name, index, gap) for name, index, gap in jobs(options)}
    waiting = {key: job for key, job in every.items() if key not in known}

    def done(key: str, rows: list[dict[str, Any]]) -> None:
        known[key] = rows
        if keep:
            keep.write_text(json.dumps(known))
        print(f"{len(known)} of {len(every)}: {key}", flush=True)

    if options.processes > 1:
        with one_thread_each(), workers(options.processes) as submit:
            asked = {submit(one_thread, *job, options): key for key, job in waiting.items()}
            for future in as_completed(asked):
                done(asked[future], future.result())
    else:
        for key, job in waiting.items():
            done(key, scored(*job, options))
    for key in every:
        rows = [row | {"classes": tuple(Covered(**c) for c in row["classes"])} for row in known[key]]
        yield key, [Score(**row) for row in rows]


def classes(scores: list[Score]) -> str:
    """Compare the last method with the best of the others, by width, and near the peak or away."""
    last = scores[-1].method
    lines = [
        f"width  place  gaps   whole gap: best, {last}, ratio   bright: best, {last}, ratio   sum   √ error"
    ]
    for width in sorted({s.width for s in scores}):
        for place in ("near", "away"):
            rows = [s for s in scores if s.width == width and _place(s) == place]
            if not rows:
                continue
            means = {r.method: r for r in summarise(rows)}
            mine, others = means[last], [r for r in means.values() if r.method != last]
            cells = []
            for number in ("ratio", "bright_ratio"):
                best = min(others, key=lambda r: getattr(r, number))
                low, own = getattr(best, number), getattr(mine, number)
                cells.append(f"{low:.3f} ({best.method}) {own:.3f} {own / low:.3f}")
            error = mine.root_error / min(r.root_error for r in others)
            gaps = len(rows) // len(means)
            sums = f"{mine.bright_sum:.2f} (linear {means['linear'].bright_sum:.2f})"
            lines.append(f"{width:5d}  {place}  {gaps:4d}   {cells[0]}   {cells[1]}   {sums}   {error:.3f}")
    return "\n".join(lines)


def _place(score: Score) -> str:
    return "near" if abs(score.distance) - score.width // 2 < (NEAR + AWAY) / 2 else "away"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("files", nargs="+", help="counts, rods, peaks or planar")
    parser.add_argument("--gaps", nargs="+", default=[])
    parser.add_argument("--spread", action="store_true")
    parser.add_argument("--widths", type=int, nargs="+", default=[3, 6, 9, 12, 16])
    parser.add_argument("--places", type=int, default=8)
    parser.add_argument("--crop", type=int, default=96)
    parser.add_argument("--box", type=int, nargs="+")
    parser.add_argument("--flat", default="auto")
    parser.add_argument("--patterns", type=int, default=2)
    parser.add_argument("--methods", nargs="+", default=METHODS)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--keep")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    everything: list[Score] = []
    for key, scores in filled(options):
        if not options.spread:
            print(f"{key}\n{table(scores)}")
        everything += scores
    methods = len({score.method for score in everything})
    print(f"\nmean of {len(everything) // methods}")
    rows = summarise([replace(score, width=0) for score in everything])
    print(table(rows), coverage_table(rows), classes(everything), sep="\n\n")


if __name__ == "__main__":
    main()
