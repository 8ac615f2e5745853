"""Lengths and energies of files, whose units are stated, or tell by their size, or are refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sayre.crystal.stated import StatedGeometry
from sayre.data.plausible import QUANTITIES

UNITS = {
    "m": 1.0,
    "cm": 1e-2,
    "mm": 1e-3,
    "um": 1e-6,
    "µm": 1e-6,
    "μm": 1e-6,
    "micron": 1e-6,
    "nm": 1e-9,
    "angstrom": 1e-10,
    "ev": 1.0,
    "kev": 1e3,
    "j": 1 / 1.602176634e-19,
}
"""Units by their names in lower case, as numbers of m or eV."""
_NAMES = {"distance": "distance", "pixel_size": "pixel size", "energy": "energy"}


def with_value(
    stated: StatedGeometry, key: str, value: Any, unit: str, source: str, *, usual: str
) -> StatedGeometry:
    """Return a geometry with a length or an energy of a file.

    A number whose unit the file states is converted. One without a unit is in the unit that is usual there,
    if that is plausible. Otherwise it is not taken, and the reason tells both readings.

    Parameters
    ----------
    stated
        What is known before; a value that it has is kept.
    key
        `distance`, `pixel_size` or `energy`.
    value
        A number, or two for `pixel_size`.
    unit
        As the file states it, empty where it does not.
    source
        Where the number is from.
    usual
        Unit that the number has where the file states none.
    """
    if value is None or stated.values.get(key) is not None:
        return stated
    numbers = np.atleast_1d(np.asarray(value, np.float64)).ravel()
    if not numbers.size or not np.all(np.isfinite(numbers)) or np.any(numbers <= 0):
        return stated
    factor = UNITS.get((unit or usual).strip().lower())
    if factor is None:
        return replace(
            stated, refused={**stated.refused, key: f"{source} is in {unit}, which is no unit of it"}
        )
    quantity = QUANTITIES[_NAMES[key]]
    scaled = numbers * factor
    if np.all((scaled >= quantity.low) & (scaled <= quantity.high)):
        found: Any = tuple(map(float, scaled)) if key == "pixel_size" else float(scaled[0])
        found = found * 2 if key == "pixel_size" and len(found) == 1 else found
        return StatedGeometry(
            values={**stated.values, key: found},
            sources={
                **stated.sources,
                key: source if unit else f"{source}, whose unit was taken to be {usual}",
            },
            refused={name: why for name, why in stated.refused.items() if name != key},
        )
    return replace(stated, refused={**stated.refused, key: _readings(key, numbers, unit, usual, source)})


def _readings(key: str, numbers: NDArray[np.float64], unit: str, usual: str, source: str) -> str:
    """Why a number cannot be taken, and what it would be in other units."""
    quantity = QUANTITIES[_NAMES[key]]
    shown = _joined(np.unique(numbers))
    said = f"{source} is {shown} {unit}" if unit else f"{source} is {shown} without a unit"
    allowed = f"{quantity.low:g} to {quantity.high:g} {quantity.unit}"
    text = f"{said}: {shown} {unit or usual} is not plausible ({allowed})"
    other = []
    for name in (quantity.unit, *quantity.others):
        scaled = np.unique(numbers) * UNITS.get(name.lower(), np.nan)
        if np.all((scaled >= quantity.low) & (scaled <= quantity.high)):
            other.append(f"{shown} {name} would be {_joined(scaled)} {quantity.unit}")
    return f"{text}, {' or '.join(other)}; state {key} in {quantity.unit}" if other else text


def _joined(numbers: NDArray[np.float64]) -> str:
    return " and ".join(f"{number:.6g}" for number in numbers)
