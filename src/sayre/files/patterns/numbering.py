"""Folders of frames: which files are of one scan, the order of their numbers, and which frames are lost."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sayre.errors import InputError
from sayre.files.patterns.companions import kind_of
from sayre.files.patterns.frames import SHARE, places

_NUMBERS = re.compile(r"(\d+)")


class Sequenced(NamedTuple):
    """Files of a scan in order, the place of each on the grid of numbers, and what is to be said.

    `size` is the number of places; those without a file were not measured.
    """

    files: tuple[Path, ...]
    places: NDArray[np.int64]
    size: int
    remarks: tuple[str, ...]


class _Name(NamedTuple):
    texts: tuple[str, ...]
    numbers: tuple[int, ...]
    file: Path


def sequenced(files: Sequence[Path], where: Path) -> Sequenced:
    """Put the files of a scan in order.

    Names that differ in more than their numbers are not of one scan. Of the numbers in the names, the one
    that no two files share is that of the frame; where there is none, the last one is, and files that differ
    in another are of other scans.

    Parameters
    ----------
    files
        Candidates, one and more.
    where
        Folder or pattern that they are from, for messages.

    Raises
    ------
    InputError
        Many files of another scan.
    """
    names = [_split(file) for file in sorted(files)]
    groups: dict[object, list[_Name]] = {}
    for name in names:
        if name.numbers:
            groups.setdefault(name.texts, []).append(name)
    if not groups:
        return _unnumbered([name.file for name in names])
    most = max(groups.values(), key=len)
    column = _column(most)
    kinds: dict[object, list[_Name]] = {}
    for name in most:
        kinds.setdefault(name.numbers[:-1] if column is None else (), []).append(name)
    column = len(most[0].numbers) - 1 if column is None else column
    others = [group for group in groups.values() if group is not most]
    scan, *rest = sorted([*kinds.values(), *others], key=len, reverse=True)
    if sum(map(len, rest)) > SHARE * len(scan):
        start, other = _start(scan[0], column), _start(rest[0][0], column)
        found = f"{len(scan)} frames {start}… and {len(rest[0])} {other}…"
        raise InputError(f"{where}: holds {found}; name those of one scan, as {start}*")
    kept = {name.file for name in scan}
    left_out = sorted(name.file.name for name in names if name.file not in kept)
    more = f" and {len(left_out) - 3} more" if len(left_out) > 3 else ""
    remarks = [f"left out, no frames of the scan: {', '.join(left_out[:3])}{more}"] if left_out else []
    numbers = np.array([name.numbers[column] for name in scan], np.int64)
    order = np.argsort(numbers, kind="stable")
    place = places(numbers[order])
    if place is None:
        place = np.arange(len(numbers))
        remarks.append(f"the numbers of its {len(place)} frames are uneven; taken as if none were missing")
    return Sequenced(
        tuple(scan[k].file for k in order), np.asarray(place, np.int64), int(place[-1]) + 1, tuple(remarks)
    )


def _split(file: Path) -> _Name:
    parts = _NUMBERS.split(file.stem)
    return _Name((*parts[::2], file.suffix.lower()), tuple(int(part) for part in parts[1::2]), file)


def _unnumbered(files: list[Path]) -> Sequenced:
    """Files whose names have no numbers, by name; fields of the detector are no frames."""
    fields = sorted(file.name for file in files if kind_of(file.stem))
    frames = [file for file in files if not kind_of(file.stem)]
    remarks = (f"{', '.join(fields)} left out: no frames, by their names",) if fields else ()
    return Sequenced(tuple(frames), np.arange(len(frames)), len(frames), remarks)


def _column(scan: list[_Name]) -> int | None:
    """Which number of the names is that of the frame: the one that no two share, of the least span."""
    spans = {}
    for column in range(len(scan[0].numbers)):
        values = [name.numbers[column] for name in scan]
        if len(set(values)) == len(values):
            spans[column] = max(values) - min(values)
    return min(spans, key=lambda column: spans[column]) if spans else None


def _start(name: _Name, column: int) -> str:
    """What the name begins with, up to the number of the frame."""
    ends = list(_NUMBERS.finditer(name.file.stem))
    return name.file.name[: ends[min(column, len(ends) - 1)].start()]
