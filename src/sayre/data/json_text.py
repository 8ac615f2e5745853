"""JSON text of results: one place decides how values that JSON lacks are written."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any


def to_json(
    value: Any, *, indent: int | None = None, sort_keys: bool = False, ensure_ascii: bool = True
) -> str:
    """Standard JSON of a value, which every JSON parser reads.

    Parameters
    ----------
    value
        Anything; see `plain` for what becomes of values that JSON lacks.
    indent, sort_keys, ensure_ascii
        As `json.dumps` takes them.
    """
    return json.dumps(
        plain(value), indent=indent, sort_keys=sort_keys, ensure_ascii=ensure_ascii, allow_nan=False
    )


def plain(value: Any) -> Any:
    """The value in types that JSON has.

    NaN and infinity, which JSON lacks, become None; NumPy arrays and tensors lists, NumPy scalars numbers;
    tuples and sets lists; dataclasses mappings of their fields; anything else (a path) its text.
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {_key(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((plain(item) for item in value), key=str)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return str(value)


def _key(key: Any) -> Any:
    return key if key is None or isinstance(key, str | bool | int | float) else str(key)
