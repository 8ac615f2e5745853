"""cuphaser's API on the CPU: gaps free (negative counts), error reduction and difference map in turn.

Its support has a fixed number of voxels, which it wants told: `support_voxels` takes it from the counts.
Its configuration is read from the working folder: from another, it takes that folder for a support file.
"""

from __future__ import annotations

import mrcfile
import numpy as np
from cuphaser import phaser

from peers.protocol import EVERY, Problem, Watch, serve

CONFIG = """[parameters]
size = {size}
point_group = 1
[files]
intens_fname = intensity.mrc
output_prefix = out
support_numvox = {voxels}
[algorithm]
algorithm = {algorithm}
real_valued = False
local_variation = True
blur_schedule = 3 1
"""


def support_voxels(problem: Problem, *, threshold: float = 0.005, margin: float = 1.3) -> int:
    """An eighth of the autocorrelation's voxels (twice as long on every axis), and somewhat more."""
    shadow = np.abs(np.fft.ifftn(problem.intensity))
    return max(1, int(margin * (shadow > threshold * shadow.max()).sum()) // 8)


def algorithm(iterations: int) -> str:
    """Cycles of 20 ER and 40 DM, the last fifth or somewhat more ER."""
    cycles = iterations * 4 // 5 // 60
    return " ".join(["20 ER 40 DM"] * cycles + [f"{iterations - 60 * cycles} ER"])


def solve(problem: Problem, watch: Watch) -> None:
    if len(set(problem.intensity.shape)) > 1:
        raise ValueError("cuphaser takes cubes only")
    with mrcfile.new(problem.scratch / "intensity.mrc", overwrite=True) as mrc:
        mrc.set_data(np.where(problem.mask, np.float32(-1), problem.intensity))
    config = CONFIG.format(
        size=problem.intensity.shape[0],
        voxels=support_voxels(problem),
        algorithm=algorithm(problem.iterations),
    )
    (problem.scratch / "config.ini").write_text(config)
    for start in range(problem.starts):
        watch.begin()
        np.random.seed(1000 * problem.seed + start)  # noqa: NPY002  (its own generator)
        work = phaser.Phaser("config.ini")
        if phaser.PYFFTW:
            work.proj.fft_kwargs["threads"] = problem.threads
        for iteration in range(1, problem.iterations + 1):
            if work.run_iteration(iteration) < 0:
                raise RuntimeError(f"cuphaser refused iteration {iteration}")
            if iteration % EVERY == 0:
                watch.look(iteration, lambda work=work: work.state.p1[0] * work.proj.support)
        watch.end(work.state.p2[0])


if __name__ == "__main__":
    serve(solve, "cuphaser")
