"""Chains of NXtransformations: where a thing is in the laboratory, frame by frame.

By the NeXus definition (NXtransformations): `depends_on` leads from a thing to the transformation that moves
it, and from that to the one that carries it, up to `.`; a rotation turns right-handed about its `vector` by
its value, a translation moves along it; `offset` is added. The axes are those of McStas, which are those of
the laboratory here: z along the beam, y up, x to the left.
"""

from __future__ import annotations

from typing import NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from sayre.errors import InputError
from sayre.files.hdf5 import nexus
from sayre.scans.layouts import hdf5_parts as parts
from sayre.scans.layouts.units import UNITS
from sayre.scans.protocol import Values

Vector = NDArray[np.float64]

DEPTH = 32
"""Links of a chain at most."""
_DEGREES = {"deg": 1.0, "degree": 1.0, "degrees": 1.0, "rad": 180 / np.pi, "radian": 180 / np.pi}


class Step(NamedTuple):
    """One transformation: its path, its values (degrees or m), and what they do."""

    place: str
    values: Values
    vector: Vector
    offset: Vector
    rotation: bool


def chain_of(file: h5py.File, start: str, what: str) -> list[Step]:
    """Return the transformations that move a thing, innermost first.

    Parameters
    ----------
    file
        The file, open.
    start
        Path of the group or the dataset that states `depends_on`.
    what
        Opens the message of an error.

    Raises
    ------
    InputError
        A chain that leads nowhere, or in a circle; no vector; a unit that is none.
    """
    steps: list[Step] = []
    place = _next(file, start)
    while place is not None:
        dataset = nexus.dataset_at(file, place)
        if dataset is None or len(steps) > DEPTH:
            raise InputError(f"{what}: {start} depends on {place}, which is not there or leads in a circle")
        steps.append(_step(file, place, dataset, what))
        place = _next(file, place)
    return steps


def at_frame(step: Step, frame: int) -> float:
    """Return the value of a transformation at a frame; one value holds for all.

    Parameters
    ----------
    step
        A transformation.
    frame
        Number of the frame.
    """
    return float(step.values[min(frame, step.values.size - 1)])


def moved(steps: list[Step], point: Vector, frame: int = 0) -> Vector:
    """Return where a point is in the laboratory, m.

    Parameters
    ----------
    steps
        What moves it, innermost first.
    point
        Where it is before, m.
    frame
        Number of the frame.
    """
    for step in steps:
        if step.rotation:
            point = turn_of(step, frame).apply(point) + step.offset
        else:
            point = point + at_frame(step, frame) * step.vector + step.offset
    return np.asarray(point)


def turned(steps: list[Step], frame: int = 0) -> Rotation:
    """Return the rotation of a chain at a frame.

    Parameters
    ----------
    steps
        Transformations, innermost first.
    frame
        Number of the frame.
    """
    whole = Rotation.identity()
    for step in steps:
        whole = (turn_of(step, frame) if step.rotation else Rotation.identity()) * whole
    return whole


def turn_of(step: Step, frame: int) -> Rotation:
    """Return the rotation of one transformation at a frame.

    Parameters
    ----------
    step
        A transformation.
    frame
        Number of the frame.
    """
    return Rotation.from_rotvec(np.radians(at_frame(step, frame)) * step.vector)


def _next(file: h5py.File, place: str) -> str | None:
    """Absolute path of what a thing depends on, None at the end of the chain."""
    item = nexus.child(file, place)
    if item is None:
        return None
    stated = nexus.text(item.attrs.get("depends_on", ""))
    if isinstance(item, h5py.Group):
        stated = parts.text(item, "depends_on") or stated
    if not stated or stated == ".":
        return None
    folder = place if isinstance(item, h5py.Group) else place.rpartition("/")[0]
    for candidate in (stated, f"{folder}/{stated}", f"{folder}/transformations/{stated}"):
        if nexus.dataset_at(file, candidate) is not None:
            return f"/{candidate.strip('/')}"
    return stated


def _step(file: h5py.File, place: str, dataset: h5py.Dataset, what: str) -> Step:
    values, attrs = parts.numbers(file, place), dataset.attrs
    vector = np.asarray(attrs.get("vector", (0.0, 0.0, 0.0)), np.float64).ravel()
    kind = nexus.text(attrs.get("transformation_type", ""))
    unit = nexus.text(attrs.get("units", ""))
    if values is None or vector.shape != (3,):
        raise InputError(f"{what}: {place} is no transformation: it has no numbers, or no vector of three")
    rotation = kind == "rotation" or (not kind and unit.lower() in _DEGREES)
    factor = _DEGREES.get(unit.lower() or "deg") if rotation else UNITS.get(unit.lower() or "m")
    length = float(np.linalg.norm(vector))
    if factor is None or (rotation and length == 0):
        raise InputError(
            f"{what}: {place} turns about {vector.tolist()} in {unit or 'no unit'}; neither is known"
        )
    offset = np.asarray(attrs.get("offset", (0.0, 0.0, 0.0)), np.float64).ravel()
    given = nexus.text(attrs.get("offset_units", "")) or ("" if rotation else unit)
    offset = offset * UNITS.get(given.lower() or "m", 1.0)
    return Step(place, values * factor, vector / length if rotation else vector, offset, rotation)
