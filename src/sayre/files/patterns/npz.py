"""NumPy files. Nothing is ever unpickled."""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from sayre.data import FilledPattern, Manifest
from sayre.data.hints import did_you_mean
from sayre.errors import InputError
from sayre.files.patterns.companions import NAMES, Kind, kind_of, refuse_other
from sayre.files.patterns.contents import Contents, Output, arrays_of, known_of, may_be_counts, pattern_of
from sayre.files.patterns.npz_part import read_header, read_stream
from sayre.files.patterns.region import Region, cut, of_frame, require_memory, squeezed, within

COUNTS = ("intensity", "data", "I")
_FACTS = (
    "energy",
    "distance",
    "pixel_size",
    "hkl",
    "detector",
    "grid_step",
    "origin",
    "binning",
    "corrections",
    "divided_by",
    "geometry",
    "left",
    "readout",
)
_OURS = {"mask", "sigma", "method", "manifest", "expectation", "amplitude", "oversampling", *_FACTS}
"""What `sayre.save` writes beside the counts."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError)

Headers = dict[str, tuple[tuple[int, ...], np.dtype[Any]]]


def read(path: Path, inside: str | None = None, region: Region | None = None) -> Contents:
    """Read the counts of an `.npz` (`intensity`, `data`, `I`, else the only 3D, else 2D array) or `.npy`.

    Parameters
    ----------
    path
        `.npz` or `.npy`.
    inside
        Name of the counts in an `.npz`; `sigma` and a `mask` of another shape are of other counts then.
    region
        Part of the counts that is read, one slice an axis: an `.npy` is mapped to memory, an `.npz` is
        unpacked a piece at a time. None reads all.
    """
    if path.suffix.lower() == ".npy":
        counts = read_npy(path, region)
        return Contents(counts=counts, stored=counts.dtype, region=of_frame(region))
    with _open(path) as file:
        headers = _headers(path, file)
        name = _counts_name(path, headers) if inside is None else named(path, headers, inside)
        counts = read_part(path, file, name, headers[name][0], region)
        masked, stated = (_is_of(name, other, headers, inside) for other in ("mask", "sigma"))
        mask = read_part(path, file, "mask", headers["mask"][0], region) if masked else None
        stated = stated and name in COUNTS
        sigma = read_part(path, file, "sigma", headers["sigma"][0], region) if stated else None
        known = {name: _read_array(path, file, name) for name in _FACTS if name in headers}
        method = _read_array(path, file, "method") if "method" in headers else None
        beside = {
            other: _read_array(path, file, other) for other in headers if kind_of(other) and other != name
        }
    unused = [other for other in headers if other not in _OURS | beside.keys() | {name}]
    unused += [] if masked or "mask" not in headers or name == "mask" else ["mask"]
    return Contents(
        counts=counts,
        stored=counts.dtype,
        mask=mask,
        known=known,
        sigma=sigma,
        method=None if method is None else str(method),
        beside=beside,
        remarks=(f"other arrays not used: {_some(unused)}",) if unused else (),
        region=of_frame(region),
    )


def read_mask(path: Path, inside: str | None = None) -> NDArray[Any]:
    """Read a mask: `mask` of an `.npz`, else its only array; an `.npy` is the mask.

    Parameters
    ----------
    path
        `.npz` or `.npy`.
    inside
        Name of the mask in an `.npz`.
    """
    if path.suffix.lower() == ".npy":
        return read_npy(path)
    with _open(path) as file:
        headers = _headers(path, file)
        if inside is not None:
            return _read_array(path, file, named(path, headers, inside))
        if "mask" not in headers and len(headers) != 1:
            raise InputError(
                f"{path}: holds {listed(headers)}; the mask must be named mask, or be alone, or be chosen as "
                f"{path.name}::{next(iter(headers))}"
            )
        return _read_array(path, file, "mask" if "mask" in headers else next(iter(headers)))


def read_companion(path: Path, inside: str | None, kind: Kind) -> NDArray[Any]:
    """Read a white or dark field: the only array of an `.npz` named like one, else its only array; an `.npy`.

    Parameters
    ----------
    path
        `.npz` or `.npy`.
    inside
        Name of the field in an `.npz`.
    kind
        What is looked for.
    """
    if path.suffix.lower() == ".npy":
        return read_npy(path)
    with _open(path) as file:
        headers = _headers(path, file)
        if inside is not None:
            return _read_array(path, file, named(path, headers, inside))
        found = [name for name in headers if kind_of(name) == kind] or list(headers)
        if len(found) != 1:
            raise InputError(
                f"{path}: holds {listed(headers)}; "
                f"one of them must be named {' or '.join(NAMES[kind])}, or be alone, or be chosen as "
                f"{path.name}::{found[0]}"
            )
        refuse_other(kind, found[0], str(path))
        return _read_array(path, file, found[0])


def headers_of(path: Path) -> Headers:
    """Shape and dtype of every array of an `.npz`."""
    with _open(path) as file:
        return _headers(path, file)


def read_arrays(path: Path, names: Iterable[str]) -> dict[str, NDArray[Any]]:
    """Arrays of an `.npz` by name.

    Parameters
    ----------
    path
        An `.npz`.
    names
        Of the arrays.
    """
    with _open(path) as file:
        return {name: _read_array(path, file, name) for name in names}


def write(file: BinaryIO, what: Output, manifest: Manifest) -> None:
    """Write an `.npz` of a pattern.

    Parameters
    ----------
    file
        Open for writing, binary.
    what
        A pattern, measured, filled or simulated.
    manifest
        What made it.
    """
    entries = arrays_of(what) | known_of(pattern_of(what)) | {"manifest": manifest.to_json()}
    write_entries(file, entries | ({"method": what.method} if isinstance(what, FilledPattern) else {}))


def write_entries(file: BinaryIO, entries: Mapping[str, Any]) -> None:
    """Write an `.npz` whose bytes depend on its content alone.

    Parameters
    ----------
    file
        Open for writing, binary.
    entries
        Arrays, numbers or texts by name.
    """
    with zipfile.ZipFile(file, "w") as archive:
        for name, value in entries.items():
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=_EPOCH)
            archive.writestr(entry, _npy(value), zipfile.ZIP_DEFLATED, compresslevel=1)


def write_npy(file: BinaryIO, what: Output, manifest: Manifest) -> None:
    """Write the counts alone: an `.npy` has no room for mask, sigma or manifest.

    Parameters
    ----------
    file
        Open for writing, binary.
    what
        A pattern, measured, filled or simulated.
    manifest
        What made it.
    """
    file.write(_npy(arrays_of(what)["intensity"]))


def _npy(value: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(value), allow_pickle=False)
    return buffer.getvalue()


def read_npy(path: Path, region: Region | None = None) -> NDArray[Any]:
    """Read an `.npy`, or a part of it, which is mapped to memory.

    Parameters
    ----------
    path
        `.npy`.
    region
        Part that is wanted, one slice an axis; None is all.
    """
    try:
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
        part = cut(mapped, region, str(path))
        require_memory(str(path), tuple(slice(0, n) for n in part.shape))
        return np.array(part)
    except InputError:
        raise
    except _DAMAGE as error:
        raise _unreadable(path, error) from error


def _open(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except _DAMAGE as error:
        raise InputError(
            f"{path}: not an npz, or cut short ({error}); write it again with numpy.savez"
        ) from error


def _headers(path: Path, file: zipfile.ZipFile) -> Headers:
    """Shape and dtype of every array, without reading the arrays."""
    headers: Headers = {}
    for entry in file.namelist():
        if not entry.endswith(".npy"):
            continue
        try:
            with file.open(entry) as stream:
                shape, _, dtype = read_header(stream)
        except _DAMAGE as error:
            raise _unreadable(path, error, entry) from error
        headers[entry.removesuffix(".npy")] = (shape, dtype)
    if not headers:
        raise InputError(f"{path}: holds no arrays; the counts must be an array named intensity, data or I")
    return headers


def _counts_name(path: Path, headers: Headers) -> str:
    for name in COUNTS:
        if name in headers:
            return name
    for ndim in (3, 2):
        names = [
            name
            for name, (shape, _) in headers.items()
            if len(squeezed(shape)) == ndim and may_be_counts(name)
        ]
        if len(names) > 1:
            names = [name for name in names if kind_of(name) is None]
        if len(names) == 1:
            return names[0]
        if names:
            break
    else:
        raise InputError(f"{path}: holds {listed(headers)}; the counts must be a 2D or 3D array")
    addresses = " or ".join(f"{path.name}::{name}" for name in names[:4])
    raise InputError(
        f"{path}: holds {listed(headers)}; name the counts intensity, data or I, or choose {addresses}"
    )


def named(path: Path, headers: Headers, inside: str) -> str:
    """The array of a name; a slash in front, as paths in HDF5 files have it, is left out.

    Parameters
    ----------
    path
        Name of the file, for messages.
    headers
        Of its arrays.
    inside
        What the user calls the array.
    """
    name = inside.lstrip("/")
    if name not in headers:
        hint = did_you_mean(name, headers)
        raise InputError(f"{path}: no array {inside}; it holds {listed(headers)}{hint}")
    return name


def _is_of(name: str, other: str, headers: Headers, inside: str | None) -> bool:
    """Whether the array `other` is there and belongs to the counts, which the user may have named."""
    if other not in headers or other == name:
        return False
    shape = headers[name][0]
    return inside is None or headers[other][0] in (shape, shape[-2:])


def _read_array(path: Path, file: zipfile.ZipFile, name: str) -> NDArray[Any]:
    entry = f"{name}.npy"
    try:
        with file.open(entry) as stream:
            shape, _, dtype = read_header(stream)
        size = file.getinfo(entry).file_size
        if not dtype.hasobject and math.prod(shape) * dtype.itemsize > size:
            raise ValueError(f"{size} bytes for an array of {'×'.join(map(str, shape))}")
        require_memory(f"{path}::{name}", (slice(0, math.prod(shape)),), each=dtype.itemsize)
        with file.open(entry) as stream:
            return np.asarray(np.lib.format.read_array(stream, allow_pickle=False))
    except InputError:
        raise
    except _DAMAGE as error:
        raise _unreadable(path, error, name) from error


def read_part(
    path: Path, file: zipfile.ZipFile, name: str, shape: tuple[int, ...], region: Region | None
) -> NDArray[Any]:
    """Read a part of an array of an `.npz`; of one of a frame the last two slices are taken.

    Parameters
    ----------
    path
        Name of the file, for messages.
    file
        The file, open.
    name, shape
        Of the array.
    region
        Part that is wanted; None is all.
    """
    where, sizes = f"{path}::{name}", squeezed(shape)
    part = None if region is None else region[len(region) - min(len(sizes), len(region)) :]
    require_memory(where, within(part, sizes, where))
    if part is None:
        return _read_array(path, file, name)
    try:
        with file.open(f"{name}.npy") as stream:
            return read_stream(stream, part, where)
    except InputError:
        raise
    except _DAMAGE as error:
        raise _unreadable(path, error, name) from error


def _unreadable(path: Path, error: Exception, name: str = "") -> InputError:
    where = f"{path}: {name}" if name else str(path)
    if "Object arrays" in str(error) or "Python objects" in str(error):
        return InputError(f"{where}: holds pickled objects, which are never loaded; save plain numbers")
    return InputError(
        f"{where}: cannot be read, damaged or not of this format ({' '.join(str(error).split())})"
    )


def listed(headers: Headers) -> str:
    shown = [
        f"{name} {'×'.join(map(str, shape)) or 'scalar'}" for name, (shape, _) in list(headers.items())[:6]
    ]
    return ", ".join(shown) + (", …" if len(headers) > 6 else "")


def _some(names: list[str]) -> str:
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
