"""Folders of frames: which are those of a scan, in the order of their numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from sayre.errors import InputError


class Numbered(NamedTuple):
    """Frames with their numbers, in order, and what was left out."""

    files: tuple[tuple[int, Path], ...]
    remarks: tuple[str, ...]


def scan_folder(found: Sequence[Path], given: Path | None, what: str) -> Path:
    """Return the folder of the frames of a scan.

    Parameters
    ----------
    found
        Folders that are named like the scan.
    given
        What the user named.
    what
        File and scan, for the message.

    Raises
    ------
    InputError
        None, or several and none is named.
    """
    if given is not None:
        if not given.is_dir():
            raise InputError(f"{given}: is no folder; `frames=` names the folder of the frames")
        return given
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(str(folder) for folder in found[:4])
        raise InputError(
            f"{what}: {len(found)} folders could hold its frames ({names}); name one by `frames=`"
        )
    raise InputError(f"{what}: no folder of its frames is beside it; name it by `frames=`")


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
    split = []
    for file in sorted(folder.iterdir()):
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
        raise InputError(f"{folder}: no frames ({', '.join(endings)}) with numbers in their names")
    (start, most), *others = kinds.most_common()
    if others and others[0][1] == most:
        raise InputError(
            f"{folder}: holds {most} frames {start}… and as many {others[0][0]}…; keep those of one scan"
        )
    left_out = [file.name for file, of, _ in split if of != start]
    chosen = sorted((number, file) for file, of, number in split if of == start)
    twice = [number for number, times in Counter(number for number, _ in chosen).items() if times > 1]
    if twice:
        raise InputError(f"{folder}: two frames have the number {twice[0]}")
    remark = f"{len(left_out)} files in {folder.name} are no frames of the scan ({', '.join(left_out[:3])})"
    return Numbered(tuple(chosen), (remark,) if left_out else ())
