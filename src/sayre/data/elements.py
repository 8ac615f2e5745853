"""The metals that particles are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sayre.errors import InputError

Structure = Literal["fcc", "bcc"]


@dataclass(frozen=True)
class Element:
    """A cubic metal and the potential it relaxes in.

    `lattice_constant` in Å is that of the potential; `mass` in u; `poisson` is Poisson's ratio of the
    polycrystal, for isotropic elasticity; `potential` is a file of LAMMPS and `style` its pair style.
    """

    structure: Structure
    lattice_constant: float
    mass: float
    poisson: float
    potential: str
    style: str = "eam"


ELEMENTS: dict[str, Element] = {
    "Ag": Element("fcc", 4.09, 107.868, 0.37, "Ag_u3.eam"),
    "Al": Element("fcc", 4.05, 26.982, 0.35, "Al_mm.eam.fs", "eam/fs"),
    "Au": Element("fcc", 4.08, 196.967, 0.42, "Au_u3.eam"),
    "Cu": Element("fcc", 3.615, 63.546, 0.34, "Cu_u3.eam"),
    "Ni": Element("fcc", 3.52, 58.693, 0.31, "Ni_u3.eam"),
    "Pd": Element("fcc", 3.89, 106.42, 0.39, "Pd_u3.eam"),
    "Pt": Element("fcc", 3.92, 195.084, 0.38, "Pt_u3.eam"),
    "Fe": Element("bcc", 2.8553, 55.845, 0.29, "Fe_mm.eam.fs", "eam/fs"),
    "W": Element("bcc", 3.1652, 183.84, 0.28, "W_zhou.eam.alloy", "eam/alloy"),
}


def element(symbol: str) -> Element:
    """The element of a symbol.

    Raises
    ------
    InputError
        It is not one of `ELEMENTS`.
    """
    if symbol not in ELEMENTS:
        raise InputError(f"element: {symbol!r} is not known; one of {', '.join(sorted(ELEMENTS))}")
    return ELEMENTS[symbol]
