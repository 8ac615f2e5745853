"""Generalised proximal smoothing (GPS)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch

from sayre.retrieval.engine.algorithms.state import Algorithm, State
from sayre.retrieval.engine.arrays.kernels import relax
from sayre.retrieval.engine.modulus import Modulus


@dataclass(frozen=True)
class GPS(Algorithm):
    """Generalised proximal smoothing: primal-dual proximal steps with a smoothed modulus constraint.

    `x ← (σ w + t P_M w)/(σ + t)` with `w = x − t y`, then `y ← (1 − P_S)(y + s (2 x − x_before))`: Pham, Yin,
    Rana, Osher and Miao, Opt. Express 27, 2792 (2019), Algorithm 1 (GPS-R without its low-pass filter).
    """

    ranges: ClassVar[Mapping[str, tuple[float, float]]] = {"t": (0, 10), "s": (0, 10), "sigma": (0, 10)}

    t: float = 1.0
    s: float = 0.9
    sigma: float = 0.01

    def step(self, state: State, modulus: Modulus) -> None:
        """Do one iteration of GPS, in place.

        Parameters
        ----------
        state, modulus
            As in `Algorithm.step`.
        """
        x, p = state.x, state.p
        if "y" not in state.extra:
            state.extra["y"] = torch.zeros_like(x)
        y, w = state.extra["y"], modulus.field
        y.add_(x, alpha=-self.s)
        torch.add(x, y, alpha=-self.t, out=w).add_(x, alpha=-self.t * self.s)
        modulus.project(w, out=p)
        x.copy_(p).mul_(self.t / (self.sigma + self.t)).add_(w, alpha=self.sigma / (self.sigma + self.t))
        y.add_(x, alpha=2 * self.s)
        relax(y, w.zero_(), state.support, 1.0, 0.0)
