"""Charge flipping (CF)."""

from __future__ import annotations

from dataclasses import dataclass

from sayre.retrieval.engine.algorithms.state import Algorithm, State
from sayre.retrieval.engine.arrays.kernels import relax
from sayre.retrieval.engine.modulus import Modulus


@dataclass(frozen=True)
class CF(Algorithm):
    """Charge flipping: `x ← P_M x` inside the support and `−P_M x` outside, the reflection at the support.

    Oszlányi and Sütő, Acta Cryst. A 60, 134 (2004), with a support in place of a density threshold, as in
    Marchesini, Rev. Sci. Instrum. 78, 011301 (2007), section III.
    """

    def step(self, state: State, modulus: Modulus) -> None:
        """Do one iteration of CF, in place.

        Parameters
        ----------
        state, modulus
            As in `Algorithm.step`.
        """
        modulus.project(state.x, out=state.p)
        relax(state.x, state.p, state.support, 0.0, -1.0)
