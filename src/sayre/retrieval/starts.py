"""Where runs begin: at random, in the shape that a network sees, or at a given object."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from sayre.data import AnyPattern
from sayre.errors import InputError
from sayre.retrieval.engine.bounds import Bounds
from sayre.retrieval.engine.runs import Start, random_start
from sayre.retrieval.engine.support import initial_support
from sayre.retrieval.prepare import first_fill

Objects = NDArray[np.complex64]
Init = Objects | str
StartOf = Callable[[int], Start]

LEVELS = (-2.0, -3.0, -1.0)
"""Logits above which a voxel is in the support, for one start after the other."""


def starts(
    pattern: AnyPattern,
    bounds: Bounds,
    init: Init,
    *,
    seed: int,
    ratios: tuple[float, ...],
    device: torch.device,
    weights: str | Path | None = None,
) -> StartOf:
    """A function from the index of a run to where it begins.

    Parameters
    ----------
    pattern
        As `prepare.centred` gives it, and the bounds of its counts.
    init
        "random" phases inside the support of the autocorrelation; or inside the shape that the "network"
        of `weights` sees, taken at one of `LEVELS` after the other; or from a centred complex object of the
        shape phased: the first run from it as it is, the others from its amplitude with random phases. A
        published network's weights give such an object.
    ratios
        Oversampling ratio of each axis.

    Raises
    ------
    InputError
        An object of another shape, no weights, counts that show no object.
    """
    counts = first_fill(pattern)
    if isinstance(init, np.ndarray):
        return _around(init, bounds, seed)
    if init == "random":
        return _inside(initial_support(counts), bounds, pattern, seed)
    if init != "network":
        raise InputError(f"init: {init!r} is not known; random, network or an object")
    from sayre.retrieval.learned.phase_predictor import PhasePredictor
    from sayre.retrieval.learned.predictor import load_predictor

    counts = first_fill(pattern.measured)  # as in training, whatever filled the gaps for the iterations
    predictor = load_predictor(weights, counts.ndim)
    if isinstance(predictor, PhasePredictor):
        return _around(predictor.object(counts, device), bounds, seed)
    logits = predictor(counts, ratios, device)
    levels = [_inside(logits > level, bounds, pattern, seed) for level in LEVELS]
    return lambda index: levels[index % len(levels)](index)


def _inside(support: NDArray[np.bool_], bounds: Bounds, pattern: AnyPattern, seed: int) -> StartOf:
    if not support.any():
        raise InputError(f"{pattern.name}: the autocorrelation shows no object; the counts are noise")
    return lambda index: random_start(bounds, support, index, seed)


def _around(init: Objects, bounds: Bounds, seed: int) -> StartOf:
    if init.shape != bounds.counts.shape:
        raise InputError(f"init: the object has shape {init.shape}, the pattern phased {bounds.counts.shape}")
    amplitude = np.abs(init)
    inside = amplitude > 0.1 * float(amplitude.max())

    def start(index: int) -> Start:
        if index == 0:
            return Start(index=0, object=init.astype(np.complex64), support=inside)
        return random_start(bounds, inside, index, seed, amplitude=amplitude)

    return start
