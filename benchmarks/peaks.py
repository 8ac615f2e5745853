"""How often one crystal is taken for two peaks, and two are told apart: docs/development/measurements.md.

    python benchmarks/peaks.py --crystals 1000 200

Strained crystals of `sayre.simulation.strained.voxels` in 128² and 64³ (oversampling 2 to 5, peaks of 1e4 to
1e8 counts), alone and with a copy of 0.5 and of 1.2 times the height, which is moved by a third of the array
or more on an axis.
"""

from __future__ import annotations

import argparse

import numpy as np

from sayre.retrieval.peaks import find_peaks
from sayre.simulation.strained.voxels import VoxelPopulation, draw

RANGES = ((0, 2), (2, 4), (4, 6), (6, 8))
"""Ranges of the phase of a crystal, in π."""
SIDES = {2: 128, 3: 64}
HEIGHTS = (0.5, 1.2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--crystals", type=int, nargs=2, default=(1000, 200), help="of each range, in 2D and 3D"
    )
    parser.add_argument("--seed", type=int, default=11)
    options = parser.parse_args()
    print("two peaks found, in crystals alone and beside a copy")
    for (dimensions, side), count in zip(SIDES.items(), options.crystals, strict=True):
        for low, high in RANGES:
            population = VoxelPopulation(
                side=side, dimensions=dimensions, phase_range=(low * np.pi, high * np.pi)
            )
            false, apart = 0, dict.fromkeys(HEIGHTS, 0)
            for index in range(count):
                generator = np.random.default_rng([options.seed, dimensions, low, index])
                mean = np.abs(draw(population, generator).amplitude) ** 2
                false += find_peaks(generator.poisson(mean).astype(np.float32)).second is not None
                shift = np.zeros(dimensions, int)
                while np.abs(shift).max() < side // 3:
                    shift = generator.integers(-side * 3 // 8, side * 3 // 8 + 1, dimensions)
                for height in HEIGHTS:
                    both = mean + height * np.roll(mean, shift, range(dimensions))
                    found = find_peaks(generator.poisson(both).astype(np.float32))
                    apart[height] += found.second is not None
            shown = ", ".join(f"{number} beside {height}" for height, number in apart.items())
            print(f"{dimensions}D, {low}π to {high}π: of {count}, {false} alone, {shown}", flush=True)


if __name__ == "__main__":
    main()
