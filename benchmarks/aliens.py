"""Crystals with an alien in their counts: table of docs/phasing.md.

    python benchmarks/aliens.py [--phases 0-1 1-2] [--heights 0 0.003 0.03 0.3] [--crystals 6] [--refine none]

phases crystals of the test set of `sayre.simulation.strained` whose counts hold a Gaussian of two voxels
besides, at a random place at least a quarter of the array away from the middle, of so many times the height
of the peak. Printed are, of each crystal, the complex correlation with the truth without and with
`mask_aliens`, the number of aliens masked, and the fraction of the alien's counts that is masked.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np
from numpy.typing import NDArray

import sayre
from sayre.data import Grid, Pattern
from sayre.numerics.fourier import to_detector, to_object
from sayre.retrieval.choice.align import align, correlation
from sayre.retrieval.phased import Phased
from sayre.simulation.strained.testset import strained_crystal


def alien(shape: tuple[int, ...], height: float, generator: np.random.Generator) -> NDArray[np.floating]:
    """Return expected counts of an alien at a random place, a quarter of an axis from the middle or more."""
    middle = np.array(shape) // 2
    while True:
        place = generator.integers(4, np.array(shape) - 4)
        if (np.abs(place - middle) >= np.array(shape) // 4).any():
            break
    apart = np.indices(shape) - place.reshape(-1, *(1,) * len(shape))
    return height * np.exp(-(apart**2).sum(0) / 8)


def box(found: Phased) -> tuple[slice, ...]:
    """Return the part of the array that was phased."""
    return tuple(slice(o, o + n) for o, n in zip(found.origin, found.object.shape, strict=True))


def likeness(found: Phased, obj: NDArray[np.complexfloating]) -> float:
    """Return the complex correlation with the truth, on the part of the array that was phased."""
    true = to_object(to_detector(obj)[box(found)]).astype(np.complex64)
    return correlation(align(found.object, true), true)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--phases", nargs="+", default=["0-1", "1-2"])
    parser.add_argument("--heights", type=float, nargs="+", default=[0, 0.003, 0.03, 0.3])
    parser.add_argument("--crystals", type=int, default=6)
    parser.add_argument("--runs", type=int, default=8)
    parser.add_argument("--refine", default="none")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    print("phases height crystal  as it is  masked  aliens  of its counts  agreement")
    for phases in options.phases:
        for height in options.heights:
            for index in range(options.crystals):
                amplitude = strained_crystal(3, phases, index).crystal.amplitude
                generator = np.random.default_rng([77, index])
                expected = np.abs(amplitude) ** 2
                added = generator.poisson(alien(expected.shape, height * expected.max(), generator))
                counts = (generator.poisson(expected) + added).astype(np.float32)
                pattern = Pattern(
                    intensity=counts, mask=np.zeros(counts.shape, bool), grid=Grid(step=(1.0,) * 3)
                )
                plain, masked = (
                    sayre.phase(pattern, runs=options.runs, refine=options.refine, mask_aliens=mask)
                    for mask in (False, True)
                )
                share = added[box(masked)][masked.pattern.mask].sum() / added.sum() if height else np.nan
                truth = [likeness(one, to_object(amplitude)) for one in (plain, masked)]
                number = len(masked.aliens.places) if masked.aliens else 0
                print(
                    f"{phases:>6} {height:6g} {index:7} {truth[0]:9.3f} {truth[1]:7.3f} "
                    f"{number:7} {share:14.2f} {masked.agreement:10.3f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
