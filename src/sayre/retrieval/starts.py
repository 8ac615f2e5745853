"""The starts of phase retrieval: random phases, the shape that a network predicts, or a given object."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from sayre.data import AnyPattern
from sayre.data.option import SettingError
from sayre.errors import InputError
from sayre.files import load_crystal
from sayre.retrieval.engine.bounds import Bounds
from sayre.retrieval.engine.start import Start, random_start
from sayre.retrieval.engine.support import initial_support
from sayre.retrieval.prepare import bright_ratios, first_fill
from sayre.retrieval.settings import Settings

Objects = NDArray[np.complex64]
StartOf = Callable[[int], Start]

LEVELS = (-2.0, -3.0, -1.0)
"""Thresholds of the logits above which a voxel is in the support; starts take one after the other."""


def starts(
    pattern: AnyPattern,
    bounds: Bounds,
    settings: Settings,
    *,
    init: Objects | None = None,
    device: torch.device,
) -> StartOf:
    """Return a function that makes the start of a given number.

    Parameters
    ----------
    pattern
        Centred pattern, as `prepare.centred` returns it.
    bounds
        Bounds of its amplitudes.
    settings
        `init` is "random" for random phases inside the support of the autocorrelation; "network" for random
        phases inside the shape that the network of `init_weights` predicts, at one of `LEVELS` after the
        other (weights of a published network predict an object instead); or the name of a file that holds
        an object.
    init
        Complex object, centred, of the shape phased, in place of `settings.init`. The first start is the
        object itself, the others have its amplitude and random phases.
    device
        Device on which the network is applied.

    Raises
    ------
    InputError
        An object of another shape, a file or weights that do not exist, counts that show no object.
    """
    seed = settings.seed
    if init is None and settings.init_file is not None:
        init = _object_of(settings.init_file)
    if init is not None:
        return _around(init, bounds, seed)
    if settings.init == "random":
        return _inside(initial_support(first_fill(pattern)), bounds, pattern, seed)
    from sayre.retrieval.learned.phase_predictor import PhasePredictor
    from sayre.retrieval.learned.predictor import load_predictor

    counts = first_fill(pattern.measured)  # gaps are filled as in training, not as for the iterations
    predictor = load_predictor(settings.init_weights, counts.ndim)
    if isinstance(predictor, PhasePredictor):
        return _around(predictor.object(counts, device), bounds, seed)
    logits = predictor(counts, bright_ratios(first_fill(pattern)), device)
    levels = [_inside(logits > level, bounds, pattern, seed) for level in LEVELS]
    return lambda index: levels[index % len(levels)](index)


def _object_of(name: str) -> Objects:
    """Read the object in a file."""
    require_object(name)
    return load_crystal(name).object


def require_object(name: str) -> None:
    """Refuse the name of a file as the setting `init` if the file does not exist.

    Raises
    ------
    SettingError
        The file does not exist.
    """
    if not Path(name.partition("::")[0]).is_file():
        raise SettingError(
            "init", f"{name!r} is neither random nor network nor the name of a file that exists"
        )


def _inside(support: NDArray[np.bool_], bounds: Bounds, pattern: AnyPattern, seed: int) -> StartOf:
    """Return a function that makes starts with random phases inside a support."""
    if not support.any():
        raise InputError(
            f"{pattern.name}: the autocorrelation shows no object; the counts are noise or a background, and "
            "a longer measurement is needed"
        )
    return lambda index: random_start(bounds, support, index, seed)


def _around(init: Objects, bounds: Bounds, seed: int) -> StartOf:
    """Return a function that makes starts from an object."""
    if init.shape != bounds.counts.shape:
        raise InputError(
            f"init: the object has shape {init.shape}, but the pattern, cropped and centred, has shape "
            f"{bounds.counts.shape}; give an object of that shape"
        )
    amplitude = np.abs(init)
    inside = amplitude > 0.1 * float(amplitude.max())

    def start(index: int) -> Start:
        if index == 0:
            return Start(index=0, object=init.astype(np.complex64), support=inside)
        return random_start(bounds, inside, index, seed, amplitude=amplitude)

    return start
