"""Where a scan looks in reciprocal space.

Laboratory frame, right-handed, as in CXI and NeXus: z along the beam, y up, x = y × z (to the left, looking
along the beam). An axis is `"x+"`, `"x-"`, … `"z-"`, or three numbers. Rotations are right-handed about
their axis, so `"x-"` is a circle that turns the detector up from the beam and `"y-"` one that turns it to −x.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.constants import c, e, h
from scipy.spatial.transform import Rotation

from sayre.data.plausible import require_plausible
from sayre.errors import InputError, warn

Axis = str | Sequence[float]
Vector = NDArray[np.float64]

MOST_TURNED = 720.0
"""Largest angle of a circle, degrees."""
TOLERANCE = 0.02
"""Relative difference of |G| between geometry and lattice beyond which something must be wrong."""


class Circles(NamedTuple):
    """Axes of a beamline at zero angles: circles of the detector arm, outermost first, then its pixels."""

    detector: tuple[str, ...]
    row: str = "y-"
    column: str = "x+"


BEAMLINES: Mapping[str, Circles] = {
    "34idc": Circles(("y+", "x-")),
    "cristal": Circles(("y+", "x-")),
    "id01": Circles(("y-", "x-")),
    "nanomax": Circles(("y-", "x-"), column="x-"),
    "p10": Circles(("y+", "x-"), column="x-"),
}
"""Conventions as cdiutils and cohere state them; detectors get remounted, so check them with a known strain.

