"""What every job has: options that describe themselves, and one way to be done."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING, asdict, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar, get_args, get_origin

from sayre.data.option import Option, options_of, types_of
from sayre.errors import InputError, SayreNote, SayreWarning
from sayre.workflows.jobs.progress import Bar

J = TypeVar("J")

PLACES = ("output", "errors", "folder", "force", "within", "live", "picture", "keep_starts", "save_weights")
"""Options that state where results go, what is kept and what may be read; results do not depend on them."""


class Outcome(Protocol):
    """What a job did, as numbers for scripts and as sentences for people."""

    @property
    def numbers(self) -> Any: ...

    @property
    def sentence(self) -> str: ...


class Job(Protocol):
    """One command: a frozen dataclass of options and of groups of settings."""

    @property
    def resuming(self) -> str:
        """What is kept when the job is stopped, and how to resume it."""
        ...

    def run(self, bar: Bar) -> Outcome:
        """Do the work; `bar` shows the progress."""
        ...


@dataclass(frozen=True)
class Leaf:
    """One option of a job: the field `name` of the group `group` (None: of the job itself)."""

    name: str
    group: str | None
    option: Option
    annotation: Any
    default: Any
    has_default: bool


def leaves(kind: type[Any]) -> list[Leaf]:
    """Return every option of a job class in order, those of its groups of settings among them.

    Raises
    ------
    TypeError
        Two options of one name: a job's class is wrong.
    """
    found: list[Leaf] = []
    hints = types_of(kind)
    for item in fields(kind):
        if is_dataclass(hints[item.name]) and item.name not in options_of(kind):
            found += [_leaf(hints[item.name], inner, item.name) for inner in options_of(hints[item.name])]
        elif item.name in options_of(kind):
            found.append(_leaf(kind, item.name, None))
    names = [leaf.name for leaf in found]
    if len(set(names)) < len(names):
        raise TypeError(f"{kind.__name__}: options of one name among {names}")
    return found


def build(kind: type[J], values: Mapping[str, Any]) -> J:
    """Make a job of the values of its options by name; what is not given keeps its default.

    Parameters
    ----------
    kind
        Class of the job.
    values
        Values by the name of the option, as `config_of` gives them or as JSON holds them: the `config` of a
        manifest makes the job that wrote it, but for where its results go. Names that are no option are
        ignored.

    Raises
    ------
    SettingError
        A value that an option refuses.
    """
    hints = types_of(kind)
    groups: dict[str, dict[str, Any]] = {}
    own: dict[str, Any] = {}
    for leaf in leaves(kind):
        if leaf.name in values:
            place = own if leaf.group is None else groups.setdefault(leaf.group, {})
            place[leaf.name] = _typed(leaf.annotation, values[leaf.name])
    for name, given in groups.items():
        own[name] = hints[name](**given)
    return kind(**own)


def config_of(job: Any) -> dict[str, Any]:
    """Return every option of a job that its result depends on by name, as plain values.

    `build` makes the same job of them, and of what is left of them in JSON.
    """
    config: dict[str, Any] = {}
    for leaf in leaves(job.__class__):
        value = getattr(job if leaf.group is None else getattr(job, leaf.group), leaf.name)
        if leaf.name not in PLACES:
            config[leaf.name] = asdict(value) if is_dataclass(value) else _plain(value)  # type: ignore[arg-type]
    return config


def spare_the_inputs(output: Path, *read: str | Path | None) -> None:
    """Refuse, with `--force` or without, to write over a file that is read.

    Parameters
    ----------
    output
        File to be written.
    read
        Names of the files that are read, `file.h5::/inside` among them; None is no file.

    Raises
    ------
    InputError
        `output` is one of them.
    """
    for name in read:
        path = Path(str(name).partition("::")[0])
        if name is not None and output.exists() and path.exists() and os.path.samefile(output, path):
            raise InputError(f"{output}: is an input; nothing is written over an input, choose another name")


class Told(NamedTuple):
    """Texts of what was issued on the way, each once: warnings, and ordinary news."""

    warnings: list[str]
    notes: list[str]


@contextmanager
def collected_warnings() -> Iterator[Told]:
    """Yield what gathers the text of every warning and note, while they are shown as always."""
    told = Told([], [])
    with warnings.catch_warnings():
        warnings.simplefilter("always", SayreWarning, append=True)
        show = warnings.showwarning

        def both(message: Warning | str, category: type[Warning], *args: Any, **known: Any) -> None:
            texts = told.notes if issubclass(category, SayreNote) else told.warnings
            if issubclass(category, SayreWarning) and str(message) not in texts:
                texts.append(str(message))
            show(message, category, *args, **known)

        warnings.showwarning = both
        yield told


def _leaf(kind: type[Any], name: str, group: str | None) -> Leaf:
    default = next(item.default for item in fields(kind) if item.name == name)
    hint = types_of(kind)[name]
    return Leaf(name, group, options_of(kind)[name], hint, default, default is not MISSING)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value


def _typed(annotation: Any, value: Any) -> Any:
    """A value in the type of its option: JSON has no tuples, paths and dataclasses."""
    kinds = (annotation, *get_args(annotation))
    if isinstance(value, list) and not any(list in (kind, get_origin(kind)) for kind in kinds):
        return tuple(_typed(None, item) for item in value)
    if isinstance(value, str) and Path in kinds:
        return Path(value)
    if isinstance(value, str) and any(Ellipsis in get_args(kind) for kind in kinds):
        return (value,)
    settings: Any = next((kind for kind in kinds if isinstance(kind, type) and is_dataclass(kind)), None)
    if isinstance(value, dict) and settings is not None:
        hints = types_of(settings)
        return settings(**{name: _typed(hints[name], item) for name, item in value.items()})
    return value
