"""Hybrid input-output (HIO)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from sayre.retrieval.engine.algorithms.state import Algorithm, State, step_under_ceiling
from sayre.retrieval.engine.arrays.kernels import relax
from sayre.retrieval.engine.modulus import Modulus
from sayre.retrieval.engine.uniform import CEILINGS


@dataclass(frozen=True)
class HIO(Algorithm):
    """Hybrid input-output: `x ← P_M x` inside the support, `x − β P_M x` outside.

    Fienup, Appl. Opt. 21, 2758 (1982), eq. 44. With a `ceiling` the amplitude inside the support may not
    exceed that multiple of its plateau (see `sayre.retrieval.engine.uniform`); 0 is no ceiling.
    """

    ranges: ClassVar[Mapping[str, tuple[float, float]]] = {"beta": (0, 2), "ceiling": CEILINGS}

    beta: float = 0.9
    ceiling: float = 0.0

    def step(self, state: State, modulus: Modulus) -> None:
        """Do one iteration of HIO, in place.

        Parameters
        ----------
        state, modulus
            As in `Algorithm.step`.
        """
        modulus.project(state.x, out=state.p)
        if self.ceiling:
            step_under_ceiling(state, self.ceiling, self.beta)
            return
        relax(state.x, state.p, state.support, 1.0, -self.beta)
