"""What is known of the geometry of a scan, and where every number is from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from sayre.crystal.geometry import BEAMLINES, Axis, Geometry, direction
from sayre.errors import InputError

KEYS = (
    "beamline",
    "angles",
    "detector",
    "row",
    "column",
    "energy",
    "distance",
    "pixel_size",
    "rocking_axis",
    "rocking_step",
    "binning",
    "peak",
    "sample",
    "shape",
)
"""Keys of a TOML file of a geometry, in the order in which they are written."""
NEEDED = ("energy", "distance", "pixel_size", "rocking_axis", "rocking_step")
"""Keys that a geometry cannot do without; the arm of the detector comes to them."""
_REFUSED = re.compile(r"^# (\w+) is not taken: (.*)$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class StatedGeometry:
    """A geometry as far as it is known; what is missing another source may state.

    Attributes
    ----------
    values
        By the keys of a TOML file (`KEYS`), in its units.
    sources
        Where a value is from, by its key.
    refused
        Why a value that is there cannot be taken, by its key.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, geometry: Geometry) -> StatedGeometry:
        """Return what a geometry states."""
        return cls(values={item.name: getattr(geometry, item.name) for item in fields(geometry)})

    @property
    def missing(self) -> tuple[str, ...]:
        """Keys that a geometry needs and that nothing states."""
        lacking = [key for key in NEEDED if self.values.get(key) is None]
        if self.values.get("detector") is None:
            lacking += [key for key in ("beamline", "angles") if self.values.get(key) is None]
        return tuple(lacking)

    def over(self, other: StatedGeometry) -> StatedGeometry:
        """Return both together; where both state a value, this one's is taken.

        Parameters
        ----------
        other
            What fills the gaps of this one.
        """
        below = dict(other.values)
        if self.values.get("detector") is not None:
            below = {key: value for key, value in below.items() if key not in ("beamline", "angles")}
        elif self.values.get("beamline") is not None:
            below.pop("detector", None)
        values = below | {key: value for key, value in self.values.items() if value is not None}
        refused = {**other.refused, **self.refused}
        return StatedGeometry(
            values=values,
            sources={**other.sources, **self.sources},
            refused={key: why for key, why in refused.items() if values.get(key) is None},
        )

    def complete(self, where: str) -> Geometry:
        """Return the geometry.

        Parameters
        ----------
        where
            Opens the message of an error.

        Raises
        ------
        InputError
            Something is missing, with the reason where a value was refused, or a value is not plausible.
        """
        if self.missing:
            key = self.missing[0]
            why = self.refused.get(key)
            raise InputError(f"{where}: {key}: {why or 'is missing; docs/physics.md has an example'}")
        known = {
            key: value
            for key, value in self.values.items()
            if value is not None and key not in ("beamline", "angles")
        }
        try:
            if self.values.get("detector") is None:
                return Geometry.at(self.values["beamline"], angles=self.values["angles"], **known)
            return Geometry(**known)
        except InputError as error:
            raise InputError(f"{where}: {str(error).removeprefix('geometry: ')}") from None

    def arm_angles(self) -> list[float] | None:
        """Return the angles of the arm in degrees, outermost circle first; None if unknown."""
        arm = _arm(self)
        return None if arm is None else [angle for _, angle in arm]

    def toml(self) -> str:
        """Return the TOML file of it, with the source of every number, and what is missing, as comments."""
        lines = []
        for key in KEYS:
            if self.values.get(key) is not None:
                source = self.sources.get(key, "")
                text = f"{key} = {_toml(self.values[key])}"
                lines.append(f"{text:<35} # {source}" if source else text)
        for key in self.missing:
            if key not in self.refused:
                lines.append(f"# {key} is missing")
        lines += [f"# {key} is not taken: {why}" for key, why in self.refused.items()]
        return "\n".join(lines) + "\n"

    def in_words(self) -> str:
        """Return the numbers in a line."""
        arm = ", ".join(f"{angle:.6g}" for _, angle in _arm(self) or ())
        pixel = " × ".join(f"{1e6 * size:.4g}" for size in self.values["pixel_size"])
        return (
            f"{self.values['energy']:.6g} eV, {self.values['distance']:.6g} m, pixels of {pixel} µm, arm at "
            f"{arm} °, {self.values['rocking_step']:.6g} ° a frame about {_toml(self.values['rocking_axis'])}"
        )

    def differences(self, other: StatedGeometry) -> list[str]:
        """Tell what `other` states otherwise of arm, rocking and pixels, beyond what rounding explains.

        Energy, distance and pixel size are compared by `sayre.crystal.compare.compare`.
        """
        found = []
        for name, ours, theirs in (
            *_arms(self, other),
            ("the rocking step in degrees", *_pair("rocking_step", self, other)),
            ("the rocking axis", *_pair("rocking_axis", self, other)),
            ("the direction of rows", *_pair("row", self, other)),
            ("the direction of columns", *_pair("column", self, other)),
            ("the place of the peak in pixels", *_pair("peak", self, other)),
        ):
            if ours is not None and theirs is not None and not _alike(name, ours, theirs):
                found.append(f"{name} {_toml(theirs)}, not {_toml(ours)}")
        return found


