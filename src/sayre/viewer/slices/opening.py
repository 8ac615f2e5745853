"""Opening a file: what it holds, and whether all of it goes into memory."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from sayre.data import Crystal, Pattern
from sayre.errors import InputError, SayreNote, SayreWarning, note, understood, warn
from sayre.files import load, load_crystal
from sayre.files.formats import split_path
from sayre.files.hdf5.tree import find_counts, named, opened
from sayre.files.patterns import npz
from sayre.files.patterns.region import Region, squeezed
from sayre.files.reading import AXES, require_axes
from sayre.files.safety.within import only_within
from sayre.scans.loading import opened as scan_named
from sayre.viewer.slices.opened import Counts, LargeCounts, Opened, Shown, as_size
from sayre.workflows.jobs.input_file import InputFile

LARGE = 2**26
"""Voxels beyond which counts are read slice by slice."""
_HDF5 = (".h5", ".hdf5", ".nxs", ".cxi")
_OBJECTS = (".npz", ".npy", *_HDF5)


def open_file(source: InputFile, name: str) -> Opened:
    """Open a file of counts or of an object.

    Parameters
    ----------
    source
        File, and how it is read.
    name
        What the page calls it.

    Raises
    ------
    InputError
        The file holds neither.
    """
    with only_within(source.within):
        raw = scan_named(source.source, frames=source.frames)
        shape = shape_in(source.source, source.axes) if raw is None else None
        if shape is not None and np.prod(shape, dtype=np.int64) > LARGE:
            return LargeCounts(
                name=name, size=as_size(shape), read=_reader(source, len(shape)), planar=len(shape) == 2
            )
        crystal = _object_in(source.source)
        if crystal is not None:
            return Shown(name=name, crystal=crystal)
    return Counts(name=name, pattern=source.load())


def shape_in(source: str, axes: str | None = None) -> tuple[int, ...] | None:
    """Return the shape of the counts in a file that can be read in parts; None where that is not known.

    Parameters
    ----------
    source, axes
        As `sayre.load` takes them.
    """
    file, inside = split_path(source)
    if not file.is_file() or (inside is not None and not inside.startswith("/")):
        return None
    shape: tuple[int, ...] | None = None
    if file.suffix.lower() == ".npy":
        with understood(source):
            shape = squeezed(np.load(file, mmap_mode="r", allow_pickle=False).shape)
    elif file.suffix.lower() in _HDF5:
        shape = _shape_in_hdf5(file, inside)
    if shape is not None and axes is not None and len(shape) == len(AXES):
        require_axes(axes, source)
        shape = tuple(shape[axes.index(letter)] for letter in AXES)
    return shape if shape is not None and len(shape) in (2, 3) else None


def _shape_in_hdf5(path: Path, inside: str | None) -> tuple[int, ...] | None:
    try:
        with understood(path), opened(path) as file:
            found: Any = {inside: named(path, file, inside)} if inside else find_counts(path, file)
            if any(dataset.dtype.kind not in "buif" for dataset in found.values()):
                return None
            shapes = [squeezed(dataset.shape or ()) for dataset in found.values()]
    except InputError:
        return None
    if len(shapes) == 1:
        return shapes[0]
    return (sum(shape[0] if len(shape) == 3 else 1 for shape in shapes), *shapes[0][-2:])


def _reader(source: InputFile, axes: int) -> Callable[[Region], Pattern]:
    def read(region: Region) -> Pattern:
        ranges = ",".join(f"{part.start}:{part.stop}" for part in region[3 - axes :])
        with only_within(source.within), warnings.catch_warnings():
            warnings.simplefilter("ignore", SayreWarning)  # of every slice the same
            return load(
                source.source,
                mask=source.mask,
                flat=source.flat,
                dark=source.dark,
                amplitudes=source.amplitudes,
                roi=ranges,
                axes=source.axes,
                readout=source.readout,
            )

    return read


def _object_in(source: str) -> Crystal | None:
    """The object in a file; None where it holds none."""
    file, inside = split_path(source)
    if file.suffix.lower() not in _OBJECTS or not file.is_file() or _are_counts(file, inside):
        return None
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", SayreWarning)
        try:
            crystal = load_crystal(source)
        except InputError:
            return None
    for warning in told:
        (note if issubclass(warning.category, SayreNote) else warn)(str(warning.message))
    return crystal


def _are_counts(file: Path, inside: str | None) -> bool:
    """Whether the array that is asked for is real, or one of the names that counts have.

    A simulated pattern has a complex amplitude beside its counts.
    """
    with understood(file):
        if file.suffix.lower() == ".npy":
            return bool(np.load(file, mmap_mode="r", allow_pickle=False).dtype.kind != "c")
        if file.suffix.lower() != ".npz":
            return False
        headers = npz.headers_of(file)
        names = npz.COUNTS if inside is None else [inside.lstrip("/")]
        return any(name in headers and headers[name][1].kind != "c" for name in names)
