"""What the recipe makes of one start."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sayre.retrieval.engine.packed import Mask, Objects, Packed


@dataclass(frozen=True, kw_only=True)
class Run:
    """The result of the recipe from one start.

    Attributes
    ----------
    index
        Number of the start, from 0.
    packed
        The object, centred and zero outside its support.
    residual, likelihood, free_likelihood
        Fit to the counts; see `sayre.retrieval.engine.modulus.FitQuality`.
    history
        Pairs of iteration and residual R.
    failed
        Why the start failed; empty if it did not.
    point_spread
        Point-spread function of partial coherence, as in `Start`.
    """

    index: int
    packed: Packed
    residual: float
    likelihood: float
    free_likelihood: float
    history: tuple[tuple[int, float], ...] = ()
    failed: str = ""
    point_spread: NDArray[np.float32] | None = None

    @property
    def object(self) -> Objects:
        """The object as a new complex64 array, centred."""
        return self.packed.object

    @property
    def support(self) -> Mask:
        """The support as a new bool array, centred."""
        return self.packed.support
