"""The mean of starts that are one object, refined, beside every start refined, on simulated crystals.

    python benchmarks/of_mean.py [--crystals winterbottom/128/1e6/11 tetrahedron/112/1e8/3 ...] [--runs 6]

`winterbottom/128/1e6/11` is a crystal in 128³ voxels with 10⁶ counts at most and the seed 11, oversampled
three times and turned. Both ways begin from the same selected starts, by the default recipe. `unseen` is
half the deviance of the voxels that were left free, `truth` the complex correlation with the object of the
noise-free field, and the last columns are seconds of processor time of what follows the selection.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import numpy as np

from sayre.retrieval import phasing
from sayre.retrieval.choice import consensus
from sayre.retrieval.choice.align import Objects, align, correlation
from sayre.retrieval.engine.run import Run
from sayre.retrieval.phased import Phased
from sayre.simulation.peak import simulate

CRYSTALS = (
    "winterbottom/128/1e6/11",
    "winterbottom/128/1e6/12",
    "tetrahedron/112/1e8/3",
    "octahedron/112/1e7/4",
)


class Made:
    """Selected starts of a crystal, from which the result is made in both ways."""

    def __init__(self, shape: str, side: int, counts: float, seed: int, runs: int) -> None:
        peak = simulate(
            shape,
            shape_px=(side,) * 3,
            oversampling=3.0,
            max_counts=counts,
            rotate=True,
            generator=np.random.default_rng(seed),
        )
        field = np.fft.ifftn(np.fft.ifftshift(peak.amplitude))
        self.truth: Objects = np.fft.fftshift(field).astype(np.complex64)
        self.pattern, self.runs, self.seconds = peak.pattern, runs, 0.0

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Take the time of what follows the selection."""
        made = consensus.consensus

        def taken(*arguments: object, **options: object) -> consensus.Consensus:
            begun = time.process_time()
            found = made(*arguments, **options)  # type: ignore[arg-type]
            self.seconds = time.process_time() - begun
            return found

        with patch.object(phasing, "consensus", taken):
            yield

    def phased(self, same: float, finished: tuple[Run, ...] = ()) -> Phased:
        """Phase it, where runs that agree to `same` count as one object; some starts may be finished."""
        watch = phasing.Watch(finished=finished)
        with self.timed(), patch.object(consensus, "SAME", same):
            return phasing.phase(self.pattern, runs=self.runs, watch=watch)

    def close(self, obj: Objects) -> float:
        return correlation(align(obj, self.truth), self.truth)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--crystals", nargs="+", default=CRYSTALS)
    parser.add_argument("--runs", type=int, default=6)
    options = parser.parse_args()
    print("| crystal | starts agree | unseen: each | mean | truth: each | mean | seconds: each | mean |")
    print(f"|{'---|' * 8}", flush=True)
    for name in options.crystals:
        shape, side, counts, seed = name.split("/")
        made = Made(shape, int(side), float(counts), int(seed), options.runs)
        each = made.phased(2.0)
        taken = made.seconds
        mean = made.phased(consensus.SAME, each.runs)
        unseen = " | ".join(f"{one.free_likelihood:.3f}" for one in (each, mean))
        close = " | ".join(f"{made.close(one.object):.4f}" for one in (each, mean))
        agree = f"{mean.agreement:.4f}{'' if mean.of_mean else ', too little'}"
        print(f"| {name} | {agree} | {unseen} | {close} | {taken:.0f} | {made.seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
