"""The options of a command in a TOML file: written whole, read and checked."""

from __future__ import annotations

import json
import textwrap
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

from sayre._version import __version__
from sayre.data.hints import did_you_mean
from sayre.errors import InputError
from sayre.numerics import memory
from sayre.workflows.jobs.job import Leaf, leaves

_WIDTH = 100


def takes_config(kind: type[Any]) -> bool:
    """Whether the options of a job can be in a file: it has groups of settings and no file of its own."""
    options = leaves(kind)
    return any(leaf.group for leaf in options) and all(leaf.name != "config" for leaf in options)


def read_config(kind: type[Any], path: Path) -> dict[str, Any]:
    """Read options of a job by name, as TOML holds them.

    Parameters
    ----------
    kind
        Class of the job.
    path
        TOML file whose keys are names of options.

    Raises
    ------
    InputError
        No such file, not TOML, a key that is no option, a value of a kind that the option does not take.
    """
    try:
        found = tomllib.loads(memory.whole_text(path))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; --print-config writes a file to start from") from None
    except InputError:
        raise
    except (ValueError, RecursionError) as error:  # also of a number of too many digits
        raise InputError(f"{path}: not TOML: {error}") from None
    known = {leaf.name: leaf for leaf in leaves(kind)}
    for name, value in found.items():
        if name not in known:
            raise InputError(f"{path}: {name}: is not known{_nearest(name, known)}")
        complaint = _complaint(known[name], value)
        if complaint:
            raise InputError(f"{path}: {name}: {complaint}, found {value!r}")
    return found


def config_text(kind: type[Any], values: Mapping[str, Any], command: str) -> str:
    """Return TOML that holds every option of a job; those that are not given are comments.

    Parameters
    ----------
    kind
        Class of the job.
    values
        Values by the name of the option; None is not given.
    command
        The command as it is typed.
    """
    lines = [f"# Options of `{command}`, Sayre {__version__}; `{command} --config FILE` takes them."]
    panel: str | None = None
    for leaf in sorted(leaves(kind), key=lambda leaf: not leaf.option.argument):
        if leaf.option.panel != panel:
            panel = leaf.option.panel
            lines += ["", f"# {panel or 'Further options'}", "# " + "-" * len(panel or "Further options")]
        lines += ["", *(f"# {line}" for line in textwrap.wrap(leaf.option.help, _WIDTH))]
        value = values.get(leaf.name)
        given = value is not None and value != () and value != []
        lines.append(f"{leaf.name} = {_toml(value)}" if given else f"# {leaf.name} =")
    return "\n".join(lines) + "\n"


def _nearest(name: str, known: Mapping[str, Leaf]) -> str:
    """End of a message on an unknown name: the nearest name, or all of them; flags are known too."""
    flags = {flag.lstrip("-"): leaf.name for leaf in known.values() for flag in leaf.option.flags}
    plain = name.replace("-", "_")
    if plain in known or name in flags:
        return f"; did you mean {plain if plain in known else flags[name]}?"
    return did_you_mean(plain, known) or f"; known are {', '.join(known)}"


def _complaint(leaf: Leaf, value: Any) -> str:
    """What is wrong with the kind of a value; what an option's own limits refuse is left to them."""
    kinds = (leaf.annotation, *get_args(leaf.annotation))
    if isinstance(value, bool) != (bool in kinds):
        return "must be true or false" if bool in kinds else "must not be true or false"
    if leaf.option.read is not None and not isinstance(value, str):
        return "must be the name of a file"
    several = any(get_origin(kind) in (tuple, list) for kind in kinds)
    if isinstance(value, list) and not several:
        return "must be a single value"
    if not isinstance(value, bool | int | float | str | list):
        return "must be a text, a number or a list of them"
    return ""


def _toml(value: Any) -> str:
    if isinstance(value, tuple | list):
        return f"[{', '.join(_toml(item) for item in value)}]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
