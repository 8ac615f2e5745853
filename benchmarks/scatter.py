"""Time, memory and error of the scattering sum, beside an FFT pair of the same array in the same process.

    python benchmarks/scatter.py [--atoms 134000 ...] [--voxels 128 ...] [--device cuda]

One thread (`OMP_NUM_THREADS=1` keeps BLAS to one as well). Each case runs in a process of its own, three
times; the median of processor time counts, which other programs do not disturb as they do wall time. Peak
memory is what the sum adds to the largest that particle and libraries took. The error is the largest of log10
of the intensity in 10 to 100 random voxels against the sum in float64. `--device` times the direct sum in
torch there instead, by the clock.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from timing.turns import turns

ATOMS = (10_000, 134_000, 1_000_000, 10_000_000)
VOXELS = (64, 128, 256)
SPECIES, LATTICE_CONSTANT, SIGMA = "Pt", 3.92, (3.0, 3.5, 4.0)


def measure(positions: Path, voxels: int, repeats: int, device: str | None) -> dict[str, Any]:
    """Scatter once to warm up, then `repeats` times in turn with the pair; runs in the child process."""
    import numpy as np
    import scipy.fft
    from scipy.spatial.transform import Rotation

    from sayre.data import Particle
    from sayre.simulation.scattering import scatter

    particle = Particle(positions=np.load(positions), species=SPECIES, lattice_constant=LATTICE_CONSTANT)
    rng = np.random.default_rng(0)
    steps = scatter.q_steps(particle, SIGMA, Rotation.random(random_state=rng).as_matrix())
    g, shape = scatter.reflection(particle, (1, 1, 1)), (voxels,) * 3

    def once(size: tuple[int, int, int]) -> np.ndarray:
        if device:
            from sayre.simulation.scattering.direct import scatter_torch

            return scatter_torch(particle, g, steps, size, device=device)
        return scatter.scatter(particle, g, steps, size, threads=1)

    once((8, 8, 8))
    before = _peak()
    amplitude = once(shape)
    extra = _peak() - before
    work = {"sum": lambda: once(shape), "pair": lambda: scipy.fft.ifftn(scipy.fft.fftn(amplitude))}
    taken = turns(work, repeats, clock="wall" if device else "cpu", warm=False)
    seconds, pairs = statistics.median(taken["sum"]), statistics.median(taken["pair"])
    index = rng.integers(0, voxels, (int(np.clip(2e8 / len(particle), 10, 100)), 3))
    q = g + (index - voxels // 2) @ steps
    exact = np.array([np.exp(-1j * (particle.positions @ k)).sum() for k in q])
    found = amplitude[tuple(index.T)]
    error = np.abs(np.log10(np.abs(found) ** 2) - np.log10(np.abs(exact) ** 2)).max()
    return {
        "taken": taken,
        "seconds": seconds,
        "pairs": seconds / pairs,
        "extra_mb": extra / 1e6,
        "estimate_mb": scatter.memory_needed(len(particle), shape) / 1e6,
        "error": float(error),
    }


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--atoms", nargs="+", type=int, default=ATOMS)
    parser.add_argument("--voxels", nargs="+", type=int, default=VOXELS)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--device")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(options.child, options.voxels[0], options.repeats, options.device)))
        return
    import numpy as np

    from sayre.simulation.particles import shapes

    print("   atoms  voxels  seconds  FFT pairs  extra MB  estimate MB  log10 I error")
    with tempfile.TemporaryDirectory() as folder:
        positions = Path(folder) / "positions.npy"
        for atoms in options.atoms:
            particle = shapes.build(
                "winterbottom", atoms, element=SPECIES, generator=np.random.default_rng(0)
            )
            np.save(positions, particle.positions)
            for voxels in options.voxels:
                command = [sys.executable, __file__, "--child", str(positions), "--voxels", str(voxels)]
                command += ["--repeats", str(options.repeats)]
                command += ["--device", options.device] if options.device else []
                environment = {**os.environ, "OMP_NUM_THREADS": "1"}
                done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
                if done.returncode:
                    print(f"{len(particle):8d} {voxels:6d}³ failed: {done.stderr.strip().splitlines()[-1]}")
                    continue
                r = json.loads(done.stdout)
                numbers = f"{r['seconds']:8.2f} {r['pairs']:10.1f} {r['extra_mb']:9.0f}"
                numbers += f" {r['estimate_mb']:12.0f} {r['error']:14.1e}"
                print(f"{len(particle):8d} {voxels:6d}³ {numbers}", flush=True)


if __name__ == "__main__":
    main()
