"""Difference map (DM)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from sayre.retrieval.engine.algorithms.state import Algorithm, State
from sayre.retrieval.engine.arrays.kernels import relax
from sayre.retrieval.engine.modulus import Modulus


@dataclass(frozen=True)
class DM(Algorithm):
    """Difference map: `x ← x + β (P_S f_M − P_M f_S)`.

    With `f_M = P_M x + (P_M x − x)/β` and `f_S = P_S x − (P_S x − x)/β`: Elser, J. Opt. Soc. Am. A 20, 40
    (2003), eqs. 5 and 6, for γ_S = −1/β and γ_M = 1/β. An iteration needs two FFT pairs; at β = 1 it is HIO
    with β = 1 and needs one.
    """

    ranges: ClassVar[Mapping[str, tuple[float, float]]] = {"beta": (0, 2)}

    beta: float = 0.9

    def step(self, state: State, modulus: Modulus) -> None:
        """Do one iteration of DM, in place.

        Parameters
        ----------
        state, modulus
            As in `Algorithm.step`.
        """
        if self.beta == 1:
            modulus.project(state.x, out=state.p)
            relax(state.x, state.p, state.support, 1.0, -1.0)
            return
        x, p, b = state.x, state.p, self.beta
        f = modulus.field.copy_(x)
        relax(f, x, state.support, 1 / b, 0.0)  # f_S: x inside the support, x/β outside
        modulus.project(x, out=p)
        relax(x, p.mul_(1 + b), state.support, 1.0, 0.0)  # x + β P_S f_M: (1 + β) P_M x inside, x outside
        x.add_(modulus.project(f, out=p), alpha=-b)
