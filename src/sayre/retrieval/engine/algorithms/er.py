"""Error reduction (ER)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from sayre.retrieval.engine.algorithms.state import Algorithm, State, step_under_ceiling
from sayre.retrieval.engine.arrays.kernels import relax
from sayre.retrieval.engine.modulus import Modulus
from sayre.retrieval.engine.uniform import CEILINGS


@dataclass(frozen=True)
class ER(Algorithm):
    """Error reduction: alternating projections `x ← P_S P_M x`.

    Fienup, Appl. Opt. 21, 2758 (1982), section IV. With a `ceiling` the amplitude inside the support may not
    exceed that multiple of its plateau (see `sayre.retrieval.engine.uniform`); 0 is no ceiling.
    """

    ranges: ClassVar[Mapping[str, tuple[float, float]]] = {"ceiling": CEILINGS}

    ceiling: float = 0.0

    def step(self, state: State, modulus: Modulus) -> None:
        """Do one iteration of ER, in place.

        Parameters
        ----------
        state, modulus
            As in `Algorithm.step`.
        """
        modulus.project(state.x, out=state.p)
        if self.ceiling:
            step_under_ceiling(state, self.ceiling, None)
            return
        relax(state.x, state.p, state.support, 0.0, 0.0)
