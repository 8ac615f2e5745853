"""The state of an iteration, and the base class of algorithms."""

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
    """The iterates of a batch of starts, with their origin at index 0; changed in place.

    Attributes
    ----------
    x
        complex64 `(batch, *shape)`, the iterate.
    p
        complex64 of the same shape, the last projection on the amplitude bounds.
    support
        bool, of the same shape.
    extra
        Tensors that one algorithm keeps from step to step; cleared when the algorithm or the support changes.
    """

    x: Tensor
    p: Tensor
    support: Tensor
    extra: dict[str, Tensor] = field(default_factory=dict)


class Algorithm(ABC):
    """A fixed-point iteration, with its parameters.

    `ranges` gives two limits of each parameter: it must be above the first and at most the second, or equal
    to its default.

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
        """Do one iteration, in place.

        Parameters
        ----------
        state
            Iterates and supports of the batch.
        modulus
            Bounds of the amplitudes.
        """

    def estimate(self, state: State) -> Tensor:
        """Return the present objects, also outside the support, from which shrink-wrap computes supports."""
        return state.p

    def solution(self, state: State, modulus: Modulus) -> Tensor:
        """Compute the objects that the iterates represent, 0 outside the support; overwrites `state.p`.

        Parameters
        ----------
        state, modulus
            As in `step`.
        """
        modulus.project(state.x, out=state.p)
        return cut(state.p, state.support)


def step_under_ceiling(state: State, ceiling: float, beta: float | None) -> None:
    """Do the object-space step of HIO or ER with a ceiling on the amplitude.

    Parameters
    ----------
    state
        Iterates whose `p` is the projection on the amplitude bounds.
    ceiling
        Largest amplitude inside the support, in plateau amplitudes.
    beta
        Feedback of HIO; None for ER.
    """
    if "inside" not in state.extra:
        state.extra["inside"] = indices(state.support)
    relax_below(state.x, state.p, state.support, state.extra["inside"], ceiling, beta)
