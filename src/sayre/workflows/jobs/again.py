"""A command that was killed when its output was written but not all was done: the same command ends it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from pathlib import Path

from sayre.data import Manifest
from sayre.errors import InputError

_SAME = ("command", "config", "seed", "inputs")


def is_left(output: Path, *, kept: Path | None = None, beside: Iterable[Path | None] = ()) -> bool:
    """Whether an output is there, but not yet all of what its command does.

    Parameters
    ----------
    output
        What a command writes.
    kept
        Folder of what it kept while it ran; one that is empty is removed.
    beside
        Other files that it writes after it.
    """
    if not output.is_file():
        return False
    if kept is not None and kept.is_dir() and not kept.is_symlink():
        with contextlib.suppress(OSError):
            kept.rmdir()
    if kept is not None and kept.is_dir():
        return True
    return any(path is not None and not path.exists() for path in beside)


def require_own(output: Path, manifest: Manifest, *resolved: str) -> None:
    """Refuse to replace an output that is not what the same command wrote.

    Parameters
    ----------
    output
        What `is_left` found.
    manifest
        Of the command, as it is now.
    resolved
        Options whose values are chosen on the way, which are not compared.

    Raises
    ------
    InputError
        Another command, other options or other inputs made it.
    """
    from sayre.files.manifests import manifest_in

    found, wanted = manifest_in(output), json.loads(manifest.to_json())
    for one in (found, wanted):
        for name in resolved:
            if one is not None and isinstance(one.get("config"), dict):
                one["config"].pop(name, None)
    if found is None or any(found.get(name) != wanted[name] for name in _SAME):
        raise InputError(f"{output}: exists; `force=True` overwrites")
