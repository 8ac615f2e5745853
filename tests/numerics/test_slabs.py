"""Work slab by slab: every row once, the same sum on any number of cores, errors not lost."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from sayre.numerics import slabs
from sayre.numerics.slabs import at_once, sweeps


@pytest.mark.parametrize("cores", [1, 2, 5])
@pytest.mark.parametrize("shape", [(1, 3), (7, 40_000), (50, 30, 40), (3, 2)])
def test_every_row_is_worked_on_once_and_the_sum_does_not_depend_on_the_cores(monkeypatch, shape, cores):
    monkeypatch.setattr(slabs, "cores", lambda: cores)
    values = np.random.default_rng(0).standard_normal(shape)
    doubled, rows = np.zeros(shape), np.zeros(shape[0], int)

    def work(slab):
        doubled[slab] += 2 * values[slab]
        rows[slab] += 1
        return float(values[slab].sum())

    with sweeps(shape) as sweep:
        total = sweep(work)
        assert sweep(work) == total
    np.testing.assert_array_equal(rows, 2)
    np.testing.assert_array_equal(doubled, 4 * values)
    most = max(slabs.PART * shape[0] // values.size, 1)
    assert total == sum(float(values[first : first + most].sum()) for first in range(0, shape[0], most))


def test_an_error_in_a_slab_is_raised(monkeypatch):
    monkeypatch.setattr(slabs, "cores", lambda: 2)

    def work(slab):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), sweeps((10, 100, 200)) as sweep:
        sweep(work)


@pytest.mark.parametrize("cores", [1, 2, 8])
def test_tasks_done_at_once_keep_their_order(monkeypatch, cores):
    monkeypatch.setattr(slabs, "cores", lambda: cores)
    assert at_once(*(lambda k=k: k**2 for k in range(5))) == [0, 1, 4, 9, 16]
    assert at_once() == []


def test_two_tasks_wait_for_each_other_where_there_are_two_cores(monkeypatch):
    monkeypatch.setattr(slabs, "cores", lambda: 2)
    both = threading.Barrier(2)
    assert sorted(at_once(*(lambda: both.wait(20),) * 2)) == [0, 1]
