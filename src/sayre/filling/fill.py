"""The one call that fills a pattern."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from sayre.data import FilledPattern, Pattern
from sayre.errors import InputError, warn

Method = Literal["auto", "unet", "wiener", "linear", "cubic", "nearest", "biharmonic"]
METHODS: tuple[str, ...] = get_args(Method)
Progress = Callable[[float], None]
Log = NDArray[np.float32]

DEFAULT_STRIDE = 16
"""Distance of neighbouring windows; docs/inpainting.md has the curve of time and accuracy behind it."""


def inpaint(
    pattern: Pattern,
    *,
    method: Method = "auto",
    stride: int | None = None,
    weights: str | Path | None = None,
    device: str = "auto",
    progress: Progress | None = None,
) -> FilledPattern:
    """Fill the unmeasured voxels of a pattern.

    Parameters
    ----------
    pattern
        2D or 3D counts with a mask.
    method
        `unet` is the network (3D only), `wiener` a linear predictor learnt from the pattern itself, the
        others interpolate; `auto` takes the network where weights ship and the pattern is 3D, else `wiener`.
    stride
        Distance of neighbouring network windows; smaller is slower and more accurate.
    weights
        Name in the registry or a `.safetensors` file; None takes the registry's default.
    device
        `auto`, `cpu` or `cuda`, for the network.
    progress
        Called with the fraction done.

    Returns
    -------
    FilledPattern
        Measured voxels bit for bit as they came. `sigma` is the standard error of `log(1 + expected
        counts)`, NaN for methods that state none.

    Raises
    ------
    InputError
        No voxel is masked, a network asked for 2D counts, unknown method, weights or device.

    Warns
    -----
    SayreWarning
        Voxels that the network cannot reach (a wider gap than it was trained for, or the rim of the
        array) and that `wiener` fills instead.
    """
    what = pattern.name
    if method not in METHODS:
        raise InputError(f"method: {method!r} is not known; one of {', '.join(METHODS)}")
    if not pattern.mask.any():
        raise InputError(f"{what}: no voxel is masked, nothing to fill; give the gaps by --mask")
    if stride is not None and stride < 1:
        raise InputError(f"stride: must be 1 or more, found {stride}")
    if method == "unet" and len(pattern.shape) == 2:
        raise InputError(f"{what}: the network fills 3D counts, these are 2D; --method wiener")
    chosen = method if method != "auto" else _best(pattern)
    values = np.log1p(pattern.intensity)
    if chosen == "unet":
        filled, sigma = _by_network(pattern, stride or DEFAULT_STRIDE, weights, device, progress)
    else:
        filled, sigma = _by_classic(chosen, values, pattern.mask, progress)
    counts = pattern.intensity.copy()
    counts[pattern.mask] = np.maximum(np.expm1(filled[pattern.mask]), 0)
    sigma = np.where(pattern.mask, sigma, np.float32(0))
    return FilledPattern(pattern=pattern, intensity=counts, sigma=sigma, method=chosen)


def _best(pattern: Pattern) -> str:
    from sayre.networks import registry

    return "wiener" if registry.default("inpaint", len(pattern.shape)) is None else "unet"


def _by_classic(
    method: str, values: Log, mask: NDArray[np.bool_], progress: Progress | None
) -> tuple[Log, Log]:
    if method == "wiener":
        from sayre.filling.wiener import wiener_fill

        return wiener_fill(values, mask, progress=progress)
    from sayre.filling.classical import CLASSICAL

    filled = CLASSICAL[method](values, mask, progress=progress)
    return filled, np.full(filled.shape, np.nan, np.float32)


def _by_network(
    pattern: Pattern,
    stride: int,
    weights: str | Path | None,
    device: str,
    progress: Progress | None,
) -> tuple[Log, Log]:
    from sayre.filling.network import windows
    from sayre.filling.network.predictor import load_predictor
    from sayre.filling.network.volume import prepare

    predictor, mask = load_predictor(weights, device), pattern.mask
    slabs, beyond = windows.plan(mask, depth=predictor.depth, max_width=predictor.widths[1])
    if len(beyond):
        warn(
            f"{pattern.name}: {len(beyond)} masked voxels are wider than the network's "
            f"{predictor.widths[1]} or at the rim; filled by {predictor.baseline}, with its larger error"
        )
    half = _Part(progress, 0.0, 0.5), _Part(progress, 0.5, 1.0)
    volume = prepare(pattern.intensity, mask, predictor.baseline, half[0])
    done = windows.fill(
        volume,
        slabs,
        predictor,
        depth=predictor.depth,
        tile=predictor.tile,
        stride=min(stride, predictor.tile),
        progress=half[1],
    )
    filled, sigma = volume.filled, volume.sigma
    filled.flat[done.voxels] = np.maximum(done.mean, 0)
    sigma.flat[done.voxels] = (
        predictor.sigma_scale * np.sqrt(done.variance) if predictor.states_error else np.nan
    )
    return filled, sigma


@dataclass(frozen=True)
class _Part:
    """Progress of one part of the work, from fraction `low` to `high` of the whole."""

    progress: Progress | None
    low: float
    high: float

    def __call__(self, fraction: float) -> None:
        if self.progress:
            self.progress(self.low + fraction * (self.high - self.low))
