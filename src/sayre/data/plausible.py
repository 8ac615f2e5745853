"""Values in the wrong unit: what no Bragg experiment has, and the unit that it is probably in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.constants import e

from sayre.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A quantity, the unit that Sayre takes it in, and the range that it may have.

    Attributes
    ----------
    unit
        Of `low` and `high`, which are allowed themselves.
    others
        Units that it is often given in, the likeliest first, and how many of `unit` one of them is.
    signed
        Whether it may be negative.
    """

    unit: str
    low: float
    high: float
    others: Mapping[str, float]
    signed: bool = False


QUANTITIES: Mapping[str, Quantity] = {
    "energy": Quantity(unit="eV", low=1e3, high=2e5, others={"keV": 1e3, "MeV": 1e6, "J": 1 / e}),
    "distance": Quantity(unit="m", low=0.01, high=100, others={"mm": 1e-3, "cm": 1e-2, "µm": 1e-6}),
    "pixel size": Quantity(unit="m", low=1e-6, high=1e-3, others={"µm": 1e-6, "mm": 1e-3, "nm": 1e-9}),
    "lattice constant": Quantity(unit="Å", low=1, high=50, others={"nm": 10, "pm": 0.01, "m": 1e10}),
    "rocking step": Quantity(
        unit="°",
        low=1e-4,
        high=1,
        others={"rad": 180 / np.pi, "thousandths of a degree": 1e-3},
        signed=True,
    ),
    "voxel size": Quantity(unit="nm", low=0.1, high=1000, others={"Å": 0.1, "m": 1e9, "µm": 1e3}),
}


def complaint(name: str, value: float) -> str | None:
    """What is wrong with a value, None where it is plausible.

    Parameters
    ----------
    name
        One of `QUANTITIES`.
    value
        In the unit of the quantity.
    """
    quantity, size = QUANTITIES[name], abs(value)
    if not np.isfinite(value) or value == 0 or (value < 0 and not quantity.signed):
        kind = "number other than 0" if quantity.signed else "positive number"
        return f"{name} must be a {kind}, in {quantity.unit}, found {value}"
    if quantity.low <= size <= quantity.high:
        return None
    allowed = f"{quantity.low:g} to {quantity.high:g} {quantity.unit}"
    text = f"{name} {value:.6g} {quantity.unit} is not plausible ({allowed} would be)"
    for unit, factor in quantity.others.items():
        if quantity.low <= size * factor <= quantity.high:
            return f"{text}; {value:.6g} {unit} are {value * factor:.6g} {quantity.unit}"
    return text


def require_plausible(what: str, name: str, value: float) -> None:
    """Refuse a value that is not plausible, or not positive.

    Parameters
    ----------
    what
        Opens the message: a file, an option.
    name, value
        As `complaint` takes them.

    Raises
    ------
    InputError
        With the unit that the value is probably in.
    """
    found = complaint(name, value)
    if found is not None:
        raise InputError(f"{what}: {found}")
