"""Which angle each frame was taken at, and the even grid that the frames are put on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sayre.errors import InputError
from sayre.scans.protocol import Motor, Values

ENERGY = ("energy", "en", "nrj", "mononrj", "mono", "fmbenergy", "energy_all")
"""Names of motors that change the energy, in lower case."""
UNEVEN = 0.25
"""Fraction of a step by which an angle may be off the even grid."""
NOISE = 0.02
"""A motor that moved by less than this fraction of what the widest circle did only drifted."""
NOMINAL = 0.01
"""Relative difference below which the step of the command is taken rather than that of the positions."""


class Rocking(NamedTuple):
    """The step in degrees and where it is from; for each point of the scan its place on the even grid.

    `size` is the number of places; a place that no point has was not measured. A point that repeats an
    earlier one has the place −1. `remarks` are for the user.
    """

    step: float
    source: str
    place: NDArray[np.int64]
    size: int
    remarks: tuple[str, ...]


def unturned(points: NDArray[np.int64]) -> Rocking:
    """Return the grid of frames whose angles nothing tells, each at the place of its number.

    Parameters
    ----------
    points
        Numbers of the frames.
    """
    size = int(points.max()) + 1
    return Rocking(float("nan"), "", np.arange(size), size, ())


def rocking_motor(moved: Sequence[Motor], what: str) -> Motor:
    """Return the circle that rocked the crystal.

    Parameters
    ----------
    moved
        What moved from frame to frame.
    what
        Scan and its command, for the message.

    Raises
    ------
    InputError
        The energy was scanned, nothing moved, several circles did, or what moved turns nothing.
    """
    widest = max((_range(motor.positions) for motor in moved if motor.turns), default=0.0)
    moved = [motor for motor in moved if _range(motor.positions) > max(1e-6, NOISE * widest)]
    names = ", ".join(motor.name for motor in moved)
    alone = "the dataset (file::/path/to/dataset) or the folder of its frames takes them as they are"
    if any(motor.name.lower() in ENERGY for motor in moved):
        raise InputError(
            f"{what}: the energy was scanned ({names}), so that every frame has another wavelength; a scan "
            f"of one circle would do; {alone}"
        )
    if not moved:
        raise InputError(f"{what}: no motor moved from frame to frame, so it is no rocking scan; {alone}")
    circles = [motor for motor in moved if motor.turns]
    if len(circles) != 1 or len(moved) > 1:
        why = "turns no circle of the sample" if not circles else "moved at once"
        raise InputError(f"{what}: {names} {why}; a scan of one circle of the sample would do; {alone}")
    return circles[0]


def rocking(motor: Motor, nominal: float | None, what: str) -> Rocking:
    """Put the angles of the points on an even grid.

    Parameters
    ----------
    motor
        The circle that moved, with its positions in degrees, one a point.
    nominal
        Step that the command of the scan states.
    what
        Scan, for messages.

    Raises
    ------
    InputError
        Angles that are not a number, go back and forth, or are off every even grid.
    """
    angles = np.asarray(motor.positions, np.float64)
    if angles.size < 2 or not np.isfinite(angles).all():
        raise InputError(f"{what}: {motor.name} has no angle at every frame; two frames and more are needed")
    steps = np.diff(angles)
    typical = float(np.median(steps))
    source = f"mean of {motor.name} from point to point"
    even = steps[np.abs(steps - typical) <= UNEVEN * abs(typical)]
    step = float(even.mean()) if even.size else typical
    if not step:
        raise InputError(f"{what}: most frames were taken at the angle of the one before ({motor.name})")
    place = np.rint((angles - angles[0]) / step).astype(np.int64)
    drift = (angles - angles[0]) / step - place
    drift = drift - np.polynomial.Polynomial.fit(place, drift, 1)(place) if np.ptp(place) else drift
    off = int(np.argmax(np.abs(drift)))
    if abs(drift[off]) > UNEVEN:
        raise InputError(
            f"{what}: frame {off} was taken at {motor.name} = {angles[off]:.6g} °, {abs(drift[off]):.2f} "
            "steps off the even grid of the others; uneven scans cannot be taken"
        )
    if np.any(np.diff(place) < 0):
        raise InputError(f"{what}: {motor.name} goes back and forth; a scan in one direction would do")
    repeated = np.concatenate([[False], np.diff(place) == 0])
    count = int(place[-1]) + 1
    remarks = []
    if repeated.any():
        remarks.append(f"{_some(np.flatnonzero(repeated))} repeat the angle before and are left out")
    lost = count - int((~repeated).sum())
    if lost > 2 * angles.size:
        raise InputError(f"{what}: {lost} of {count} angles of {motor.name} are missing; too few are left")
    if lost:
        left_out = np.setdiff1d(np.arange(count), place)
        remarks.append(f"{lost} angles of {motor.name} were left out by the scan ({_some(left_out)}), masked")
    if nominal and abs(nominal / step - 1) < NOMINAL:
        step, source = nominal, f"command of the scan; {motor.name} moved by {step:.6g} on average"
    return Rocking(step, source, np.where(repeated, -1, place), count, tuple(remarks))


def _range(positions: Values) -> float:
    return float(np.ptp(positions)) if np.size(positions) > 1 else 0.0


def _some(places: NDArray[np.int64]) -> str:
    shown = ", ".join(str(place) for place in places[:5])
    return f"frame{'s' if places.size > 1 else ''} {shown}{', …' if places.size > 5 else ''}"
