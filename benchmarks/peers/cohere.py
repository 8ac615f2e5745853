"""cohere-core with torch: amplitudes with zeros in the gaps, the settings that its documentation gives.

Its object is the complex conjugate of Sayre's, and read from an npy file its axes are as written (those of a
tif file are transposed).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from cohere_core.controller.phasing import Rec

from peers.protocol import EVERY, Problem, Watch, serve

CYCLES = 3
SETTINGS: dict[str, Any] = {
    "hio_beta": 0.9,
    "initial_support_area": [0.5, 0.5, 0.5],
    "twin_trigger": [2],
    "twin_halves": [0, 0],
    "shrink_wrap_trigger": [10, 1],
    "shrink_wrap_type": "GAUSS",
    "shrink_wrap_threshold": 0.1,
    "shrink_wrap_gauss_sigma": 1.0,
    "progress_trigger": [EVERY - 1, EVERY],
}


def sequence(iterations: int) -> str:
    """`3*(20*ER+180*HIO)+20*ER` for 620 iterations, its HIO stretched for others."""
    hio = max(1, (iterations - 20) // CYCLES - 20)
    return f"{CYCLES}*(20*ER+{hio}*HIO)+{max(1, iterations - CYCLES * (20 + hio))}*ER"


class Watched(Rec):
    """Looked at where cohere would print its progress."""

    watch: Watch

    def progress_operation(self) -> None:
        self.watch.look(self.iter + 1, lambda: np.conj((self.ds_image_proj * self.support).numpy()))


def solve(problem: Problem, watch: Watch) -> None:
    file = problem.scratch / "data.npy"
    np.save(file, np.sqrt(np.where(problem.mask, 0, problem.intensity)).astype(np.float32))
    for start in range(problem.starts):
        watch.begin()
        torch.manual_seed(1000 * problem.seed + start)
        settings = {**SETTINGS, "algorithm_sequence": sequence(problem.iterations)}
        work = Watched(settings, str(file), "torch", debug=True)
        work.watch = watch
        work.init_dev(-1)
        work.init_iter_loop()
        work.iterate()
        watch.end(np.conj(work.get_image().numpy()))


if __name__ == "__main__":
    serve(solve, "cohere-core")
