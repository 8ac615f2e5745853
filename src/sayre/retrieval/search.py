"""The starts of phase retrieval, made round after round until two of them agree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from sayre.retrieval.choice.select import agreeing_with_last
from sayre.retrieval.engine.recipe import Step, iterations, parse, split_at_wide
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
    """

    starts: Callable[[], StartOf]
    recipe: str
    indices: range

    @property
    def steps(self) -> list[Step]:
        """Steps of the recipe before `WIDE`."""
        return split_at_wide(parse(self.recipe))[0]

    @property
    def wide(self) -> list[Step]:
        """Steps of the recipe after `WIDE`."""
        return split_at_wide(parse(self.recipe))[1]

    @property
    def work(self) -> int:
        """Iterations of all starts together."""
        return len(self.indices) * iterations(self.steps)


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
