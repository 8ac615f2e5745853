"""Crystals that fill their own gaps: tables of docs/inpainting.md.

    python benchmarks/crystal.py [--dimensions 2] [--side 96] [--crystals 12] [--widths 6 12]

draws strained polyhedra of voxels (phase range 0 to π, σ 2.5 to 6, peaks of 1e5 to 1e7 counts), hides a gap
of each width across a random axis, its middle up to ten voxels from the peak or 16 to 22 voxels away in turn,
and fills it by every method. Scores are against the expectation, as `sayre evaluate inpaint` prints them.
"""

from __future__ import annotations

import argparse
import warnings
from dataclasses import replace

import numpy as np

from sayre.data import Grid, Pattern
from sayre.filling.scores import Score, evaluate, summarise
from sayre.simulation import photons
from sayre.simulation.strained.voxels import VoxelPopulation, draw
from sayre.workflows.evaluate import coverage_table, table

SEED = 20_261_126


def population(dimensions: int, side: int) -> VoxelPopulation:
    """Return what the crystals are drawn from."""
    return VoxelPopulation(
        side=side,
        dimensions=dimensions,
        oversampling=(2.5, 6.0),
        phase_range=(0.0, np.pi),
        max_counts=(1e5, 1e7),
    )


def scores_of(index: int, options: argparse.Namespace) -> list[Score]:
    """Return the scores of every method in one gap of each width."""
    generator = np.random.default_rng([SEED, index])
    amplitude = draw(population(options.dimensions, options.side), generator).amplitude
    truth = (amplitude.real**2 + amplitude.imag**2).astype(np.float32)
    counts = photons.count(truth, generator)
    grid = Grid(step=(1.0,) * options.dimensions)
    pattern = Pattern(intensity=counts, mask=np.zeros(counts.shape, bool), grid=grid)
    found: list[Score] = []
    for turn, width in enumerate(options.widths, index):
        axis, near = int(generator.integers(options.dimensions)), turn % 2 == 0
        away = generator.choice([-1, 1]) * generator.integers(16, 23)
        offset = int(generator.integers(-10, 11) if near else away)
        place = options.side // 2 + offset - (width - 1) // 2
        scores = evaluate(
            pattern, width=width, axis=axis, position=place, methods=options.methods, truth=truth
        )
        print(f"crystal {index}, {width} voxels, {offset} from the peak\n{table(scores)}", flush=True)
        found += [
            replace(score, method=method, distance=0 if near else 1)
            for score, method in zip(scores, options.methods, strict=True)
        ]
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dimensions", type=int, default=3)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--crystals", type=int, default=4)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--widths", type=int, nargs="+", default=[6, 12])
    parser.add_argument("--methods", nargs="+", default=["linear", "wiener", "crystal"])
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    numbers = range(options.first, options.first + options.crystals)
    everything = [score for index in numbers for score in scores_of(index, options)]
    for place, name in enumerate(("near", "away")):
        group = [score for score in everything if score.distance == place]
        if group:
            rows = summarise(group)
            print(f"\nmean, {name}", table(rows), coverage_table(rows), sep="\n")


if __name__ == "__main__":
    main()
