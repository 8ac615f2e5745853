"""Files of MATLAB (`.mat`), for reading: those of version 7.3, which are HDF5, and those before.

A stack of frames is (row, column, frame) in MATLAB; frames come first here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from sayre.data.hints import did_you_mean
from sayre.errors import InputError
from sayre.files.patterns import mat_levels
from sayre.files.patterns.companions import Kind, kind_of
from sayre.files.patterns.contents import Contents, may_be_counts
from sayre.files.patterns.region import Region, cut, of_frame
from sayre.files.safety import sound
from sayre.files.safety.heaps import require_heaps
from sayre.files.safety.within import looked_into
from sayre.numerics import memory

COUNTS = ("intensity", "data", "I")
_FACTS = ("energy", "distance", "pixel_size", "hkl")
_HDF5 = b"MATLAB 7.3"

Arrays = Mapping[str, NDArray[Any]]


def read(path: Path, inside: str | None = None, region: Region | None = None) -> Contents:
    """Read the counts: the variable named, else `intensity`, `data`, `I`, else the only stack, else image.

    Parameters
    ----------
    path
        `.mat`.
    inside
        Name of the counts.
    region
        Part of the counts, frames first, that is kept; None keeps all.
    """
    arrays = _arrays(path)
    name = _counts_name(path, arrays) if inside is None else _named(path, arrays, inside)
    counts = cut(_frames_first(arrays[name]), region, str(path))
    mask = arrays.get("mask") if name != "mask" else None
    turned = (
        f"{name} {arrays[name].shape} is (row, column, frame), as MATLAB has stacks; frames were put first"
    )
    return Contents(
        counts=counts,
        stored=counts.dtype,
        mask=None if mask is None else cut(_frames_first(mask), region, str(path)),
        known={fact: arrays[fact] for fact in _FACTS if fact in arrays},
        beside={other: _frames_first(array) for other, array in arrays.items() if kind_of(other)},
        remarks=(turned,) if counts.ndim == 3 else (),
        region=of_frame(region),
    )


def read_mask(path: Path, inside: str | None = None) -> NDArray[Any]:
    """Read a mask: the variable named, else `mask`, else the only one.

    Parameters
    ----------
    path
        `.mat`.
    inside
        Name of the mask.
    """
    return _frames_first(_one(path, inside, "mask", "the mask"))


def read_companion(path: Path, inside: str | None, kind: Kind) -> NDArray[Any]:
    """Read a white or dark field: the variable named, else the one that is named like one, else the only one.

    Parameters
    ----------
    path
        `.mat`.
    inside
        Name of the field.
    kind
        What is looked for.
    """
    arrays = _arrays(path)
    usual = [name for name in arrays if kind_of(name) == kind]
    return _frames_first(_one(path, inside, usual[0] if len(usual) == 1 else "", f"the {kind} field"))


def _one(path: Path, inside: str | None, usual: str, what: str) -> NDArray[Any]:
    arrays = _arrays(path)
    if inside is not None:
        return arrays[_named(path, arrays, inside)]
    if usual in arrays:
        return arrays[usual]
    images = [name for name, array in arrays.items() if array.ndim > 1 and array.size > 1]
    if len(images) != 1:
        raise InputError(f"{path}: holds {', '.join(arrays)}; name {what} as {path.name}::NAME")
    return arrays[images[0]]


def _counts_name(path: Path, arrays: Arrays) -> str:
    for name in COUNTS:
        if name in arrays:
            return name
    for ndim in (3, 2):
        names = [
            name
            for name, array in arrays.items()
            if array.ndim == ndim and min(array.shape) > 1 and may_be_counts(name) and kind_of(name) is None
        ]
        if len(names) == 1:
            return names[0]
        if names:
            break
    shown = ", ".join(f"{name} {array.shape}" for name, array in arrays.items()) or "no arrays"
    raise InputError(f"{path}: holds {shown}; name the counts as {path.name}::NAME")


def _named(path: Path, arrays: Arrays, inside: str) -> str:
    name = inside.lstrip("/")
    if name not in arrays:
        raise InputError(f"{path}: no array {name}; it holds {', '.join(arrays)}{did_you_mean(name, arrays)}")
    return name


def _arrays(path: Path) -> Arrays:
    """Arrays of numbers by name, in the order of axes of MATLAB."""
    with open(path, "rb") as file:
        start = file.read(128)
    if start.startswith((_HDF5, b"\x89HDF")):
        return _of_hdf5(path)
    try:
        return mat_levels.arrays_of(memory.whole(path, each=2))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except ValueError as error:
        raise _unreadable(path, error) from error


def _of_hdf5(path: Path) -> Arrays:
    require_heaps(path)
    try:
        with h5py.File(path, "r", locking=False) as file, looked_into(path):
            return {
                name: np.asarray(sound.value(item)).T
                for name, item in file.items()
                if isinstance(item, h5py.Dataset) and item.shape and item.dtype.kind in "buif"
            }
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError(f"{path}: not a file of MATLAB, or cut short ({' '.join(str(error).split())})")


def _frames_first(array: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(np.moveaxis(array, -1, 0)) if array.ndim == 3 else array