The angles are, in order: 34idc δ, γ; cristal γ, δ; id01 ν, δ; nanomax γ, δ; p10 γ, δ.
"""


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """A rocking scan.

    Attributes
    ----------
    energy
        Of the photons, eV.
    distance
        From crystal to detector, m.
    pixel_size
        Of a detector pixel before binning, (row, column), m.
    detector
        Circles of the arm, outermost first: pairs of axis (at zero angles) and angle in degrees.
    rocking_axis
        Axis about which the crystal turns, in the laboratory: that of the circle after the rotation of
        those that carry it.
    rocking_step
        Angle from frame to frame in degrees, right-handed; negative where the scan ran backwards.
    row, column
        Directions in which row and column numbers rise, at zero angles of the arm.
    binning
        Frames, rows and columns summed to a voxel.
    peak
        Where the peak lies from the pixel that the direct beam meets at zero angles, (row, column), pixels
        before binning. Zero where the angles are those of the peak itself.
    sample
        Circles that carry the sample, outermost first: pairs of axis (at zero angles) and angle in degrees in
        the middle of the scan. Empty where they are not known; they turn the sample frame.
    shape
        Frames, rows and columns that were measured; counts with more of any are of another scan, or their
        axes in another order. None where it is not known.
    """

    energy: float
    distance: float
    pixel_size: tuple[float, float]
    detector: tuple[tuple[Axis, float], ...]
    rocking_axis: Axis
    rocking_step: float
    row: Axis = "y-"
    column: Axis = "x+"
    binning: tuple[int, int, int] = (1, 1, 1)
    peak: tuple[float, float] = (0.0, 0.0)
    sample: tuple[tuple[Axis, float], ...] = ()
    shape: tuple[int, int, int] | None = None

    def __post_init__(self) -> None:
        if np.shape(self.pixel_size) != (2,):
            raise InputError(
                f"geometry: pixel size must be two numbers (row, column), in m, found {self.pixel_size}"
            )
        require_plausible("geometry", "energy", self.energy)
        require_plausible("geometry", "distance", self.distance)
        for size in self.pixel_size:
            require_plausible("geometry", "pixel size", size)
        require_plausible("geometry", "rocking step", self.rocking_step)
        if len(self.binning) != 3 or min(self.binning) < 1:
            raise InputError(f"geometry: binning must be three numbers from 1, found {self.binning}")
        if self.shape is not None and (len(self.shape) != 3 or min(self.shape) < 1):
            raise InputError(f"geometry: shape must be three numbers from 1, found {self.shape}")
        direction(self.rocking_axis)
        for key, circles in (("detector", self.detector), ("sample", self.sample)):
            for axis, angle in circles:
                if not abs(angle) <= MOST_TURNED:
                    raise InputError(
                        f"geometry: {key}: the angle of circle {axis} must be from −{MOST_TURNED:g} to "
                        f"{MOST_TURNED:g} degrees, found {angle}"
                    )
        if not np.isfinite(self.peak).all():
            raise InputError(f"geometry: peak must be two numbers of pixels, found {self.peak}")
        if abs(direction(self.row) @ direction(self.column)) > 1e-6:
            raise InputError(f"geometry: rows {self.row} and columns {self.column} must be at right angles")
        if np.linalg.norm(self.g()) < 1e-6:
            raise InputError(
                "geometry: the detector is in the direct beam; a Bragg peak needs detector angles"
            )

    @classmethod
    def at(cls, beamline: str, *, angles: Sequence[float], **known: object) -> Geometry:
        """Geometry with the circles of one of `BEAMLINES`; `angles` in degrees, outermost circle first.

        Parameters
        ----------
        beamline
            A name of `BEAMLINES`.
        angles
            Degrees of the circles of its detector arm, outermost first.
        known
            The other fields of `Geometry`.

        Raises
        ------
        InputError
            Unknown beamline, or another number of angles.
        """
        if beamline.lower() not in BEAMLINES:
            raise InputError(
                f"beamline: {beamline!r} is not known; one of {', '.join(BEAMLINES)}, or give the circles"
            )
        circles = BEAMLINES[beamline.lower()]
        if len(angles) != len(circles.detector):
            raise InputError(f"beamline {beamline}: {len(angles)} angles for circles {circles.detector}")
        arm = tuple(zip(circles.detector, map(float, angles), strict=True))
        settings = {"row": circles.row, "column": circles.column, "detector": arm, **known}
        return cls(**settings)  # type: ignore[arg-type]

    @property
    def wavelength(self) -> float:
        """Å."""
        return float(1e10 * h * c / (self.energy * e))

    def g(self) -> Vector:
        """Scattering vector at the peak, `(3,)` in 1/Å, laboratory frame."""
        place = self._place()
        ahead = place / np.linalg.norm(place)
        return np.asarray(2 * np.pi / self.wavelength * (ahead - direction("z+")))

    def steps(self) -> Vector:
        """Steps in q of the three array axes `(rocking, row, column)` as rows, `(3, 3)` in 1/Å.

        In the frame of the crystal at the middle of the scan. Turning the crystal by dθ about ω moves the
        point that a pixel sees by −dθ ω × q in it.
        """
        turn, place = self._arm(), self._place()
        length = float(np.linalg.norm(place))
        ahead = place / length
        wave = 2 * np.pi / self.wavelength
        rocking = -np.radians(self.rocking_step) * np.cross(direction(self.rocking_axis), self.g())
        pixels = []
        for axis, size in zip((self.row, self.column), self.pixel_size, strict=True):
            along = turn.apply(direction(axis))
            pixels.append(wave * size / length * (along - (along @ ahead) * ahead))
        return np.asarray(np.stack([rocking, *pixels]) * np.array(self.binning)[:, None])

    def sample_axes(self) -> Vector:
        """Axes of the sample frame as rows, `(3, 3)`: where the circles of the sample take x, y and z.

        In the sample frame a crystal lies as it does in the laboratory at zero angles.
        """
        return np.asarray(_turned(self.sample).apply(np.eye(3)))

    def _arm(self) -> Rotation:
        """What the arm does to directions."""
        return _turned(self.detector)

    def _place(self) -> Vector:
        """From the crystal to the peak on the detector, m."""
        down, right = np.array(self.peak) * self.pixel_size
        flat = self.distance * direction("z+") + down * direction(self.row) + right * direction(self.column)
        return np.asarray(self._arm().apply(flat))


def _turned(circles: Sequence[tuple[Axis, float]]) -> Rotation:
    """What circles do to directions, outermost first."""
    turn = Rotation.identity()
    for axis, angle in circles:
        turn = turn * Rotation.from_rotvec(np.radians(angle) * direction(axis))
    return turn


def direction(axis: Axis) -> Vector:
    """Unit vector of an axis, `(3,)`.

    Raises
    ------
    InputError
        Neither a name such as `"y-"` nor three numbers that are not all 0.
    """
    if isinstance(axis, str):
        name, sign = axis[:1].lower(), axis[1:] or "+"
        if name not in ("x", "y", "z") or sign not in ("+", "-"):
            raise InputError(f"axis: {axis!r} is not known; x+, x-, y+, y-, z+, z- or three numbers")
        return np.asarray(np.eye(3)["xyz".index(name)] * (1.0 if sign == "+" else -1.0))
    vector = np.array(axis, float)
    length = float(np.linalg.norm(vector)) if vector.shape == (3,) else 0.0
    if not (np.isfinite(length) and length > 0):
        raise InputError(f"axis: {tuple(axis)} is no direction; three numbers, not all 0, would do")
    return np.asarray(vector / length)


def cubic_modulus(hkl: tuple[int, int, int], lattice_constant: float) -> float:
    """|G| of a cubic reflection in 1/Å, with 2π; `lattice_constant` in Å.

    Parameters
    ----------
    hkl
        Reflection.
    lattice_constant
        Å.

    Raises
    ------
    InputError
        0 0 0, or a lattice constant that is not plausible.
    """
    if not any(hkl):
        raise InputError(f"reflection: {' '.join(map(str, hkl))} is none; 1 1 1 would do")
    require_plausible("reflection", "lattice constant", lattice_constant)
    return float(2 * np.pi * np.linalg.norm(hkl) / lattice_constant)


def check_reflection(
    g: float, hkl: tuple[int, int, int], lattice_constant: float, *, tolerance: float = TOLERANCE
) -> float:
    """|G| of the geometry over that of a cubic reflection.

    Parameters
    ----------
    g
        |G| in 1/Å.
    lattice_constant
        Å.

    Warns
    -----
    SayreWarning
        They differ by more than `tolerance`: the strain and the displacement would be wrong by as much.
    """
    expected = cubic_modulus(hkl, lattice_constant)
    ratio = g / expected
    if abs(ratio - 1) > tolerance:
        warn(
            f"geometry: |G| is {g:.4f} 1/Å where {' '.join(map(str, hkl))} of a {lattice_constant} Å "
            f"lattice has {expected:.4f}, {100 * (ratio - 1):+.1f} %; check angles, energy, reflection"
        )
    return float(ratio)
