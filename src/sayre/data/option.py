"""Settings that describe themselves: one annotation gives a field its limits and its command-line help."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import numpy as np

from sayre.data.hints import did_you_mean
from sayre.errors import InputError

T = TypeVar("T")


class SettingError(InputError):
    """A setting that cannot be used; `setting` is its name and `complaint` what is wrong with its value."""

    def __init__(self, setting: str, complaint: str) -> None:
        super().__init__(f"{setting}: {complaint}")
        self.setting, self.complaint = setting, complaint

    def __reduce__(self) -> tuple[type[SettingError], tuple[str, str]]:
        return SettingError, (self.setting, self.complaint)


@dataclass(frozen=True, kw_only=True)
class Option:
    """What a field of a settings class may hold, and how the command line shows it.

    Attributes
    ----------
    help
        One or two whole sentences.
    flags
        Names on the command line where they are not the field's own.
    metavar
        What the help shows in place of the value.
    choices
        Texts that are accepted; none means any.
    least, above, most, below
        Limits of a number, or of every number of a tuple: at least, more than, at most, less than.
    panel
        Heading under which the help lists the field.
    argument
        Whether the command line takes the value by its place rather than by a flag.
    whole
        Whether a number must be a whole one.
    read
        Function from the text on the command line to the value, for values that are read from a file.
    parse
        Function from the text on the command line to the value, for values of several forms.
    """

    help: str
    flags: tuple[str, ...] = ()
    metavar: str | None = None
    choices: tuple[str, ...] = ()
    least: float | None = None
    above: float | None = None
    most: float | None = None
    below: float | None = None
    panel: str | None = None
    argument: bool = False
    read: Callable[[Any], Any] | None = None
    whole: bool = False
    parse: Callable[[str], Any] | None = None


def types_of(kind: Any) -> Mapping[str, Any]:
    """The types of the fields of a settings class by name."""
    return _types_of(kind)


def options_of(kind: Any) -> Mapping[str, Option]:
    """The options of a settings class by field; fields without one are left out."""
    return _options_of(kind)


@cache  # texts of annotations are evaluated once: every object of settings is checked against them
def _types_of(kind: type[Any]) -> Mapping[str, Any]:
    return MappingProxyType(get_type_hints(kind))


@cache
def _options_of(kind: type[Any]) -> Mapping[str, Option]:
    hints = get_type_hints(kind, include_extras=True)
    found: dict[str, Option] = {}
    for item in fields(kind):
        for part in getattr(hints[item.name], "__metadata__", ()):
            if isinstance(part, Option):
                found[item.name] = part
    return MappingProxyType(found)


def check_settings(settings: Any) -> None:
    """Check every field of a settings object against its `Option`.

    Raises
    ------
    SettingError
        A text that is empty or none of the choices, or a number that is no number or beyond a limit.
    """
    hints = types_of(settings.__class__)
    for name, option in options_of(settings.__class__).items():
        value = getattr(settings, name)
        if value is None and type(None) in get_args(hints[name]):
            continue
        _check_kind(name, value, hints[name])
        if option.choices and value not in option.choices:
            hint = did_you_mean(value, option.choices)
            raise SettingError(name, f"{value!r} is not known; one of {', '.join(option.choices)}{hint}")
        for number in value if isinstance(value, tuple) else (value,):
            _check_number(name, number, option)


def changed(settings: T, changes: dict[str, Any]) -> T:
    """Return settings with some fields changed.

    Parameters
    ----------
    settings
        Object of a settings class.
    changes
        New values by the name of the field.

    Raises
    ------
    SettingError
        A name that is no field of them; the message suggests the nearest.
    """
    known = [item.name for item in fields(settings)]  # type: ignore[arg-type]
    for name in changes:
        if name not in known:
            hint = did_you_mean(name, known) or f"; known are {', '.join(known)}"
            raise SettingError(name, f"is no setting{hint}")
    return replace(settings, **changes)  # type: ignore[type-var]


def _check_kind(name: str, value: Any, annotation: Any) -> None:
    """Refuse a value that is no text, path or settings object where one of these is wanted."""
    kinds = (
        (annotation,) if get_origin(annotation) in (tuple, list) else get_args(annotation) or (annotation,)
    )
    if any(get_origin(kind) is tuple and Ellipsis in get_args(kind) for kind in kinds):
        if not (isinstance(value, tuple) and value and all(isinstance(v, str) and v.strip() for v in value)):
            raise SettingError(name, f"must be a tuple of texts, none of them empty, found {value!r}")
        return
    lengths = [len(get_args(kind)) for kind in kinds if get_origin(kind) is tuple]
    one = any(kind in (int, float) for kind in kinds) and not isinstance(value, tuple)
    if lengths and not one and not (isinstance(value, tuple) and len(value) in lengths):
        raise SettingError(name, f"must be a tuple of {lengths[0]} numbers, found {value!r}")
    if not lengths and isinstance(value, tuple):
        raise SettingError(name, f"must be a single value, found {value!r}")
    plain = [kind for kind in kinds if kind in (str, Path) or is_dataclass(kind)]
    others = [kind for kind in kinds if kind not in (*plain, type(None))]
    accepted = (*plain, Path) if str in plain else tuple(plain)  # a path is as good as its text
    if plain and not others and not isinstance(value, accepted):
        wanted = " or ".join("a text" if kind is str else f"a {kind.__name__}" for kind in plain)
        raise SettingError(name, f"must be {wanted}, found {value!r}")
    if isinstance(value, str) and not value.strip():
        raise SettingError(name, "must not be empty; leave it out for the default")


def _check_number(name: str, value: Any, option: Option) -> None:
    limits = (option.least, option.above, option.most, option.below)
    if not option.whole and all(limit is None for limit in limits):
        return
    right = (
        isinstance(value, int | float | np.number) and not isinstance(value, bool) and math.isfinite(value)
    )
    if right:
        right = (
            (option.least is None or value >= option.least)
            and (option.above is None or value > option.above)
            and (option.most is None or value <= option.most)
            and (option.below is None or value < option.below)
            and (not option.whole or isinstance(value, int | np.integer))
        )
    if not right:
        raise SettingError(name, f"must be {_allowed(option)}, found {value!r}")


def _allowed(option: Option) -> str:
    kind = "a whole number" if option.whole else "a number"
    if option.least is not None and option.most is not None:
        return f"{kind} from {option.least:g} to {option.most:g}"
    parts = []
    if option.least is not None:
        parts.append(f"of {option.least:g} or more")
    if option.above is not None:
        parts.append(f"above {option.above:g}")
    if option.most is not None:
        parts.append(f"at most {option.most:g}")
    if option.below is not None:
        parts.append(f"below {option.below:g}")
    return f"{kind} {' and '.join(parts)}".strip()
