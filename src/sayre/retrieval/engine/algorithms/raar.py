"""Relaxed averaged alternating reflections (RAAR)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from sayre.retrieval.engine.algorithms.state import Algorithm, State
from sayre.retrieval.engine.arrays.kernels import relax
from sayre.retrieval.engine.modulus import Modulus


@dataclass(frozen=True)
class RAAR(Algorithm):
    """Relaxed averaged alternating reflections: `x ← β/2 (R_S R_M + 1) x + (1 − β) P_M x`.

    Luke, Inverse Problems 21, 37 (2005), eq. 2.5. Inside the support that is `P_M x`, outside
    `β x + (1 − 2β) P_M x`.
    """

    ranges: ClassVar[Mapping[str, tuple[float, float]]] = {"beta": (0, 1)}

    beta: float = 0.9

    def step(self, state: State, modulus: Modulus) -> None:
        """Do one iteration of RAAR, in place.

        Parameters
        ----------
        state, modulus
            As in `Algorithm.step`.
        """
        modulus.project(state.x, out=state.p)
        relax(state.x, state.p, state.support, self.beta, 1 - 2 * self.beta)
