"""Hybrid input-output."""

from __future__ import annotations

from dataclasses import dataclass

from sayre.phasing.engine.algorithms.state import Algorithm, State
from sayre.phasing.engine.kernels import relax
from sayre.phasing.engine.modulus import Modulus


@dataclass(frozen=True)
class HIO(Algorithm):
    """`x ← P_M x` inside the support, `x − β P_M x` outside (Fienup, Appl. Opt. 21, 2758, 1982, eq. 44)."""

    beta: float = 0.9

    def step(self, state: State, modulus: Modulus) -> None:
        modulus.project(state.x, out=state.p)
        relax(state.x, state.p, state.support, 1.0, -self.beta)
