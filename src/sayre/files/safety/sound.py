"""HDF5 datasets are looked at before they are read: what HDF5 would not survive is refused.

A virtual dataset that is made of itself ends the process, a missing source becomes zeros without a word,
external storage reads any file, and a declared shape may be larger than the memory.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from fnmatch import fnmatch
from glob import escape
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from sayre.errors import InputError
from sayre.files.safety.heaps import require_heaps
from sayre.files.safety.within import require_linked, require_within
from sayre.numerics import memory

DEEPEST = 16
"""Virtual datasets that may be made of one another."""
SMALL = 2**26
"""Bytes that there is always room for."""


def value(dataset: h5py.Dataset) -> Any:
    """Return all that a dataset holds, once it is known to be sound.

    Raises
    ------
    InputError
        As `require_sound`.
    """
    require_sound(dataset)
    return dataset[()]


def require_sound(dataset: h5py.Dataset, path: Path | None = None, *, values: int | None = None) -> None:
    """Refuse a dataset that HDF5 would not survive, or would fill with zeros without a word.

    Parameters
    ----------
    dataset
        What is to be read.
    path
        File that the user named, where the dataset may be in another one.
    values
        How many of its values are read; None reads all.

    Raises
    ------
    InputError
        A filter that is not installed, lists of different lengths, a shape beyond the memory, data in files
        outside the folder, a virtual dataset that is made of itself or of what is missing.
    """
    home = Path(dataset.file.filename)
    where = f"{path or home}::{dataset.name}"
    plist = dataset.id.get_create_plist()
    for number in range(plist.get_nfilters()):
        code, _, _, name = plist.get_filter(number)
        if not h5py.h5z.filter_avail(code):
            label = name.decode(errors="replace") or "unnamed"
            raise InputError(
                f"{where}: needs HDF5 filter {code} ({label}), not installed; repack it with gzip"
            )
    if not _has_texts_or_numbers(dataset.dtype):
        raise InputError(
            f"{where}: holds lists of different lengths, which no layout has; copy the file again"
        )
    size = (values or dataset.size or 0) * max(dataset.dtype.itemsize, 4)
    if size > SMALL:
        memory.require(size, where, "a part of it (`roi=`)")
    for number in range(plist.get_external_count()):
        stored = os.fsdecode(plist.get_external(number)[0])
        require_within(
            path or home, home.parent / stored, f"external storage of {dataset.name}", refused=True
        )
    if path is not None and home.exists() and not os.path.samefile(home, path):
        require_within(path, home, f"the link {dataset.name}")
    if path is None:
        require_linked(home, f"the link {dataset.name}")
    if dataset.is_virtual:
        _require_sources(dataset, path or home, where, ())


def _has_texts_or_numbers(dtype: np.dtype[Any]) -> bool:
    """Whether the values have one size, or are texts or references: HDF5 does not survive all other lists."""
    if dtype.names:
        return all(_has_texts_or_numbers(dtype[name]) for name in dtype.names)
    return not dtype.hasobject or bool(h5py.check_string_dtype(dtype) or h5py.check_ref_dtype(dtype))


def _require_sources(dataset: h5py.Dataset, path: Path, where: str, above: tuple[Any, ...]) -> None:
    """Refuse a virtual dataset that is made of itself, or of what is missing or elsewhere."""
    info = h5py.h5o.get_info(dataset.id)
    place = (info.fileno, info.addr)
    if place in above:
        raise InputError(f"{where}: a virtual dataset that is made of itself; write its frames anew")
    if len(above) > DEEPEST:
        raise InputError(f"{where}: virtual datasets more than {DEEPEST} deep; write its frames anew")
    home = Path(dataset.file.filename)
    for source in dataset.virtual_sources():
        if source.file_name != "." and "%" not in source.file_name:
            target = home.parent / source.file_name
            require_within(path, target, f"the virtual dataset {dataset.name}")
            if not target.exists():
                raise InputError(
                    f"{where}: its frames are in {source.file_name}, which is missing; put it beside {path}"
                )
        for found in _found(dataset, home, source):
            if isinstance(found, h5py.Dataset) and found.is_virtual:
                _require_sources(found, path, where, (*above, place))


def _found(dataset: h5py.Dataset, home: Path, source: Any) -> Iterator[Any]:
    """What a source of a virtual dataset may be: in its names `%b` stands for a number."""
    files = [home] if source.file_name == "." else sorted(home.parent.glob(_pattern(source.file_name)))
    for name in files:
        with contextlib.ExitStack() as stack:
            try:
                same = os.path.samefile(name, home)
                require_heaps(name)
                file = dataset.file if same else stack.enter_context(h5py.File(name, "r", locking=False))
                names = [source.dset_name]
                if "%" in source.dset_name:
                    folder, _, last = source.dset_name.rpartition("/")
                    names = [f"{folder}/{n}" for n in file[folder or "/"] if fnmatch(n, _pattern(last))]
                found = [file[name] for name in names]
            except (KeyError, OSError, ValueError):  # HDF5 will say so, or leave the frames to the fill value
                continue
            yield from found


def _pattern(name: str) -> str:
    """A name in which `%b` is a number, as a glob."""
    parts = name.split("%%")
    return "%".join("*".join(escape(piece) for piece in part.split("%b")) for part in parts)
