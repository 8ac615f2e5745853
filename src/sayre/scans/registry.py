"""Which reader a file is for."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
from pathlib import Path
from typing import cast

from sayre.errors import InputError
from sayre.scans.protocol import Entry, Reader

BUILT_IN = (
    "sayre.scans.readers.aps_34idc",
    "sayre.scans.readers.esrf_bliss",
    "sayre.scans.readers.esrf_spec",
    "sayre.scans.readers.petra_p10",
    "sayre.scans.readers.eiger",
    "sayre.scans.readers.nanomax",
    "sayre.scans.readers.soleil_cristal",
    "sayre.scans.readers.soleil_sixs",
    "sayre.scans.readers.cdiutils_cxi",
    "sayre.scans.readers.nexus_transformations",
)
"""Modules that have a `READER`, in the order in which they are asked."""
GROUP = "sayre.scans"
"""Entry points of this group name readers of other packages; they are asked first."""


FEW = 5
"""Scans that a message lists."""


def readers() -> list[Reader]:
    """Return all readers: those of other packages, by name, then those of Sayre.

    Raises
    ------
    InputError
        A reader of another package that does not load.
    """
    found: list[Reader] = []
    for point in _points():
        try:
            loaded = point.load()
        except Exception as error:  # code of another package
            raise InputError(
                f"reader of scans {point.name}: {point.value} does not load ({type(error).__name__}: "
                f"{error}); mend or remove the package that brings it"
            ) from error
        found.append(loaded() if isinstance(loaded, type) else loaded)
    return found + [cast(Reader, importlib.import_module(name).READER) for name in BUILT_IN]


@functools.cache
def _points() -> tuple[importlib.metadata.EntryPoint, ...]:
    return tuple(sorted(importlib.metadata.entry_points(group=GROUP), key=lambda point: point.name))


def reader_of(path: Path) -> Reader | None:
    """Return the first reader that knows the layout of a file, None where none does."""
    if not path.is_file():
        return None
    return next((reader for reader in readers() if reader.detects(path)), None)


def chosen(path: Path, entries: list[Entry], wanted: str | None) -> Entry:
    """Return the scan of a number, or the only one.

    Parameters
    ----------
    path
        Name of the file, for messages.
    entries
        Its scans.
    wanted
        The number; None takes the only scan.

    Raises
    ------
    InputError
        No such scan; several, and none is named, or two have the number.
    """
    if wanted is None:
        found = [entry for entry in entries if entry.detectors] or entries
    else:
        found = [entry for entry in entries if wanted in names_of(entry.number)]
    if len(found) == 1:
        return found[0]
    shown = listed(found or entries)
    if not entries:
        raise InputError(f"{path}: holds no scan")
    if wanted is None:
        raise InputError(
            f"{path}: holds {len(found)} scans ({shown}); name one as {path.name}::{found[0].number}"
        )
    if found:
        raise InputError(f"{path}: {len(found)} scans are {wanted} ({shown}); name one of them in full")
    if len(entries) > FEW:
        with_frames = [entry for entry in entries if entry.detectors]
        shown = f"{len(entries)}, {entries[0].number} to {entries[-1].number}"
        shown += f", with frames beside them {listed(with_frames)}" if with_frames else ""
    raise InputError(f"{path}: no scan {wanted}; there {'is' if len(entries) == 1 else 'are'} {shown}")


def names_of(number: str) -> set[str]:
    """What a scan may be called: `2.1` is `2` too, and `sample_2.1` is `2`, `2.1` and `sample_2`."""
    names = {number}
    for name in list(names):
        names.add(name.rsplit("_", 1)[-1])
    for name in list(names):
        head, dot, tail = name.partition(".")
        if dot and tail == "1":
            names.add(head)
    return names


def listed(entries: list[Entry]) -> str:
    """Return the first scans in words."""
    shown = [f"{entry.number} {entry.title}".strip() for entry in entries[:FEW]]
    return ", ".join(shown) + (f" and {len(entries) - FEW} more" if len(entries) > FEW else "")
