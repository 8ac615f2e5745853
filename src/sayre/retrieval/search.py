"""The starts of phase retrieval, made round after round until two of them agree."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from sayre.retrieval.choice.middle import Middle
from sayre.retrieval.choice.select import agreeing_with_last
from sayre.retrieval.engine.recipe import Stages, iterations, parse, stages
from sayre.retrieval.engine.run import Run
from sayre.retrieval.starts import StartOf


@dataclass(frozen=True, kw_only=True)
class Round:
    """Starts of one kind.

    Attributes
    ----------
    starts
        Makes the function that makes a start of its number; it is called when the round begins.
    recipe
        Recipe that is iterated from them.
    indices
        Numbers of the starts.
    middle_shape
        Shape of the middle of the pattern, where starts are iterated before `WHOLE`; None where they are not.
    """

    starts: Callable[[], StartOf]
    recipe: str
    indices: range
    middle_shape: tuple[int, ...] | None = None

    @property
    def stages(self) -> Stages:
        """Steps of the recipe by the array on which they are iterated."""
        return stages(parse(self.recipe), middle=self.middle_shape is not None)

    @property
    def middle(self) -> Middle | None:
        """The middle of the pattern with the steps before `WHOLE`, where they are iterated on it."""
        steps = self.stages.middle
        return Middle(self.middle_shape, steps) if self.middle_shape and steps else None

    @property
    def iterations(self) -> int:
        """Iterations of one start, on the middle and on the whole array."""
        return iterations(self.stages.middle) + iterations(self.stages.starts)

    def work(self, voxels: int) -> tuple[float, float]:
        """Iterations of all starts together, on the middle and on the whole array, in those of the latter.

        Parameters
        ----------
        voxels
            Of the whole array.
        """
        count, middle = len(self.indices), self.middle
        on_middle = math.prod(middle.shape) / voxels * iterations(middle.steps) if middle else 0.0
        return count * on_middle, float(count * iterations(self.stages.starts))


@dataclass(frozen=True, kw_only=True)
class Found:
    """What was made.

    Attributes
    ----------
    runs
        Every run.
    agreeing
        The last run and those of the same object, if there are any.
    rounds
        The rounds that were begun.
    """

    runs: list[Run]
    agreeing: list[Run]
    rounds: list[Round]

    def round_of(self, runs: Sequence[Run]) -> Round:
        """Return the last round that one of some runs belongs to."""
        last = max(run.index for run in runs)
        return next(one for one in self.rounds if last in one.indices)


def search(
    rounds: Sequence[Round],
    made: Callable[[Round, Iterable[int]], Iterator[Run]],
    *,
    enough: float | None,
    finished: Sequence[Run] = (),
    on_run: Callable[[Run], None] | None = None,
) -> Found:
    """Make the starts of one round after the other until all are made or two agree.

    Parameters
    ----------
    rounds
        The rounds; the first is always begun.
    made
        Makes the runs of some starts of a round.
    enough
        Complex correlation from which on two starts agree; None makes all starts.
    finished
        Runs that an earlier, stopped call finished; they are not repeated.
    on_run
        Called with every new run as it finishes.
    """
    known = {run.index: run for run in finished}
    found = Found(runs=[], agreeing=[], rounds=[])
    for one in rounds:
        found.rounds.append(one)
        fresh = made(one, (index for index in one.indices if index not in known))
        for index in one.indices:
            run = known[index] if index in known else next(fresh)
            if index not in known and on_run:
                on_run(run)
            found.runs.append(run)
            found.agreeing[:] = agreeing_with_last(found.runs, enough) if enough is not None else []
            if found.agreeing:
                return found
    return found
