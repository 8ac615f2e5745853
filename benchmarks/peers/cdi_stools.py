"""cdi-stools without its networks, which ship no weights: random phases, its HIO → RAAR → ER in 5 : 5 : 2.

Gaps are filled by the median that its loader takes; shrink-wrap is set as its own pipeline sets it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from cdi_st import nn_phase_retrieval as retrieval
from cdi_st.nn_experimental_loader import mask_detector_gaps

from peers.protocol import EVERY, Problem, Watch, serve

POLISH = 5
"""Iterations of error reduction that it adds to its best iterate."""


def solve(problem: Problem, watch: Watch) -> None:
    counts = problem.intensity
    if problem.mask.any():  # a count more, so that its search for rows of zeros finds the gaps alone
        counts = np.maximum(mask_detector_gaps(np.where(problem.mask, 0, counts + 1)) - 1, 0)
    amplitude = np.sqrt(counts)
    budget = problem.iterations - POLISH
    most = budget * 5 // 12
    project = retrieval._support_projection
    done = 0

    def looked_at(obj: Any, support: Any, **options: Any) -> Any:
        nonlocal done
        done += 1
        if done % EVERY == 0:
            watch.look(done, lambda: obj * (support > 0.5))
        return project(obj, support, **options)

    retrieval._support_projection = looked_at
    for start in range(problem.starts):
        watch.begin()
        done = 0
        generator = np.random.default_rng(1000 * problem.seed + start)
        phases = generator.uniform(-np.pi, np.pi, counts.shape).astype(np.float32)
        found = retrieval.run_phase_retrieval(
            amplitude,
            initial_phase=phases,
            n_hio=most,
            n_raar=most,
            n_er=budget - 2 * most,
            beta=0.9,
            algorithm="hybrid",
            use_shrink_wrap=True,
            shrink_wrap_interval=10,
            shrink_wrap_threshold=0.10,
            shrink_wrap_sigma=2.0,
            max_support_fraction=0.20,
        )
        watch.end(found.object_3d)


if __name__ == "__main__":
    serve(solve, "cdi-stools")
