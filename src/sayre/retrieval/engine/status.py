"""The state of phase retrieval, for progress bars and pages that follow it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from sayre.data.shown import number
from sayre.retrieval.engine.packed import Mask, Objects


@dataclass(frozen=True, kw_only=True)
class Status:
    """The state of phase retrieval, reported every few iterations.

    Attributes
    ----------
    fraction
        Fraction done of the iterations of all starts, from 0 to 1.
    iteration
        Iterations done of the starts that are running.
    indices
        Numbers of the starts that are running.
    residuals
        Residual R of each of them.
    estimate
        Function from a place in `indices` to that start's present object (complex64, centred) and support.
    step
        What is done, where it is not the starts of the recipe: "refining", "beyond the edges".
    """

    fraction: float
    iteration: int
    indices: tuple[int, ...]
    residuals: tuple[float, ...]
    estimate: Callable[[int], tuple[Objects, Mask]]
    step: str = ""

    def note(self, runs: int) -> str:
        """Describe the state in a few words for a progress bar, where `runs` starts are made in all."""
        residuals = ", ".join(number(r, ".3f") for r in self.residuals[:3])
        first = self.indices[0]
        whole = f"of {runs}, counted from 0" if first < runs else "random, for the network's do not agree"
        step = f"{self.step}, " if self.step else ""
        return f"{step}start {first} ({whole}), R {residuals}"


Report = Callable[[Status], None]


def in_turns(report: Report | None, before: float, shares: tuple[float, ...]) -> tuple[Report, ...]:
    """Return functions that take the status of parts that take turns, and report that of the whole.

    Parameters
    ----------
    report
        Function that is called with the status of the whole; None for none.
    before, shares
        Fraction of the work before these parts, and of each.
    """
    done = [0.0] * len(shares)

    def of(place: int) -> Report:
        def report_whole(status: Status) -> None:
            done[place] = max(done[place], status.fraction)
            if report:
                fraction = before + sum(share * part for share, part in zip(shares, done, strict=True))
                report(replace(status, fraction=fraction))

        return report_whole

    return tuple(of(place) for place in range(len(shares)))


def part_of(report: Report | None, before: float, share: float, past: int = 0) -> Report:
    """Return a function that takes the status of a part of the work and reports that of the whole.

    Parameters
    ----------
    report
        Function that is called with the status of the whole; None for none.
    before, share
        Fraction of the work before this part, and of this part.
    past
        Iterations before this part.
    """

    def report_whole(status: Status) -> None:
        if report:
            fraction = before + share * status.fraction
            report(replace(status, fraction=fraction, iteration=past + status.iteration))

    return report_whole
