"""CXI files of objects (`cxi_version` 150), laid out as PyNX writes its results."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np

from sayre._version import __version__
from sayre.data import Crystal, Manifest
from sayre.data.json_text import to_json
from sayre.errors import InputError, warn
from sayre.files.crystals import cdiutils
from sayre.files.hdf5 import nexus
from sayre.files.hdf5.tree import named, opened
from sayre.files.hdf5.writing import group_of, put
from sayre.files.patterns import hdf5
from sayre.files.safety import sound

Found = dict[str, Any]

_OBJECTS = ("entry_1/image_1/data", "entry_1/data_1/data")
_OWN = "entry_1/sayre_1"
_PROCESSES = ("entry_1/image_1", "entry_last/image_1", "entry_1")
"""Where PyNX tells of its processes, each with a configuration; the last is cdiutils' copy of them."""
_KEPT = ("voxel_size", "axes", "hkl", "g", "displacement", "strain", "counts_shape")
_UNITS = {
    "voxel_size": "nm",
    "g": "1/angstrom",
    "displacement": "angstrom",
    "amplitude": "sqrt(counts)",
    "phase": "rad",
    "d_spacing": "angstrom",
    "peak_offset": "voxels",
}
_ALIASES = {"llk_poisson": "likelihood", "free_llk_poisson": "free_likelihood"}
"""PyNX's names of what Sayre's metrics call otherwise."""


def read(path: Path, inside: str | None = None) -> Found:
    """What a file holds of an object, by the names of an npz.

    Results of PyNX, of cdiutils and of Sayre. Of several modes the first is taken, with a warning.
    `counts_shape` and `rebinned` are what PyNX's configuration states of the counts; it may have cropped the
    object.

    Parameters
    ----------
    path
        The file.
    inside
        Path of a dataset inside it; None looks in the usual places.
    """
    with opened(path) as file:
        properties = _properties(path, file) if inside is None else {}
        if properties:
            return properties
        place = inside or next((p for p in _OBJECTS if nexus.dataset_at(file, p) is not None), None)
        if place is None:
            raise InputError(f"{path}: no object at {' or '.join(_OBJECTS)}; name one as {path.name}::/path")
        dataset = named(path, file, place)
        folder = dataset.parent
        found: Found = {"object": _array(path, dataset)}
        for name in ("support", "mask"):
            support = nexus.dataset_at(folder, name)
            if support is not None:
                found.setdefault("support", _array(path, support))
        shifted = nexus.dataset_at(folder, "is_fft_shifted")
        if shifted is not None and np.any(sound.value(shifted)):
            found = {name: np.fft.fftshift(array) for name, array in found.items()}
        extent = nexus.dataset_at(folder, "image_size")
        if extent is not None and extent.shape == (found["object"].ndim,):
            found["voxel_size"] = 1e9 * sound.value(extent) / np.array(found["object"].shape)
        for name in (*_KEPT, "metrics", "manifest"):
            own = nexus.dataset_at(file, f"{_OWN}/{name}")
            if own is not None:
                found[name] = sound.value(own)
        found |= _configured(file)
    return _first_mode(path, found)


def _properties(path: Path, file: h5py.File) -> Found:
    """What a `S*_postprocessed_data.cxi` of cdiutils holds; empty where it is another file."""
    made_by = nexus.dataset_at(file, "entry_1/process_1/command")
    if made_by is None or not nexus.text(made_by[()]).startswith("cdiutils"):
        return {}
    arrays: Found = {}
    for name in cdiutils.NAMES:
        for place in (f"entry_1/{name}/data", f"entry_1/result_1/{name}", f"entry_1/parameters_1/{name}"):
            dataset = nexus.dataset_at(file, place)
            if dataset is not None and name not in arrays:
                arrays[name] = _array(path, dataset)
    if not arrays.keys() >= cdiutils.NEEDED:
        return {}
    convention = nexus.dataset_at(file, "entry_1/parameters_1/convention")
    return cdiutils.of_properties(
        arrays, "cxi" if convention is None else nexus.text(sound.value(convention))
    )


def _configured(file: h5py.File) -> Found:
    """Shape and binning of the counts that PyNX phased, from its configuration."""
    found: Found = {}
    for parent in _PROCESSES:
        processes = [name for name in nexus.members(file, parent) if name.startswith("process")]
        for folder in (f"{parent}/{name}/configuration" for name in processes):
            shape, rebinned = (nexus.dataset_at(file, f"{folder}/{name}") for name in ("iobs_shape", "rebin"))
            if shape is not None:
                found.setdefault("counts_shape", sound.value(shape))
            if rebinned is not None:
                found.setdefault("rebinned", nexus.text(sound.value(rebinned)) or sound.value(rebinned))
    return found


def _array(path: Path, dataset: h5py.Dataset) -> Any:
    try:
        return sound.value(dataset)
    except (OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}::{dataset.name}: cannot be read, damaged ({reason})") from error


def _first_mode(path: Path, found: Found) -> Found:
    obj = found["object"]
    if obj.ndim != 4:
        return found
    if len(obj) > 1:
        warn(f"{path.name}: the first of {len(obj)} modes taken")
    found["object"] = obj[0]
    if "support" in found and found["support"].ndim == 4:
        found["support"] = found["support"][0]
    found.pop("voxel_size", None)
    return found


