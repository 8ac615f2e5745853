"""The geometry of a scan from a TOML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import BeforeValidator, ConfigDict, model_validator

from sayre.crystal.geometry import BEAMLINES, Axis, Geometry
from sayre.crystal.stated import NEEDED, StatedGeometry, refused_in
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

    energy: float | None = None
    distance: float | None = None
    pixel_size: Annotated[Pair, BeforeValidator(_twice)] | None = None
    rocking_axis: Direction | None = None
    rocking_step: float | None = None
    beamline: str | None = None
    angles: tuple[float, ...] | None = None
    detector: tuple[tuple[Direction, float], ...] | None = None
    row: Direction | None = None
    column: Direction | None = None
    binning: tuple[int, int, int] | None = None
    peak: Pair | None = None
    sample: tuple[tuple[Direction, float], ...] | None = None
    shape: tuple[int, int, int] | None = None

    @model_validator(mode="after")
    def _one_arm(self) -> Self:
        if self.beamline is not None and self.detector is not None:
            raise ValueError("beamline and detector: both say what the arm is; give one of them")
        return self

    def lacks(self) -> str | None:
        """What a geometry needs that the file does not state, in words; None if nothing."""
        for key in NEEDED:
            if getattr(self, key) is None:
                return f"{key}: is missing; {self.example}"
        if self.beamline is None and self.angles is not None:
            return "angles: are those of a beamline, which is missing"
        if self.beamline is None and self.detector is None:
            return "the arm of the detector is missing: beamline and angles, or detector with its circles"
        if self.beamline is not None and self.angles is None:
            circles = BEAMLINES.get(self.beamline.lower())
            count = f"{len(circles.detector)} angles" if circles else "angles"
            return f"angles: are missing; beamline {self.beamline} needs {count} in degrees"
        return None


def load_geometry(path: str | Path) -> Geometry:
    """Geometry from TOML: the fields of `Geometry`, or `beamline` and `angles` and the rest of them.

    Raises
    ------
    InputError
        The file cannot be read, or does not hold a geometry: a key is missing, unknown or of another type,
        or a value is not plausible in its unit.
    """
    file = _File.from_toml(Path(path))
    lacks = file.lacks()
    if lacks is not None:
        raise InputError(f"{path}: {lacks}")
    return _stated(file, str(path)).complete(str(path))


def read_geometry(path: str | Path) -> Geometry | StatedGeometry:
    """Geometry from TOML, whole or in part: what it leaves out the file of the counts may state.

    Raises
    ------
    InputError
        As `load_geometry`, but for keys that are missing.
    """
    file = _File.from_toml(Path(path))
    return load_geometry(path) if file.lacks() is None else _stated(file, str(path))


def stated_in(text: str, where: str) -> StatedGeometry:
    """Geometry from the text of a TOML file, whole or in part.

    Parameters
    ----------
    text
        As `StatedGeometry.toml` writes it.
    where
        Opens the message of an error, and is the source of the values.

    Raises
    ------
    InputError
        As `read_geometry`.
    """
    stated = _stated(_File.from_text(text, where), where)
    return StatedGeometry(values=stated.values, sources=stated.sources, refused=refused_in(text))


def _stated(file: _File, where: str) -> StatedGeometry:
    values = {name: value for name, value in file if value is not None}
    return StatedGeometry(values=values, sources=dict.fromkeys(values, where))