def refused_in(text: str) -> dict[str, str]:
    """Return why values were not taken, by their key, as the comments of a text by `toml` tell."""
    return dict(_REFUSED.findall(text))


def _pair(key: str, ours: StatedGeometry, theirs: StatedGeometry) -> tuple[Any, Any]:
    return _value(ours, key), _value(theirs, key)


def _value(stated: StatedGeometry, key: str) -> Any:
    """A value; the directions of rows and columns of a beamline are known by its name."""
    found = stated.values.get(key)
    circles = BEAMLINES.get(str(stated.values.get("beamline")).lower())
    return getattr(circles, key) if found is None and circles and key in ("row", "column") else found


def _arms(ours: StatedGeometry, theirs: StatedGeometry) -> list[tuple[str, Any, Any]]:
    """The angles of both arms, where their circles are the same; else the arms."""
    first, second = _arm(ours), _arm(theirs)
    if first is None or second is None:
        return []
    same = len(first) == len(second) and all(
        np.allclose(direction(a), direction(b)) for (a, _), (b, _) in zip(first, second, strict=True)
    )
    if same:
        return [("the angles of the arm", [angle for _, angle in first], [angle for _, angle in second])]
    return [("the arm", first, second)]


def _arm(stated: StatedGeometry) -> list[tuple[Axis, float]] | None:
    if stated.values.get("detector") is not None:
        return [(axis, float(angle)) for axis, angle in stated.values["detector"]]
    circles = BEAMLINES.get(str(stated.values.get("beamline")).lower())
    angles = stated.values.get("angles")
    if circles is None or angles is None or len(angles) != len(circles.detector):
        return None
    return list(zip(circles.detector, map(float, angles), strict=True))


_LEEWAY = {"the angles of the arm": 0.05, "the place of the peak in pixels": 5.0}
"""Differences that rounding and calibration explain: degrees, pixels."""


def _alike(name: str, ours: Any, theirs: Any) -> bool:
    if name == "the arm":
        return False
    if name.startswith(("the rocking axis", "the direction")):
        return bool(direction(ours) @ direction(theirs) > np.cos(np.radians(0.5)))
    first, second = np.asarray(ours, float), np.asarray(theirs, float)
    if name in _LEEWAY:
        return first.shape == second.shape and bool(np.all(np.abs(first - second) <= _LEEWAY[name]))
    return bool(np.all(np.abs(first - second) <= 0.02 * np.abs(second)))


def _toml(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, list | tuple | np.ndarray):
        return f"[{', '.join(_toml(item) for item in value)}]"
    if isinstance(value, int | np.integer):
        return str(int(value))
    return f"{float(value):.10g}"
