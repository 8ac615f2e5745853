"""What detectors and beams do to the patterns that a filling network is trained on."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray


def draw_factors(
    shape: tuple[int, ...],
    axes: Collection[int],
    scatter: tuple[float, float],
    generator: np.random.Generator,
) -> NDArray[np.float32]:
    """Draw log-normal factors about 1: gains of pixels, or fluxes of frames.

    Parameters
    ----------
    shape
        Of the pattern.
    axes
        Along which the factors differ.
    scatter
        Range of their relative standard deviation, which is drawn too.
    generator
        Source of every random number.

    Returns
    -------
    float32, of the pattern's length along `axes` and 1 along the others.
    """
    sizes = [n if axis in axes else 1 for axis, n in enumerate(shape)]
    return np.exp(generator.normal(0, generator.uniform(*scatter), sizes)).astype(np.float32)


def draw_dead_columns(
    shape: tuple[int, ...], axes: Sequence[int], generator: np.random.Generator
) -> NDArray[np.bool_]:
    """Draw pixels that are dead in every frame, 1 to 10 in a thousand on average.

    Parameters
    ----------
    shape
        Of the pattern, 3D.
    axes
        The three axes, of which the first is that of the frames.
    generator
        Source of every random number.

    Returns
    -------
    bool, of the pattern's shape, True where dead.
    """
    dead = generator.random((shape[axes[1]], shape[axes[2]])) < 10 ** generator.uniform(-3, -2)
    columns = np.broadcast_to(dead, (shape[axes[0]], *dead.shape))
    return np.moveaxis(columns, (0, 1, 2), tuple(axes)).copy()
