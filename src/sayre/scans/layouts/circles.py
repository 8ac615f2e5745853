"""Circles of diffractometers: which way the crystal turns in the laboratory.

Sources, by name: 34idc and p10 cohere-ui (`beamlines/aps_34idc`, `Petra3_P10`: `diffractometers.py`), id01
cohere-ui (`beamlines/esrf_id01`), nanomax, cristal and sixs cdiutils (`geometry.py`) and bcdi
(`experiment/diffractometer.py`). Where these disagree the note of the beamline says so. The circles of the
detector arm are `sayre.crystal.geometry.BEAMLINES`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

from sayre.crystal.geometry import Axis, direction
from sayre.scans.protocol import Stance


class Circle(NamedTuple):
    """A circle that carries the sample: names of its motor, the first one that is there counts; its axis."""

    names: tuple[str, ...]
    axis: str


SAMPLE: Mapping[str, tuple[Circle, ...]] = {
    "34idc": (
        Circle(("Theta", "th"), "y+"),
        Circle(("Chi", "chi"), "z-"),
        Circle(("Phi", "phi"), "y+"),
    ),
    "id01": (
        Circle(("mu", "Mu"), "y-"),
        Circle(("eta", "Eta"), "x-"),
        Circle(("phi", "Phi"), "y-"),
    ),
    "id27": (Circle(("nath",), "y-"),),
    "p10": (
        Circle(("mu",), "y+"),
        Circle(("om", "samth"), "x-"),
        Circle(("chi",), "z+"),
        Circle(("phi",), "y-"),
    ),
    "nanomax": (Circle(("gontheta",), "x-"), Circle(("gonphi",), "y-")),
    "cristal": (Circle(("mg_omega", "mgomega", "omega"), "x-"), Circle(("mg_phi", "mgphi", "phi"), "y+")),
    "sixs": (Circle(("mu",), "x-"), Circle(("omega",), "y+")),
}
"""Outermost first."""


def axis_of(circles: Sequence[Circle], moved: str, positions: Mapping[str, float]) -> Axis | None:
    """Return the axis of a circle in the laboratory, turned by the circles that carry it.

    Parameters
    ----------
    circles
        Outermost first.
    moved
        Name of the motor that turns.
    positions
        Of the motors in degrees; one that is not known stands at 0.

    Returns
    -------
    Axis or None
        Its name where it is along an axis of the laboratory, else three numbers; None for a motor that is no
        circle of the sample.
    """
    turn = Rotation.identity()
    for circle in circles:
        if moved in circle.names:
            return named(turn.apply(direction(circle.axis)))
        angle = next((positions[name] for name in circle.names if name in positions), 0.0)
        turn = turn * Rotation.from_rotvec(np.radians(angle) * direction(circle.axis))
    return None


def stances(circles: Sequence[Circle], positions: Mapping[str, float]) -> list[Stance]:
    """Return where the circles of the sample stand; those whose motors are not known are left out.

    Parameters
    ----------
    circles
        Outermost first.
    positions
        Of the motors in degrees.
    """
    found = []
    for circle in circles:
        name = next((name for name in circle.names if name in positions), None)
        if name is not None:
            found.append(Stance(circle.axis, positions[name], name))
    return found


def named(vector: Sequence[float] | np.ndarray) -> Axis:
    """Return the name of a direction along an axis of the laboratory, else its three numbers."""
    found = np.asarray(vector, float) / np.linalg.norm(vector)
    for name in ("x", "y", "z"):
        for sign in ("+", "-"):
            if found @ direction(name + sign) > 1 - 1e-9:
                return name + sign
    return tuple(round(float(part), 9) for part in found)
