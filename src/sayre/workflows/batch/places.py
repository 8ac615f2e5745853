"""Folders of the scans of a batch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from sayre.errors import InputError


def folder_name(source: str) -> str:
    """Return the name of a scan's folder: that of its file, and what follows `::`.

    Parameters
    ----------
    source
        Counts, as `sayre run` takes them.
    """
    path, _, inside = source.partition("::")
    parts = [Path(path).stem or "scan", *([inside] if inside else [])]
    plain = [re.sub(r"[^\w.+-]+", "_", part).strip("._") for part in parts]
    return "_".join(part for part in plain if part) or "scan"


def folder_names(sources: Sequence[str]) -> list[str]:
    """Return the names of the folders of scans, which must differ.

    Parameters
    ----------
    sources
        Counts, as `sayre run` takes them.

    Raises
    ------
    InputError
        Two scans would be written to one folder.
    """
    taken: dict[str, str] = {}
    for source in sources:
        name = folder_name(source)
        if name.lower() in taken:
            raise InputError(
                f"{taken[name.lower()]} and {source}: both would be written to the folder {name}; name each "
                "scan once, and scans of equal names in commands with other outputs"
            )
        taken[name.lower()] = source
    return [folder_name(source) for source in sources]
