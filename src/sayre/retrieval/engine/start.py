"""Objects and supports from which phase retrieval begins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sayre.retrieval.engine.bounds import Bounds
from sayre.retrieval.engine.packed import Mask, Objects


@dataclass(frozen=True, kw_only=True)
class Start:
    """The object and support from which a run begins.

    Attributes
    ----------
    index
        Number of the start, from 0.
    object
        complex64, centred, of the shape of the bounds.
    support
        bool, centred, of the same shape.
    point_spread
        Point-spread function of partial coherence, float32, lag 0 in the middle; None where it is not known.
    history
        Pairs of iteration and residual R of iterations before, on the middle of the pattern.
    failed
        Why it failed there; empty if it did not.
    """

    index: int
    object: Objects
    support: Mask
    point_spread: NDArray[np.float32] | None = None
    history: tuple[tuple[int, float], ...] = ()
    failed: str = ""


def random_start(
    bounds: Bounds, support: Mask, index: int, seed: int, *, amplitude: NDArray[np.floating] | None = None
) -> Start:
    """Make a start with random phases, uniform in [−π, π), inside a support.

    Parameters
    ----------
    bounds
        Their counts give the scale of the amplitude.
    support
        bool, centred, of the shape of the bounds.
    index
        Number of the start.
    seed
        Seed of the random numbers; the same `seed` and `index` give the same start.
    amplitude
        Real, centred, in arbitrary units; uniform by default.
    """
    generator = np.random.default_rng([seed, index])
    phases = generator.uniform(-np.pi, np.pi, bounds.counts.shape)[support]
    values = np.exp(1j * phases) * (1 if amplitude is None else amplitude[support])
    power = float(np.sum(np.abs(values) ** 2)) * bounds.counts.size
    scale = np.sqrt(float(bounds.counts.sum(dtype=np.float64)) / max(power, 1e-30))
    field = np.zeros(bounds.counts.shape, np.complex64)
    field[support] = values * scale
    return Start(index=index, object=field, support=support)
