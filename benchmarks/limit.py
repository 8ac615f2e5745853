"""What the counts around a gap can tell of it at most, beside what the methods make of them.

    python benchmarks/limit.py [--ratios 3 5] [--widths 3 6 9 12] [--patterns 3] [--side 64]

`limit` is the share of the variance in the gap that the band alone leaves open (`sayre.numerics.limit`);
symmetry, the crystal's shape and phases, and statistics of other patterns know more.

Of simulated strained crystals (phase range 2 to 6 rad) the same share is measured, `Σ ((filled − true)/mean)²
/ Σ ((true − mean)/mean)²`, over voxels whose local mean (Gaussian of 4 voxels of the expectation) is within
a factor of two of μ.
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from sayre.data import Grid, Pattern
from sayre.detectors import masks
from sayre.filling.fill import inpaint
from sayre.numerics.limit import left_open
from sayre.simulation import photons
from sayre.simulation.strained.voxels import VoxelPopulation, draw

SEED = 20_261_126
MEANS = (10.0, 100.0)
METHODS = ("linear", "wiener", "unet", "stack")


def measured(
    filled: NDArray[np.float32], truth: NDArray[np.float32], gap: NDArray[np.bool_], mean: float
) -> tuple[float, float]:
    """Return the squared error of a filling, and that of the local mean, where this is about `mean`."""
    local = gaussian_filter(truth.astype(np.float64), 4.0)
    at = gap & (local > mean / 2) & (local < 2 * mean)
    error = (filled[at] - truth[at]) / local[at]
    fringes = (truth[at] - local[at]) / local[at]
    return float((error**2).sum()), float((fringes**2).sum())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ratios", type=float, nargs="+", default=[3.0, 5.0])
    parser.add_argument("--widths", type=int, nargs="+", default=[3, 6, 9, 12])
    parser.add_argument("--patterns", type=int, default=3)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--methods", nargs="+", default=METHODS)
    options = parser.parse_args()
    print(
        f"{'ratio':>5} {'width':>5} {'counts':>6} {'limit':>7} "
        + " ".join(f"{m:>7}" for m in options.methods)
    )
    for ratio in options.ratios:
        population = VoxelPopulation(
            side=options.side,
            oversampling=(ratio, ratio),
            anisotropy=1.0,
            phase_range=(2.0, 6.0),
            max_counts=(1e7, 1e7),
        )
        for width in options.widths:
            sums = np.zeros((len(MEANS), len(options.methods), 2))
            for number in range(options.patterns):
                generator = np.random.default_rng((SEED, number))
                truth = (np.abs(draw(population, generator).amplitude) ** 2).astype(np.float32)
                gap = masks.plane(truth.shape, 1, options.side // 2 + 10, width)
                counts = np.where(gap, np.float32(0), photons.count(truth, generator))
                pattern = Pattern(intensity=counts, mask=gap, grid=Grid(step=(1.0, 1.0, 1.0)))
                for m, method in enumerate(options.methods):
                    filled = inpaint(pattern, method=method).intensity
                    for k, mean in enumerate(MEANS):
                        sums[k, m] += measured(filled, truth, gap, mean)
            for k, mean in enumerate(MEANS):
                shares = " ".join(f"{error / max(fringes, 1e-9):7.3f}" for error, fringes in sums[k])
                print(
                    f"{ratio:5g} {width:5d} {mean:6g} {left_open(width, ratio, mean):7.3f} {shares}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
