"""Automatic differentiation."""

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
    """One step of an optimiser on the parameters of a model of the object.

    The model starts from the iterate and the support; a convex or level-set support replaces the latter. An
    FFT pair a step. See docs/autodiff.md.
    """

    def step(self, state: State, modulus: Modulus) -> None:
        kept: dict[str, Any] = state.extra
        if "fit" not in kept:
            kept["fit"] = Fit(state.x, state.support, modulus, self)
        fit: Fit = kept["fit"]
        fit.step(state.x)

    def estimate(self, state: State) -> Tensor:
        """The iterate, brought to the parameters after the last step, as the support is."""
        kept: dict[str, Any] = state.extra
        if "fit" in kept:
            kept["fit"].write(state.x, state.support)
        return state.x

    def solution(self, state: State, modulus: Modulus) -> Tensor:
        """The iterate itself: projecting it on the counts would bring their noise back."""
        return torch.mul(self.estimate(state), state.support, out=state.p)
