"""What an algorithm works on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from torch import Tensor

from sayre.errors import InputError
from sayre.retrieval.engine.arrays.kernels import cut
from sayre.retrieval.engine.modulus import Modulus
from sayre.retrieval.engine.uniform import indices, relax_below


@dataclass(kw_only=True)
class State:
    """Iterates of a batch of starts, origin at index 0; changed in place.

    Attributes
    ----------
    x
        complex64 `(batch, *shape)`, the iterate.
    p
        Buffer of the same shape: the last modulus projection.
    support
        bool, same shape.
    extra
        What one algorithm carries from step to step; emptied when another takes over.
    """

    x: Tensor
    p: Tensor
    support: Tensor
    extra: dict[str, Tensor] = field(default_factory=dict)


class Algorithm(ABC):
    """A fixed-point iteration.

    `ranges` are what parameters must be above, and may be at most; their defaults are always allowed.

    Raises
    ------
    InputError
        A parameter out of its range.
    """

    ranges: ClassVar[Mapping[str, tuple[float, float]]] = {}

    def __post_init__(self) -> None:
        for name, (low, high) in self.ranges.items():
            value, default = getattr(self, name), getattr(type(self), name)
            if value != default and not low < value <= high:
                raise InputError(
                    f"recipe: {type(self).__name__}({name}={value}): must be above {low:g} and at most "
                    f"{high:g}, or {default:g}, the default"
                )

    @abstractmethod
    def step(self, state: State, modulus: Modulus) -> None:
        """One iteration, in place."""

    def estimate(self, state: State) -> Tensor:
        """Object, not cut at the support, from which shrink-wrap takes the next support."""
        return state.p

    def solution(self, state: State, modulus: Modulus) -> Tensor:
        """The object that the iterate stands for, inside the support; overwrites `state.p`."""
        modulus.project(state.x, out=state.p)
        return cut(state.p, state.support)


def step_under_ceiling(state: State, ceiling: float, beta: float | None) -> None:
    """`relax_below` of the last projection, under so many plateaus."""
    if "inside" not in state.extra:
        state.extra["inside"] = indices(state.support)
    relax_below(state.x, state.p, state.support, state.extra["inside"], ceiling, beta)
