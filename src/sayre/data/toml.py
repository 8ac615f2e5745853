"""Configurations read from TOML."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ValidationError

from sayre.errors import InputError


class FromToml(BaseModel):
    """A pydantic model that a file fills; what is wrong with the file is one line."""

    @classmethod
    def from_toml(cls, path: Path) -> Self:
        """Read a configuration.

        Raises
        ------
        InputError
            Missing file, not TOML, unknown key or a value out of range.
        """
        try:
            return cls.model_validate(tomllib.loads(path.read_text()))
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}; examples/ has some to start from") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: not TOML: {error}") from None
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "configuration"
            raise InputError(f"{path}: {where}: {' '.join(first['msg'].split())}") from None
