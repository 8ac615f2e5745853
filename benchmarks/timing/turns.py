"""Times of several pieces of work that take turns in one process, so that what disturbs one disturbs all."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Mapping

Taken = dict[str, list[float]]
"""Seconds of every repeat, by the name of the work."""


def processor() -> float:
    """Processor time of this process and of those that it ran and waited for, in seconds."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


CLOCKS: dict[str, Callable[[], float]] = {"wall": time.perf_counter, "cpu": processor}


def turns(
    work: Mapping[str, Callable[[], object]],
    repeats: int,
    *,
    clock: str = "cpu",
    warm: bool = True,
    many: Mapping[str, int] | None = None,
    wait: Callable[[], object] | None = None,
) -> Taken:
    """Take the time of each piece of work in turn.

    Parameters
    ----------
    work
        Functions by name.
    repeats
        Number of turns that count.
    clock
        One of `CLOCKS`.
    warm
        Whether a turn that does not count comes first.
    many
        How often work is called in a turn, of which the fastest counts; once where it is not named.
    wait
        Function that waits until a device has done what it was given.
    """
    now = CLOCKS[clock]
    taken: Taken = {name: [] for name in work}
    for turn in range(repeats + warm):
        for name, call in work.items():
            times = []
            for _ in range((many or {}).get(name, 1)):
                began = now()
                call()
                if wait is not None:
                    wait()
                times.append(now() - began)
            if turn >= warm:
                taken[name].append(min(times))
    return taken
