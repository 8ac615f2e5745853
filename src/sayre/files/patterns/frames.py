"""Frames in files of their own: which belong together, and in which order."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sayre.errors import InputError
from sayre.files.safety.within import require_frames

SHARE = 0.25
"""Other frames, as a share of those of a scan, from which on it is not clear which are the scan's."""


class Numbered(NamedTuple):
    """Frames with their numbers, in order, and what was left out."""

    files: tuple[tuple[int, Path], ...]
    remarks: tuple[str, ...]


def numbered_frames(folder: Path, endings: tuple[str, ...], *, prefix: str | None = None) -> Numbered:
    """Return the frames in a folder in the order of the last number in their names.

    Files whose names differ from the others by more than that number are not of the scan, and are left out.

    Parameters
    ----------
    folder
        Of the frames.
    endings
        Of their names, in lower case.
    prefix
        What their names begin with, up to the number; None takes what most names begin with.

    Raises
    ------
    InputError
        No frames, or two of one number.
    """
    found = numbered(folder.iterdir(), endings, folder, prefix=prefix)
    if not found.files:
        raise InputError(f"{folder}: no frames ({', '.join(endings)}) with numbers in their names")
    require_frames(file for _, file in found.files)
    return found


def numbered(
    files: Iterable[Path], endings: tuple[str, ...], where: Path, *, prefix: str | None = None
) -> Numbered:
    """Return those of some files that are the frames of a scan, as `numbered_frames`; none is no fault.

    Parameters
    ----------
    files
        The files.
    endings, prefix
        As `numbered_frames` takes them.
    where
        Their folder, for messages.

    Raises
    ------
    InputError
        Two frames of one number, or many of another scan.
    """
    split = []
    for file in sorted(files):
        if file.name.startswith(".") or not file.name.lower().endswith(endings):
            continue
        ending = next(
            one for one in sorted(endings, key=len, reverse=True) if file.name.lower().endswith(one)
        )
        match = re.fullmatch(r"(.*?)(\d+)", file.name[: -len(ending)])
        split.append((file, match[1] if match else None, int(match[2]) if match else -1))
    wanted = None if prefix is None else prefix.rstrip("0123456789")
    kinds = Counter(start for _, start, _ in split if start is not None and wanted in (None, start))
    if not kinds:
        return Numbered((), ())
    (start, most), *others = kinds.most_common()
    if sum(many for _, many in others) > SHARE * most:
        raise InputError(
            f"{where}: holds {most} frames {start}… and {others[0][1]} {others[0][0]}…; name those of one "
            f"scan, as {start}*"
        )
    left_out = [file.name for file, of, _ in split if of != start]
    chosen = sorted((number, file) for file, of, number in split if of == start)
    twice = [number for number, times in Counter(number for number, _ in chosen).items() if times > 1]
    if twice:
        raise InputError(f"{where}: two frames have the number {twice[0]}")
    more = f" and {len(left_out) - 3} more" if len(left_out) > 3 else ""
    remark = f"left out, no frames of the scan: {', '.join(left_out[:3])}{more}"
    return Numbered(tuple(chosen), (remark,) if left_out else ())


def places(numbers: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Return the place of each frame in a scan whose frames are numbered evenly; None where they are not.

    Parameters
    ----------
    numbers
        Rising numbers of the frames that are there.
    """
    if len(numbers) < 3:
        return np.arange(len(numbers))
    steps = np.diff(numbers)
    step = int(np.median(steps))
    found = (numbers - numbers[0]) // step
    if (steps % step).any() or int(found[-1]) + 1 > 2 * len(numbers):
        return None
    return np.asarray(found, np.int64)
