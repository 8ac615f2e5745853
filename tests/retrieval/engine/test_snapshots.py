"""Starts that are stopped and resumed end in the same bytes as starts that are not."""

import contextlib
import io
import time

import numpy as np
import pytest

from sayre.errors import InputError, SayreWarning
from sayre.files import pace
from sayre.retrieval.engine.arrays import fourier
from sayre.retrieval.engine.bounds import amplitude_bounds
from sayre.retrieval.engine.iterate import retrieve
from sayre.retrieval.engine.recipe import parse
from sayre.retrieval.engine.snapshots import Snapshots
from sayre.retrieval.engine.start import random_start
from sayre.retrieval.engine.support import ShrinkWrap, initial_support

RECIPES = [
    "HIO*9 + SW + RAAR*9 + SW + ER*6",
    "HIO*6 + DETWIN + HIO*6 + GPS*12",
    "ER*6 + PSF + ER*9 + PSF + ML*9",
    "ML*16 + SW + DM*8",
]


class Killed(Exception):
    pass


def run(pattern, recipe, batch, kept=None, stop=None):
    """Iterate three starts, and stop when the iteration `stop` is reported."""
    bounds = amplitude_bounds(pattern)
    support = initial_support(pattern.intensity)
    starts = [random_start(bounds, support, index, 3) for index in range(3)]

    def report(now):
        if stop is not None and now.iteration >= stop:
            raise Killed

    found = []
    with contextlib.suppress(Killed):
        options = {"batch": batch, "report": report, "snapshots": kept}
        for one in retrieve(bounds, starts, parse(recipe), ShrinkWrap(), **options):
            found.append(one)
    return found


def saved(snapshot):
    """Write a snapshot to a file and read it back."""
    file = io.BytesIO()
    np.savez(file, **snapshot)
    file.seek(0)
    with np.load(file) as arrays:
        return dict(arrays)


@pytest.fixture
def eager(monkeypatch):
    """Save a snapshot before every iteration."""
    monkeypatch.setattr(pace, "PATIENCE", -1.0)
    monkeypatch.setattr(pace, "SHARE", np.inf)


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("batch", [1, 3])
def test_resumed_starts_end_as_uninterrupted_ones(pattern, eager, recipe, batch):
    whole = run(pattern, recipe, batch)
    written = []
    run(pattern, recipe, batch, Snapshots(lambda now: written.append(saved(now))), stop=20)
    stopped = written[-1]
    assert stopped["place"][2] > 12
    written_again = []
    again = run(pattern, recipe, batch, Snapshots(written_again.append, stopped))
    assert written_again[0]["place"][2] == stopped["place"][2]
    assert len(whole) == len(again) == 3
    for a, b in zip(whole, again, strict=True):
        np.testing.assert_array_equal(a.object, b.object)
        np.testing.assert_array_equal(a.support, b.support)
        assert (a.history, a.residual, a.free_likelihood) == (b.history, b.residual, b.free_likelihood)


def test_starts_transformed_in_passes_are_resumed_too(pattern, eager, monkeypatch):
    monkeypatch.setattr(fourier, "LARGE", 0)
    test_resumed_starts_end_as_uninterrupted_ones(pattern, None, RECIPES[2], 1)


def test_snapshots_of_other_starts_are_not_resumed(pattern, eager):
    written = []
    run(pattern, RECIPES[0], 3, Snapshots(written.append), stop=20)
    written_again = []
    again = run(pattern, RECIPES[0], 1, Snapshots(written_again.append, written[-1]))
    assert written_again[0]["place"].tolist() == [0, 0, 0]
    assert len(again) == 3


def test_snapshots_take_little_time_and_a_full_disk_is_warned_of(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def slow(_):
        now[0] += 3

    kept = Snapshots(slow)
    spent = 0
    for _ in range(10_000):
        if kept.due:
            kept.keep({})
            spent += 3
        now[0] += 1
    assert 100 < spent < 1.1 * pace.SHARE * now[0]

    def full(_):
        raise InputError("no space")

    with pytest.warns(SayreWarning, match="not kept: no space"):
        Snapshots(full).keep({})
