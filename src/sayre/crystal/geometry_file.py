"""The geometry of a scan from a TOML file."""

from __future__ import annotations

import tomllib
from pathlib import Path

from sayre.crystal.geometry import Geometry
from sayre.errors import InputError


def read_geometry(path: str | Path) -> Geometry:
    """Geometry from TOML: the fields of `Geometry`, or `beamline` and `angles` and the rest of them.

    Raises
    ------
    InputError
        The file cannot be read, or does not hold a geometry.
    """
    try:
        known = tomllib.loads(Path(path).read_text())
        known = {key: tuple(v) if isinstance(v, list) else v for key, v in known.items()}
        return Geometry.at(**known) if "beamline" in known else Geometry(**known)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, TypeError) as error:
        raise InputError(f"{path}: not a geometry: {error}; docs/physics.md has an example") from None
