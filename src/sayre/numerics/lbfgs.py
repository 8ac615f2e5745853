"""Minimisation by the limited-memory BFGS method, on any torch device."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import torch
from torch import Tensor

Function = Callable[[Tensor], tuple[float, Tensor]]
"""A function from a real vector to its value and gradient."""

HISTORY = 10
"""Pairs of steps and changes of the gradient from which the curvature is estimated."""
SETTLED = 2e-3
"""Relative decrease over `HISTORY` steps below which the minimisation ends."""
ARMIJO = 1e-4
"""Least decrease of a step, in units of the decrease that the slope promises."""


def minimise(function: Function, start: Tensor, evaluations: int) -> Tensor:
    """Return the best of at most so many vectors, beginning at `start`.

    Steps are shortened until the value falls enough and value and gradient are finite. At first the Hessian
    is taken to be about one: the components should be scaled to bend the function alike.

    Parameters
    ----------
    function
        What is minimised.
    start
        Real vector.
    evaluations
        Largest number of times that the function is computed.

    Notes
    -----
    Nocedal and Wright, Numerical Optimization (2006), algorithms 7.4 and 7.5; the line search is 3.1 with
    quadratic interpolation.
    """
    x = start.clone()
    value, gradient = function(x)
    left = evaluations - 1
    pairs: deque[tuple[Tensor, Tensor]] = deque(maxlen=HISTORY)
    past: deque[float] = deque([value], maxlen=HISTORY + 1)
    while left > 0:
        direction = -_times_inverse_hessian(gradient, pairs)
        slope = float(torch.dot(gradient, direction))
        if not slope < 0:
            if not pairs:
                break
            pairs.clear()
            continue
        length, accepted = 1.0, False
        while left > 0 and not accepted:
            new = x + length * direction
            there, new_gradient = function(new)
            left -= 1
            enough = there <= value + ARMIJO * length * slope  # never where it is NaN
            accepted = enough and bool(torch.isfinite(new_gradient).all())
            if not accepted:
                length *= _shorter(there - value, length * slope)
        if not accepted:
            break
        change, bend = new - x, new_gradient - gradient
        if float(torch.dot(change, bend)) > 1e-10 * float(change.norm()) * float(bend.norm()):
            pairs.append((change, bend))
        x, value, gradient = new, there, new_gradient
        past.append(value)
        if len(past) > HISTORY and past[0] - value < SETTLED * abs(value):
            break
    return x


def _times_inverse_hessian(gradient: Tensor, pairs: deque[tuple[Tensor, Tensor]]) -> Tensor:
    """Multiply the estimate of the inverse Hessian by the gradient (two-loop recursion)."""
    q, factors = gradient.clone(), []
    for change, bend in reversed(pairs):
        rho = 1 / float(torch.dot(change, bend))
        factor = rho * float(torch.dot(change, q))
        q.add_(bend, alpha=-factor)
        factors.append((rho, factor))
    if pairs:
        change, bend = pairs[-1]
        q.mul_(float(torch.dot(change, bend)) / float(torch.dot(bend, bend)))
    for (change, bend), (rho, factor) in zip(pairs, reversed(factors), strict=True):
        q.add_(change, alpha=factor - rho * float(torch.dot(bend, q)))
    return q


def _shorter(rise: float, promised: float) -> float:
    """Return the factor to shorten a step by: where a parabola is least, from a tenth to a half."""
    curvature = rise - promised
    if not 0 < curvature < float("inf"):
        return 0.1
    return min(max(-promised / (2 * curvature), 0.1), 0.5)
