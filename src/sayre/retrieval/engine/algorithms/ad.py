"""Phase retrieval by automatic differentiation (AD)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sayre.retrieval.autodiff.fit import Fit
from sayre.retrieval.autodiff.settings import ModelSettings
from sayre.retrieval.engine.algorithms.state import Algorithm, State
from sayre.retrieval.engine.modulus import Modulus


@dataclass(frozen=True)
class AD(ModelSettings, Algorithm):
    """Automatic differentiation: one step of an optimiser on the parameters of a model of the object.

    The model starts from the iterate and the support; a convex or level-set support replaces the given one.
    A step needs one FFT pair. See docs/autodiff.md.
    """

    def step(self, state: State, modulus: Modulus) -> None:
        """Do one iteration of AD, in place.

        Parameters
        ----------
        state, modulus
            As in `Algorithm.step`.
        """
        kept: dict[str, Any] = state.extra
        if "fit" not in kept:
            kept["fit"] = Fit(state.x, state.support, modulus, self)
        fit: Fit = kept["fit"]
        fit.step(state.x)

    def estimate(self, state: State) -> Tensor:
        """Compute the objects, and their supports, from the present parameters."""
        kept: dict[str, Any] = state.extra
        if "fit" in kept:
            kept["fit"].write(state.x, state.support)
        return state.x

    def solution(self, state: State, modulus: Modulus) -> Tensor:
        """Return the objects, 0 outside the support, not projected on the counts, which are noisy.

        Parameters
        ----------
        state
            Iterates; `state.p` is overwritten and returned.
        modulus
            Not used.
        """
        return torch.mul(self.estimate(state), state.support, out=state.p)
