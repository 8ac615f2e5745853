"""Options of a command that a file gives; those of the command line win."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from sayre.errors import warn
from sayre.workflows.jobs.config_file import read_config
from sayre.workflows.jobs.job import leaves

CONFIG_OPTIONS = ("--config", "--print-config")
_KEY = "options of a file"


@dataclass(frozen=True, kw_only=True)
class Config:
    """What a file gives to a command.

    Attributes
    ----------
    path
        The file; None where none was named.
    values
        Values by the name of the option.
    typed
        Names of the options that the command line gives.
    """

    path: Path | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    typed: frozenset[str] = frozenset()

    @classmethod
    def of(cls, ctx: typer.Context) -> Config:
        """Return what a file gives to the command that is called."""
        path, values = ctx.meta.get(_KEY, (None, {}))
        typed = {
            name
            for name in ctx.params
            if getattr(ctx.get_parameter_source(name), "name", "") == "COMMANDLINE"
        }
        return cls(path=path, values=values, typed=frozenset(typed))

    def under(self, given: dict[str, Any], flags: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        """Return the options of the command line, and of the file those that it does not give.

        Parameters
        ----------
        given
            Values of the command line, with defaults, by the name of the option.
        flags
            Flags by the name of the option.

        Warns
        -----
        SayreWarning
            The command line gives an option another value than the file.
        """
        merged = dict(given)
        for name, value in self.values.items():
            if name not in self.typed:
                merged[name] = value
            elif _text(given[name]) != _text(value):
                option = (flags.get(name) or (name,))[-1]
                warn(f"{self.path}: {name} = {_text(value)} there; {option} {_text(given[name])} is used")
        return merged

    def place(self, name: str) -> str | None:
        """Where an option is given, if in the file."""
        return f"{self.path}: {name}" if name in self.values and name not in self.typed else None


def config_option(kind: type[Any]) -> list[inspect.Parameter]:
    """Return the parameters of a command that names a file of its options, or writes one.

    Parameters
    ----------
    kind
        Class of the command's job.
    """

    def read(ctx: typer.Context, path: Path | None) -> Path | None:
        if path is not None:
            values = read_config(kind, path)
            ctx.meta[_KEY] = (path, values)
            needed = {leaf.name for leaf in leaves(kind) if not leaf.has_default}
            ctx.default_map = {name: value for name, value in values.items() if name in needed}
        return path

    config = typer.Option(
        "--config",
        help="TOML file of options, as --print-config writes it; those of the command line win.",
        metavar="FILE",
        is_eager=True,
        callback=read,
    )
    shown = typer.Option(
        "--print-config", help="Print a file of all options for --config, and do nothing else."
    )
    keyword = inspect.Parameter.KEYWORD_ONLY
    return [
        inspect.Parameter("config", keyword, default=None, annotation=Annotated[Path | None, config]),
        inspect.Parameter("print_config", keyword, default=False, annotation=Annotated[bool, shown]),
    ]


def name_of(ctx: typer.Context) -> str:
    """Return the command as it is typed, whatever started the program."""
    names: list[str] = []
    place: Any = ctx
    while place.parent is not None:
        names.insert(0, place.info_name)
        place = place.parent
    return " ".join(["sayre", *names])


def _text(value: Any) -> str:
    """A value as a command line shows it."""
    if isinstance(value, list | tuple):
        return ",".join(str(item) for item in value)
    return str(value).lower() if isinstance(value, bool) else str(value)
