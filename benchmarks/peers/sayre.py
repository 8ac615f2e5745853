"""Sayre without refinement: gaps filled by `wiener` and bounded by its error, the default recipe.

Its answer to several starts is what it makes of them, from a call of its own.
"""

from __future__ import annotations

import re
import warnings

from peers.protocol import Problem, Watch, serve
from sayre.data import AnyPattern, Pattern
from sayre.errors import SayreWarning
from sayre.filling.fill import inpaint
from sayre.retrieval.engine.recipe import PRESETS, iterations, parse, stages
from sayre.retrieval.engine.status import Status
from sayre.retrieval.phasing import Watch as Followed
from sayre.retrieval.phasing import phase


def length(recipe: str, *, middle: bool = False) -> int:
    """Iterations of a recipe from one start, on the middle of the pattern first or on all of it."""
    iterated = stages(parse(recipe), middle=middle)
    return sum(map(iterations, (iterated.middle, iterated.starts, iterated.wide)))


def scaled(recipe: str, budget: int) -> str:
    """The recipe with its repetitions scaled to a budget of iterations, roughly."""
    factor = budget / length(recipe)
    return re.sub(r"\*\*(\d+)", lambda m: f"**{max(1, round(int(m[1]) * factor))}", recipe)


def filled(problem: Problem) -> AnyPattern:
    """The counts, with their gaps filled."""
    measured = Pattern.from_counts(problem.intensity, problem.mask)
    return inpaint(measured, method="wiener", device="cpu") if problem.mask.any() else measured


def solve(problem: Problem, watch: Watch) -> None:
    warnings.simplefilter("ignore", SayreWarning)
    pattern = filled(problem)

    recipe = scaled(PRESETS["default"], problem.iterations)
    watch.iterations = length(recipe)

    def report(status: Status) -> None:
        watch.look(status.iteration, lambda: status.estimate(0)[0])

    for start in range(problem.starts):
        watch.begin()
        seed = 1000 * problem.seed + start
        once = {"recipe": recipe, "runs": 1, "refine": "none"}
        found = phase(pattern, seed=seed, device="cpu", watch=Followed(report=report), **once)
        watch.iterations = length(recipe, middle=found.middle_shape is not None)
        watch.end(found.object)
    if problem.starts > 1:
        watch.begin()
        whole = {"recipe": recipe, "runs": problem.starts, "refine": "none"}
        found = phase(pattern, seed=1000 * problem.seed, device="cpu", **whole)
        watch.answer(found.object)


if __name__ == "__main__":
    serve(solve, "sayre")
