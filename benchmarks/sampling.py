"""How well the oversampling ratio is told from counts: the table of docs/phasing.md.

    python benchmarks/sampling.py --crystals 80

Strained crystals of `sayre.simulation.strained.voxels` (phase range up to 8π, peaks of 1e4 to 1e8 counts) in
64³ and 128², the true ratio of the tightest axis in each range; alone, with a gap of 6 voxels across the
peak, with an alien of 2 % of the counts, with frames that differ by 3 %, with a background that rises along
the frames, and with pixels that differ by 20 % in response. A crystal counts as refused where any axis is,
else as unknown where any axis is.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sayre.data import Grid, Pattern
from sayre.retrieval.sampling import sampling
from sayre.simulation.strained.voxels import VoxelPopulation, draw

RANGES = ((1.2, 1.4), (1.4, 1.6), (1.6, 1.8), (1.8, 2.0), (2.0, 2.1), (2.1, 2.5), (2.5, 5.0))
SIDES = {3: 64, 2: 128}
VERDICTS = ("refused", "unknown", "stated")

Counts = NDArray[np.float32]


def pattern_of(counts: NDArray[np.floating], mask: NDArray[np.bool_] | None = None) -> Pattern:
    """Counts as a pattern, 0 where masked."""
    mask = np.zeros(counts.shape, np.bool_) if mask is None else mask
    intensity = np.where(mask, 0, np.maximum(counts, 0)).astype(np.float32)
    return Pattern(intensity=intensity, mask=mask, grid=Grid(step=(1.0,) * counts.ndim))


def variants(counts: Counts, generator: np.random.Generator) -> Iterator[tuple[str, Pattern]]:
    """The counts alone, and disturbed in each way."""
    n, dimensions = counts.shape[0], counts.ndim
    yield "alone", pattern_of(counts)
    gap = np.zeros(counts.shape, np.bool_)
    gap[..., n // 2 - 3 : n // 2 + 3] = True
    yield "gap", pattern_of(counts, gap)
    place = generator.integers(n // 8, n - n // 8, dimensions)
    alien = counts.copy()
    alien[tuple(slice(p - 1, p + 2) for p in place)] += 0.02 * counts.sum() / 3**dimensions
    yield "alien", pattern_of(alien)
    along = (n,) + (1,) * (dimensions - 1)
    yield "frames", pattern_of(counts * (1 + 0.03 * generator.normal(size=along)))
    rising = 0.5 + 1e-5 * counts.max() * np.linspace(0, 1, n).reshape(along)
    yield "background", pattern_of(counts + generator.poisson(np.broadcast_to(rising, counts.shape)))
    yield "pixels", pattern_of(counts * np.exp(0.2 * generator.normal(size=(1, n, n)[-dimensions:])))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--crystals", type=int, default=80, help="of each range")
    parser.add_argument("--seed", type=int, default=4711)
    options = parser.parse_args()
    print(f"per cent of {options.crystals} crystals: {' / '.join(VERDICTS)}; stated over true ratio")
    for dimensions, side in SIDES.items():
        for low, high in RANGES:
            tally: dict[str, Counter[str]] = {}
            errors: list[float] = []
            for index in range(options.crystals):
                generator = np.random.default_rng([options.seed, dimensions, int(100 * low), index])
                population = VoxelPopulation(side=side, dimensions=dimensions, oversampling=(low, high))
                crystal = draw(population, generator)
                counts = generator.poisson(np.abs(crystal.amplitude) ** 2).astype(np.float32)
                for name, pattern in variants(counts, generator):
                    found = sampling(pattern)
                    unknown = any(np.isnan(axis.ratio) for axis in found)
                    coarse = any(axis.coarse for axis in found)
                    tally.setdefault(name, Counter())[VERDICTS[0 if coarse else 1 if unknown else 2]] += 1
                    if name == "alone":
                        pairs = zip(found, crystal.oversampling, strict=True)
                        errors += [axis.ratio / true for axis, true in pairs if not np.isnan(axis.ratio)]
            shown = "; ".join(
                f"{name} " + " / ".join(f"{100 * found[v] / options.crystals:.0f}" for v in VERDICTS)
                for name, found in tally.items()
            )
            spread = " to ".join(f"{q:.2f}" for q in np.percentile(errors or [np.nan], (10, 50, 90)))
            print(f"{dimensions}D, ratio {low} to {high}: {shown}; {spread}", flush=True)


if __name__ == "__main__":
    main()
