"""L-BFGS against exact minima."""

import numpy as np
import pytest
import torch

from sayre.numerics.lbfgs import HISTORY, minimise


def quadratic(size, condition):
    rng = np.random.default_rng(size)
    turn, _ = np.linalg.qr(rng.standard_normal((size, size)))
    matrix = torch.from_numpy(turn * np.geomspace(1, condition, size) @ turn.T)
    least = torch.from_numpy(rng.standard_normal(size))

    def function(x):
        apart = x - least
        return float(apart @ matrix @ apart) / 2 + 1e-9, matrix @ apart

    return function, least


@pytest.mark.parametrize("condition", [1, 30])
def test_it_finds_the_minimum_of_a_quadratic_form(condition):
    function, least = quadratic(12, condition)
    found = minimise(function, torch.zeros(12, dtype=torch.float64), 100)
    np.testing.assert_allclose(found.numpy(), least.numpy(), atol=1e-3)


def test_it_finds_the_minimum_of_a_bent_valley():
    """Rosenbrock's function, whose minimum of 1 is at (1, 1)."""

    def function(x):
        a, b = x.tolist()
        slope = [-400 * a * (b - a * a) - 2 * (1 - a), 200 * (b - a * a)]
        return 100 * (b - a * a) ** 2 + (1 - a) ** 2 + 1, torch.tensor(slope, dtype=torch.float64)

    start = torch.tensor([-1.2, 1.0], dtype=torch.float64)
    assert function(minimise(function, start, 300))[0] == pytest.approx(1, abs=0.02)


def test_a_step_to_where_the_function_is_not_finite_is_shortened():
    def function(x):
        y = float(x)
        if y <= 0.5:
            return float("nan"), torch.full((1,), float("nan"), dtype=torch.float64)
        return y - np.log(y - 0.5), torch.tensor([1 - 1 / (y - 0.5)], dtype=torch.float64)

    found = minimise(function, torch.tensor([40.0], dtype=torch.float64), 100)
    assert float(found) == pytest.approx(1.5, abs=0.05)


def test_a_finite_value_with_a_gradient_that_is_not_is_not_accepted():
    def function(x):
        gradient = 2 * x if float(x) > 1 else torch.full_like(x, float("inf"))
        return float(x) ** 2 + 1, gradient

    assert float(minimise(function, torch.tensor([3.0], dtype=torch.float64), 60)) > 1


def test_it_asks_for_no_more_values_than_allowed_and_ends_where_nothing_is_gained():
    function, _ = quadratic(40, 1e4)
    asked = []

    def counted(x):
        asked.append(1)
        return function(x)

    minimise(counted, torch.zeros(40, dtype=torch.float64), 17)
    assert len(asked) == 17
    asked.clear()
    minimise(lambda x: (asked.append(1), (1.0, torch.full_like(x, 1e-9)))[1], torch.zeros(3), 1000)
    assert len(asked) <= HISTORY + 60
