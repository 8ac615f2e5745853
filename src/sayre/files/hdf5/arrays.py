"""Reading arrays of HDF5 files: a region, no more; what nothing was mapped to is masked or refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from sayre.errors import InputError
from sayre.files.hdf5.tree import one_line
from sayre.files.hdf5.virtual import unmapped
from sayre.files.patterns.region import Region, full, lengths, squeezed, within
from sayre.files.safety.sound import require_sound

_CXI_BAD = 0xFFFF
"""Bits of a mask of CXI that are reasons to reject a pixel; those above tell of it, as that it has signal."""
_NEXUS_BAD = 0x7FFFFFFF
"""Bits of `pixel_mask` of NeXus that are; bit 31 marks a virtual pixel, whose counts are interpolated."""


def read_array(path: Path, dataset: h5py.Dataset, region: Region | None = None) -> NDArray[Any]:
    """Read a dataset, numbers straight into float32; axes of length 1 that make more than three are dropped.

    Parameters
    ----------
    path
        Name of the file, for messages.
    dataset
        What is read.
    region
        Part of it, one slice an axis that is kept; None reads all.

    Raises
    ------
    InputError
        Complex or non-numeric data, nothing in it, a missing filter or linked file, damage; a virtual
        dataset that is mapped in part.
    """
    counts, missing = read_counts(path, dataset, region)
    if missing is not None:
        raise InputError(
            f"{path}::{dataset.name}: {int(missing.sum())} of its {missing.size} values lie in no file; "
            "write it again, or name another dataset"
        )
    return counts


def read_counts(
    path: Path, dataset: h5py.Dataset, region: Region | None = None, out: NDArray[Any] | None = None
) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """Read a dataset as `read_array`, and which of its voxels a virtual dataset maps to no file.

    Parameters
    ----------
    path, dataset, region
        As `read_array` takes them.
    out
        Contiguous array of the shape of the region and of float32, to read into; None makes one.
    """
    where = f"{path}::{dataset.name}"
    if dataset.dtype.kind not in "buif":
        raise InputError(f"{where}: counts must be real numbers, found {dataset.dtype}")
    if not dataset.shape or 0 in dataset.shape:
        raise InputError(f"{where}: must be a 2D or 3D array, found shape {dataset.shape}")
    kept = within(region, squeezed(dataset.shape), where)
    part = full(kept, dataset.shape)
    missing = _check_readable(path, dataset, part)
    dtype = np.dtype(bool if dataset.dtype.kind == "b" else np.float32)
    array = _read(where, dataset, part, dtype if out is None else out.reshape(lengths(part)))
    return array.reshape(lengths(kept)), None if missing is None else missing.reshape(lengths(kept))


def read_mask_array(path: Path, dataset: h5py.Dataset, region: Region | None = None) -> NDArray[Any]:
    """Read a mask, non-zero where not measured: of the bits of CXI and NeXus those that reject a pixel.

    Parameters
    ----------
    path, dataset, region
        As `read_array` takes them.
    """
    if dataset.dtype.kind not in "ui" or dataset.dtype.itemsize < 4 or not dataset.shape:
        return read_array(path, dataset, region)
    where = f"{path}::{dataset.name}"
    kept = within(region, squeezed(dataset.shape), where)
    part = full(kept, dataset.shape)
    if _check_readable(path, dataset, part) is not None:
        return read_array(path, dataset, region)  # which refuses it
    bits = _read(where, dataset, part, dataset.dtype).reshape(lengths(kept)).astype(np.int64)
    if "cxi_version" in dataset.file:
        bits &= _CXI_BAD
    elif str(dataset.name).endswith("pixel_mask"):
        bits &= _NEXUS_BAD
    bad: NDArray[np.bool_] = bits != 0
    return bad


def _read(
    where: str, dataset: h5py.Dataset, part: Region, into: np.dtype[Any] | NDArray[Any]
) -> NDArray[Any]:
    """A part of a dataset, in a new array of a type or in one that is there."""
    array = into if isinstance(into, np.ndarray) else np.empty(lengths(part), into)
    try:
        dataset.read_direct(array, part)
    except (OSError, RuntimeError) as error:
        raise InputError(
            f"{where}: cannot be read, damaged or its linked file is ({one_line(error)})"
        ) from error
    return array


def _check_readable(path: Path, dataset: h5py.Dataset, part: Region) -> NDArray[np.bool_] | None:
    """Refuse what HDF5 would not survive, and find what it would fill with zeros without a word."""
    require_sound(dataset, path, values=int(np.prod(lengths(part), dtype=np.int64)))
    return unmapped(path, dataset, part)
