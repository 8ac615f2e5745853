"""The geometry of a scan from a TOML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import BeforeValidator, ConfigDict, model_validator

from sayre.crystal.geometry import BEAMLINES, Axis, Geometry
from sayre.data.toml import FromToml
from sayre.errors import InputError

Pair = tuple[float, float]


def _twice(value: object) -> object:
    return (value, value) if isinstance(value, int | float) else value


def _axis(value: object) -> Axis:
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple) and len(value) == 3 and all(isinstance(n, int | float) for n in value):
        return tuple(map(float, value))
    raise ValueError(f"must be x+, x-, y+, y-, z+, z- or three numbers, found {value!r}")


Direction = Annotated[Any, BeforeValidator(_axis)]


class _File(FromToml):
    """The keys of a file: `beamline` and `angles`, or `detector`, and the other fields of `Geometry`."""

    example: ClassVar[str] = "docs/physics.md has an example"
    model_config = ConfigDict(extra="forbid", frozen=True)

    energy: float
    distance: float
    pixel_size: Annotated[Pair, BeforeValidator(_twice)]
    rocking_axis: Direction
    rocking_step: float
    beamline: str | None = None
    angles: tuple[float, ...] | None = None
    detector: tuple[tuple[Direction, float], ...] | None = None
    row: Direction | None = None
    column: Direction | None = None
    binning: tuple[int, int, int] = (1, 1, 1)
    peak: Pair = (0.0, 0.0)

    @model_validator(mode="after")
    def _one_arm(self) -> Self:
        if self.beamline is None and self.angles is not None:
            raise ValueError("angles: are those of a beamline, which is missing")
        if self.beamline is None and self.detector is None:
            raise ValueError(
                "the arm of the detector is missing: beamline and angles, or detector with its circles"
            )
        if self.beamline is not None and self.detector is not None:
            raise ValueError("beamline and detector: both say what the arm is; give one of them")
        if self.beamline is not None and self.angles is None:
            circles = BEAMLINES.get(self.beamline.lower())
            count = f"{len(circles.detector)} angles" if circles else "angles"
            raise ValueError(f"angles: are missing; beamline {self.beamline} needs {count} in degrees")
        return self


def load_geometry(path: str | Path) -> Geometry:
    """Geometry from TOML: the fields of `Geometry`, or `beamline` and `angles` and the rest of them.

    Raises
    ------
    InputError
        The file cannot be read, or does not hold a geometry: a key is missing, unknown or of another type,
        or a value is not plausible in its unit.
    """
    file = _File.from_toml(Path(path))
    known = {name: value for name, value in file if value is not None and name not in ("beamline", "angles")}
    try:
        if file.beamline is not None:
            return Geometry.at(file.beamline, angles=file.angles or (), **known)
        return Geometry(**known)
    except InputError as error:
        raise InputError(f"{path}: {str(error).removeprefix('geometry: ')}") from None
