"""Work on large arrays on all cores: several tasks at once, and element-wise work slab by slab.

A chain of operations over a whole array reads and writes memory once for each of them; over a part that fits
the processor's cache, once for all. NumPy works on one core, but lets several threads work at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from math import prod
from typing import TypeVar

T = TypeVar("T")

PART = 1 << 15
"""Voxels of a part: those of seven float32 arrays fill less than 1 MiB."""

Sweep = Callable[[Callable[[slice], float]], float]
"""Calls a function with every slab, some at once, and returns the sum of what it returns."""


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def at_once(*tasks: Callable[[], T]) -> list[T]:
    """Return the results of tasks that do not depend on each other, done at once where there are cores.

    Parameters
    ----------
    tasks
        Functions whose time goes into NumPy, SciPy or PyTorch, which let other threads work.
    """
    threads = min(cores(), len(tasks))
    if threads < 2:
        return [task() for task in tasks]
    with ThreadPoolExecutor(threads) as pool:
        return [future.result() for future in [pool.submit(task) for task in tasks]]


@contextmanager
def sweeps(shape: tuple[int, ...]) -> Iterator[Sweep]:
    """Give a function that works on arrays of a shape slab by slab along their first axis.

    The sum is always taken in the same order.

    Parameters
    ----------
    shape
        Of the arrays.
    """
    rows = max(PART * shape[0] // max(prod(shape), 1), 1)
    slabs = [slice(first, min(first + rows, shape[0])) for first in range(0, shape[0], rows)]
    threads = min(cores(), len(slabs))
    if threads < 2:
        yield lambda work: float(sum(map(work, slabs)))
        return
    ends = [len(slabs) * k // threads for k in range(threads + 1)]
    groups = [slabs[first:last] for first, last in pairwise(ends)]
    with ThreadPoolExecutor(threads) as pool:

        def sweep(work: Callable[[slice], float]) -> float:
            found = pool.map(lambda group: [work(slab) for slab in group], groups)
            return float(sum(value for values in found for value in values))

        yield sweep
