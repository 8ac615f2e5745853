"""Error reduction."""

from __future__ import annotations

from dataclasses import dataclass

from sayre.phasing.engine.algorithms.state import Algorithm, State
from sayre.phasing.engine.kernels import relax
from sayre.phasing.engine.modulus import Modulus


@dataclass(frozen=True)
class ER(Algorithm):
    """Alternating projections `x ← P_S P_M x` (Fienup, Appl. Opt. 21, 2758, 1982, section IV)."""

    def step(self, state: State, modulus: Modulus) -> None:
        modulus.project(state.x, out=state.p)
        relax(state.x, state.p, state.support, 0.0, 0.0)