def write(file: BinaryIO, crystal: Crystal, manifest: Manifest) -> None:
    """Write PyNX's layout of an object; what PyNX has no place for is in `/entry_1/sayre_1`.

    Amplitude, phase, support, displacement, strain and spacing of the planes are plots too, with axes in nm:
    `/entry_1/NAME/data`.

    `image_1/process_1/results` has every metric, the mean log-likelihoods as `llk_poisson` and
    `free_llk_poisson` too. PyNX divides their sums by fewer voxels, those used less those of the support.

    Parameters
    ----------
    file
        Open for writing, binary.
    crystal
        What is written.
    manifest
        What made it.
    """
    file.write(hdf5.image(lambda h5: _build(h5, crystal, manifest)))


def _build(h5: h5py.File, crystal: Crystal, manifest: Manifest) -> None:
    h5.attrs["creator"] = "Sayre"
    h5.attrs["default"] = "entry_1"
    h5["cxi_version"] = 150
    entry = group_of(h5, "entry_1", "NXentry")
    entry.attrs["default"] = "data_1"
    entry["program_name"] = f"Sayre {__version__}"
    entry["start_time"] = manifest.created
    h5["entry_last"] = h5py.SoftLink("/entry_1")

    image = group_of(entry, "image_1", "NXdata")
    image.attrs["signal"] = "data"
    put(image, "data", crystal.object, "sqrt(counts)")
    put(image, "mask", crystal.support)
    image["support"] = h5py.SoftLink("/entry_1/image_1/mask")
    image["data_space"] = "real"
    image["data_type"] = "electron density"
    if crystal.voxel_size is not None:
        put(image, "image_size", 1e-9 * np.array(crystal.voxel_size) * crystal.shape, "m")
    _write_process(image, crystal, manifest)

    data = group_of(entry, "data_1", "NXdata")
    data.attrs["signal"] = "data"
    data.attrs["interpretation"] = "scaler" if crystal.object.ndim == 3 else "image"
    data["data"] = h5py.SoftLink("/entry_1/image_1/data")
    _write_axes(data, crystal)

    own = group_of(entry, "sayre_1", "NXcollection")
    for name in _KEPT:
        value = getattr(crystal, name)
        if value is not None:
            put(own, name, value, _UNITS.get(name))
    own["metrics"] = to_json(crystal.metrics)
    own["manifest"] = manifest.to_json()
    _write_fields(entry, crystal)


def _write_fields(entry: h5py.Group, crystal: Crystal) -> None:
    """Write every field as a plot of its own, `entry_1/NAME/data`, as cdiutils asks for them."""
    links = {"support": "/entry_1/image_1/mask"}
    arrays = {"amplitude": crystal.amplitude, "phase": np.where(crystal.support, crystal.phase, np.nan)}
    for name in ("displacement", "strain"):
        if getattr(crystal, name) is not None:
            links[name] = f"/{_OWN}/{name}"
    if crystal.spacing is not None:
        arrays["d_spacing"] = crystal.spacing
    for name in (*links, *arrays):
        group = group_of(entry, name, "NXdata")
        group.attrs["signal"] = "data"
        group.attrs["interpretation"] = "scaler" if crystal.object.ndim == 3 else "image"
        group["title"] = name
        if name in links:
            group["data"] = h5py.SoftLink(links[name])
        else:
            put(group, "data", arrays[name], _UNITS[name])
        _write_axes(group, crystal)


def _write_axes(group: h5py.Group, crystal: Crystal) -> None:
    """Write where the voxels are along each axis, from index `n // 2`."""
    names = (
        ("z", "y", "x") if crystal.axes is not None and crystal.orthogonal else ("rocking", "row", "column")
    )
    size = crystal.voxel_size or (1.0,) * crystal.object.ndim
    shown = names[-crystal.object.ndim :]
    group.attrs["axes"] = list(shown)
    for number, (name, step, n) in enumerate(zip(shown, size, crystal.shape, strict=True)):
        put(group, name, step * (np.arange(n) - n // 2), "nm" if crystal.voxel_size else "voxels")
        group.attrs[f"{name}_indices"] = number


def _write_process(image: h5py.Group, crystal: Crystal, manifest: Manifest) -> None:
    process = group_of(image, "process_1", "NXprocess")
    process["program"] = "Sayre"
    process["version"] = __version__
    process["command"] = manifest.command
    _write_values(group_of(process, "configuration", "NXcollection"), manifest.config)
    metrics = dict(crystal.metrics)
    for name, own in _ALIASES.items():
        if name not in metrics and isinstance(metrics.get(own), int | float):
            metrics[name] = metrics[own]
    metrics["nb_point_support"] = int(crystal.support.sum())
    _write_values(group_of(process, "results", "NXcollection"), metrics)


def _write_values(group: h5py.Group, values: Mapping[str, Any]) -> None:
    """Numbers and lists of them with units, a mapping of equal lists as a table, the rest as text."""
    for name, value in values.items():
        if value is None:
            continue
        key = str(name).replace("/", "_")
        if isinstance(value, Mapping) and value and _is_table(value):
            columns = {str(k): np.asarray(v) for k, v in value.items()}
            table = np.empty(len(next(iter(columns.values()))), [(k, v.dtype) for k, v in columns.items()])
            for column, numbers in columns.items():
                table[column] = numbers
            group.create_dataset(key, data=table, track_times=False).attrs["units"] = "1"
        elif not isinstance(value, Mapping) and _is_numeric(value):
            put(group, key, value, _UNITS.get(key))
        else:
            group[key] = value if isinstance(value, str) else to_json(value)


def _is_table(value: Mapping[str, Any]) -> bool:
    columns = list(value.values())
    return all(_is_numeric(c) and np.ndim(c) == 1 and len(c) == len(columns[0]) for c in columns)


def _is_numeric(value: Any) -> bool:
    try:
        array = np.asarray(value)
    except ValueError:
        return False
    return array.dtype.kind in "buif" and array.size > 0
