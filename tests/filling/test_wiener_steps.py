"""The boxes of a wiener filling: what is solved, in which order, and what is kept of it."""

from __future__ import annotations

import numpy as np
import pytest
from kept_steps import Steps

from sayre.filling import wiener
from sayre.filling.wiener import posterior, wiener_fill

MASK = np.zeros((32, 110), bool)
MASK[14:16] = MASK[:, 3:5] = MASK[:, 76] = True


@pytest.fixture(autouse=True)
def boxes(monkeypatch):
    """A main box of 32 voxels, and two tiles: the first goes beyond it on both sides."""
    for name, size in (("MAX_SIDE", 32), ("TILE_CORE", 80), ("TILE_CONTEXT", 8)):
        monkeypatch.setattr(wiener, name, size)


@pytest.fixture
def values():
    y, x = np.meshgrid(np.linspace(-1, 1, 32), np.linspace(-2, 2, 110), indexing="ij")
    expected = 300 * np.exp(-2 * (x**2 + y**2)) * (1 + 0.7 * np.cos(11 * x + 4 * y)) + 0.3
    return np.log1p(np.random.default_rng(1).poisson(expected)).astype(np.float32)


@pytest.fixture
def solutions(monkeypatch):
    """Start and number of iterations of every solution, as they are made."""
    made, solve = [], wiener.solve

    def spy(local, fringes, *, start=None, step=None):
        taken = []

        def count():
            taken.append(1)
            step()

        solution = solve(local, fringes, start=start, step=count)
        made.append((start, len(taken), solution))
        return solution

    monkeypatch.setattr(wiener, "solve", spy)
    return made


def test_the_main_box_is_filled_as_if_there_were_nothing_beside_it(values):
    """Not even a tile that goes around it changes what it filled."""
    main = wiener._main_box(values)
    tiles = [core for core, _ in wiener._tiles(MASK, main)]
    assert tiles[0] == (slice(0, 32), slice(0, 80))
    assert main[1].start > 30
    assert main[1].stop < 72
    filled, sigma = wiener_fill(values, MASK)
    alone, error = wiener_fill(values[main], MASK[main])
    np.testing.assert_array_equal(filled[main], alone)
    np.testing.assert_array_equal(sigma[main], error)
    np.testing.assert_array_equal(filled[~MASK], values[~MASK])
    np.testing.assert_array_equal(sigma > 0, MASK)


def test_what_masked_voxels_hold_does_not_matter(values):
    filled, sigma = wiener_fill(values, MASK)
    for value in (np.nan, np.inf, 1e6):
        again, error = wiener_fill(np.where(MASK, np.float32(value), values), MASK)
        np.testing.assert_array_equal(again, filled)
        np.testing.assert_array_equal(error, sigma)


def test_the_main_box_starts_from_the_calibration_and_every_iteration_is_told(values, solutions):
    told = []
    wiener_fill(values, MASK, progress=told.append)
    (first, *starts), steps, results = zip(*solutions, strict=True)
    assert first is None
    assert starts[0] is results[0]
    assert starts[1:] == [None] * (len(starts) - 1)
    fractions = []
    for part, count in enumerate(steps):
        fractions += [part + k / posterior.ITERATIONS for k in range(1, count + 1)] + [part + 1]
    np.testing.assert_allclose(told, np.array(fractions) / len(steps))
    assert min(steps) > 1


def test_a_filling_resumed_after_any_step_has_the_same_bytes(values, solutions):
    """It solves what was not solved, and tells how much was done."""
    kept = Steps()
    whole = wiener_fill(values, MASK, kept=kept)
    parts = len(solutions)
    assert [name for name, _ in kept.saved] == ["wiener"] * parts
    for done in range(1, parts + 1):
        solutions.clear()
        told = []
        stopped = kept.from_step(done)
        for array, again in zip(
            whole, wiener_fill(values, MASK, progress=told.append, kept=stopped), strict=True
        ):
            assert array.tobytes() == again.tobytes()
        assert len(solutions) == parts - done
        assert told[0] == done / parts
        assert told[-1] == 1
        assert len(stopped.saved) == parts
