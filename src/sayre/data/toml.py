"""Configurations read from TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, get_args

from pydantic import BaseModel, ValidationError

from sayre.data.hints import did_you_mean
from sayre.errors import InputError
from sayre.numerics import memory

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


class FromToml(BaseModel):
    """A pydantic model that a file fills; what is wrong with the file is one line.

    `example` tells where there is a file to start from.
    """

    example: ClassVar[str] = "examples/ has some to start from"

    @classmethod
    def from_toml(cls, path: Path) -> Self:
        """Read a configuration.

        Raises
        ------
        InputError
            Missing file, not TOML, unknown key or a value out of range.
        """
        try:
            return cls.from_text(memory.whole_text(path), str(path))
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}; {cls.example}") from None
        except UnicodeDecodeError as error:
            raise InputError(f"{path}: not TOML: {error}") from None

    @classmethod
    def from_text(cls, text: str, source: str) -> Self:
        """Read a configuration that is given as text.

        Parameters
        ----------
        text
            TOML.
        source
            Opens the message of an error.

        Raises
        ------
        InputError
            As `from_toml`.
        """
        try:
            found = tomllib.loads(text)
        except RecursionError:
            raise InputError(f"{source}: tables nested too deep; {cls.example}") from None
        except ValueError as error:  # not TOML, or a number of too many digits
            raise InputError(f"{source}: not TOML: {error}") from None
        try:
            return cls.model_validate(found)
        except RecursionError:
            raise InputError(f"{source}: tables nested too deep; {cls.example}") from None
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise InputError(f"{source}: {f'{where}: ' if where else ''}{_complaint(cls, first)}") from None


def _complaint(model: type[BaseModel], error: ErrorDetails) -> str:
    """What is wrong, in one line, and for an unknown key those that the table may have."""
    table = _table(model, error["loc"][:-1])
    if error["type"] == "extra_forbidden" and table is not None:
        hint = did_you_mean(error["loc"][-1], table.model_fields)
        return f"is not known; one of {', '.join(table.model_fields)}{hint}"
    if error["type"] == "missing":
        return f"is missing; {model.example}" if issubclass(model, FromToml) else "is missing"
    return " ".join(error["msg"].removeprefix("Value error, ").split())


def _table(model: type[BaseModel], place: Sequence[str | int]) -> type[BaseModel] | None:
    """The model at `place` of another, where tables are in tables alone."""
    for key in place:
        annotation = model.model_fields[str(key)].annotation if str(key) in model.model_fields else None
        found = [kind for kind in (annotation, *get_args(annotation)) if _is_model(kind)]
        if len(found) != 1:
            return None
        model = found[0]
    return model


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
