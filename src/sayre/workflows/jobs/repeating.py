"""The command line that makes a job again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sayre.workflows.jobs.job import Leaf, leaves

GEOMETRY = "geometry.toml"
"""Name of the file that the command reads a geometry from."""


def command_line(command: str, kind: type[Any], config: Mapping[str, Any], place: Path) -> str:
    """Write the command of a job: its input, where results go, and every option that is not its default.

    Parameters
    ----------
    command
        `sayre run`.
    kind
        Class of the job.
    config
        Values by the name of the option, as `sayre.workflows.jobs.job.config_of` gives them.
    place
        Where results go.
    """
    arguments, options = [], []
    for leaf in leaves(kind):
        if leaf.name in ("folder", "output"):
            options.append(f"{_flag(leaf)} {shlex.quote(str(place))}")
        elif leaf.name not in config or config[leaf.name] is None:
            continue
        elif leaf.option.argument:
            arguments.append(shlex.quote(str(config[leaf.name])))
        elif _plain(config[leaf.name]) != _plain(leaf.default):
            options += _written(leaf, config[leaf.name])
    return " ".join([command, *arguments, *options])


def _written(leaf: Leaf, value: Any) -> list[str]:
    if leaf.option.read is not None:
        return [f"{_flag(leaf)} {GEOMETRY}"]
    if isinstance(value, bool):
        return [_flag(leaf)] if value else []
    several = isinstance(value, list | tuple)
    if several and all(isinstance(item, str) for item in value):
        return [f"{_flag(leaf)} {shlex.quote(item)}" for item in value]
    if several and leaf.option.parse is not None:
        return [f"{_flag(leaf)} {','.join(map(str, value))}"]
    words = value if several else [value]
    return [" ".join([_flag(leaf), *(shlex.quote(_text(word)) for word in words)])]


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)


def _flag(leaf: Leaf) -> str:
    return leaf.option.flags[-1] if leaf.option.flags else "--" + leaf.name.replace("_", "-")


def _plain(value: Any) -> Any:
    return tuple(_plain(item) for item in value) if isinstance(value, list | tuple) else value
