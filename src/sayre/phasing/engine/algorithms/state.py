"""What an algorithm works on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from torch import Tensor

from sayre.phasing.engine.kernels import cut
from sayre.phasing.engine.modulus import Modulus


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
    """A fixed-point iteration."""

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
