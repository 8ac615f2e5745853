"""What is shown of a crystal: quantities with their colours, names of axes, units."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sayre.data import Crystal
from sayre.figures.sheet import Colours
from sayre.figures.style import AMPLITUDE, CYCLIC, SHIFTED, SIGNED, reach
from sayre.figures.surface import body

PERCENTILE = 98
"""Of the absolute values that the colours reach to."""


class Quantity(NamedTuple):
    """What a row shows, and in which colours."""

    values: NDArray[Any]
    colours: Colours

    @property
    def label(self) -> str:
        return self.colours.label


def quantities(crystal: Crystal) -> list[Quantity]:
    """Amplitude, displacement or phase, and strain, as far as they are known."""
    amplitude, inside = crystal.amplitude, crystal.support
    inner = body(amplitude, inside)
    top = float(np.percentile(amplitude[inside], 99.5))
    rows = [Quantity(amplitude, Colours(label="amplitude", cmap=AMPLITUDE, low=0.0, high=top or 1.0))]
    if crystal.displacement is None:
        rows.append(_of_phase(np.where(inside, crystal.phase, np.nan), inner))
    else:
        rows.append(_symmetric("displacement (Å)", crystal.displacement, inner, SHIFTED))
    if crystal.strain is not None:
        rows.append(_symmetric("strain (%)", 100 * crystal.strain, inner, SIGNED))
    return rows


def _of_phase(phase: NDArray[np.floating], inner: NDArray[np.bool_]) -> Quantity:
    """Colours from −π to π that meet there, or of the range of a phase that stays far from both."""
    narrow = _symmetric("phase (rad)", phase, inner, SHIFTED)
    if narrow.colours.high < np.pi / 2:
        return narrow
    return Quantity(phase, Colours(label="phase (rad)", cmap=CYCLIC, low=-np.pi, high=np.pi))


def _symmetric(label: str, values: NDArray[np.floating], inner: NDArray[np.bool_], cmap: str) -> Quantity:
    """Colours about zero, to what most voxels within the surface have."""
    high = reach(values[inner], PERCENTILE)
    return Quantity(values, Colours(label=label, cmap=cmap, low=-high, high=high))


def in_laboratory(crystal: Crystal) -> bool:
    """Whether the array axes are those of the laboratory or of the sample, z, y and x, whose y points up."""
    return crystal.object.ndim == 3 and crystal.axes is not None and crystal.orthogonal


def axis_names(crystal: Crystal) -> tuple[str, ...]:
    """Names of the array axes: those of the laboratory or the sample, or of the scan."""
    if in_laboratory(crystal):
        return "z", "y", "x"
    return ("rocking", "row", "column")[-crystal.object.ndim :]


def unit_of(crystal: Crystal) -> str:
    """Unit of lengths."""
    return "nm" if crystal.voxel_size else "voxels"
