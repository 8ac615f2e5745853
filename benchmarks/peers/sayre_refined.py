"""Sayre as it comes: `peers.sayre` with the refinement under the effects that predict the free voxels better.

A start is judged by the counts that the whole model expects. Refining takes far longer than a start:
therefore one start stands for all.
"""

from __future__ import annotations

import warnings

from peers.protocol import Expected, Object, Problem, Watch, serve
from peers.sayre import PRESETS, filled, length, scaled
from sayre.errors import SayreWarning
from sayre.retrieval.phasing import phase


def solve(problem: Problem, watch: Watch) -> None:
    warnings.simplefilter("ignore", SayreWarning)
    pattern = filled(problem)
    recipe = scaled(PRESETS["default"], problem.iterations)
    watch.iterations = length(recipe)

    def refined(runs: int) -> tuple[Object, Expected]:
        found = phase(pattern, recipe=recipe, runs=runs, seed=1000 * problem.seed, device="cpu")
        if found.expected.shape != problem.intensity.shape:
            raise ValueError(f"of {problem.intensity.shape} voxels {found.expected.shape} were phased")
        return found.object, found.expected

    watch.begin()
    watch.end(*refined(1))
    if problem.starts > 1:
        watch.begin()
        watch.answer(*refined(problem.starts))


if __name__ == "__main__":
    serve(solve, "sayre")
