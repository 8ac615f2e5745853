"""CXI files as PyNX writes diffraction data (`cxi_version` 140), and as cdiutils writes preprocessed data.

PyNX marks voxels inside its intensity array: ≤ −1e38 masked; −(I + 1)·1e19 masked with an estimate;
−(I + 1) measured but left out of the fit for the free log-likelihood.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO, Literal

import h5py
import numpy as np
from numpy.typing import NDArray

from sayre._version import __version__
from sayre.data import FilledPattern, Manifest
from sayre.errors import InputError
from sayre.files.hdf5 import nexus, writing
from sayre.files.hdf5.tree import find_counts, named, opened
from sayre.files.patterns import hdf5
from sayre.files.patterns.companions import Kind
from sayre.files.patterns.contents import Contents, Output, arrays_of, pattern_of
from sayre.files.patterns.region import Region, of_frame
from sayre.files.safety import sound

Fill = Literal["data", "interpolated"]

_DATA = (
    "entry_1/instrument_1/detector_1/data",
    "entry_1/cropped_detector_data/data",
    "entry_1/cropped_detector_data",
    "entry_1/image_1/data",
    "entry_1/data_1/data",
)
_ESTIMATE = np.float32(-1e19)
_WRITERS = {"pynx", "sayre"}


def read(path: Path, inside: str | None = None, region: Region | None = None) -> Contents:
    """Read the counts of a CXI file; PyNX's marks become a mask and counts.

    Parameters
    ----------
    path
        The file.
    inside
        Path of a dataset inside it; None looks in the usual places.
    region
        Part of the counts that is read, one slice an axis; None reads all.
    """
    with opened(path) as file:
        return contents(path, file, inside, region)


def read_mask(path: Path, inside: str | None = None) -> NDArray[Any]:
    """Read the mask of a CXI file: the one stored, else that in PyNX's marks.

    Parameters
    ----------
    path
        The file.
    inside
        Path of a dataset inside it; None looks in the usual places.
    """
    with opened(path) as file:
        stored = inside or next(nexus.masks(file, "/entry_1/image_1/data"), None)
        if stored is None and any(nexus.dataset_at(file, place) for place in _DATA):
            mask = contents(path, file).mask
            if mask is None:
                raise InputError(f"{path}: holds no mask; name one as {path.name}::/path/to/dataset")
            return mask
    return hdf5.read_mask(path, inside)


def contents(
    path: Path, file: h5py.File, inside: str | None = None, region: Region | None = None
) -> Contents:
    """Contents of an open CXI file.

    Parameters
    ----------
    path
        Name of the file, for messages.
    file
        The file, open.
    inside
        Path of a dataset inside it; None looks in the usual places.
    region
        Part of the counts that is read; None reads all.
    """
    place, dataset = (inside, named(path, file, inside)) if inside else _counts(path, file)
    shifted = nexus.dataset_at(dataset.parent, "is_fft_shifted")
    turned = shifted is not None and np.any(sound.value(shifted))
    if turned and region is not None:
        raise InputError(f"{path}: its counts have the origin in a corner; read them without `roi=`")
    counts, missing, shape = hdf5.read_blocks(path, {place: dataset}, region)
    mask = hdf5.with_missing(hdf5.mask_for(path, file, place, shape, region), missing)
    beside, remarks = hdf5.read_beside(path, file, place)
    if turned:
        counts = np.fft.fftshift(counts)
        mask = None if mask is None else np.fft.fftshift(mask)
        beside = {name: np.fft.fftshift(array) for name, array in beside.items()}
    facts = nexus.facts(file, place)
    if dataset.dtype.kind == "f":
        creator = nexus.text(file.attrs.get("creator", ""))
        marked = decode(counts, made_by=creator, noisy="readout" in facts)
        mask = _union(mask, marked)
    return Contents(
        counts=counts,
        stored=dataset.dtype,
        mask=mask,
        known=facts,
        beside=beside,
        remarks=(*remarks, *hdf5.unmapped_said(missing)),
        region=of_frame(region),
        cutoff=nexus.cutoff(file, place),
    )


def read_companion(path: Path, inside: str | None, kind: Kind) -> NDArray[Any]:
    """Read a white or dark field, as `sayre.files.patterns.hdf5.read_companion`.

    Parameters
    ----------
    path
        The file.
    inside
        Path of a dataset inside it.
    kind
        What is looked for.
    """
    return hdf5.read_companion(path, inside, kind)


def decode(
    counts: NDArray[np.float32], *, made_by: str = "", noisy: bool = False
) -> NDArray[np.bool_] | None:
    """Resolve PyNX's marks in place; return the mask they hold, None if there is none.

    Values between −1e19 and 0 are free voxels only where PyNX's marks are in use: in a file of PyNX or
    Sayre, or beside masked voxels. Elsewhere they are negative numbers like any other.

    Parameters
    ----------
    counts
        float32, any shape; marks are replaced in place.
    made_by
        Program that the file names as its creator.
    noisy
        Whether counts may be negative, so that no negative number is a free voxel.
    """
    missing = counts <= _ESTIMATE
    if not noisy and (missing.any() or made_by.lower() in _WRITERS):
        free = (counts <= -1) & ~missing
        counts[free] = -counts[free] - 1
    if not missing.any():
        return None
    counts[missing] = 0
    return missing


def encode(filled: FilledPattern) -> NDArray[np.float32]:
    """Counts with the filled voxels as PyNX's estimates, −(I + 1)·1e19.

    An estimate of 0 is written one step below −1e19, so that no rounding makes it a free voxel.
    """
    estimate = np.minimum((filled.intensity + 1) * _ESTIMATE, np.nextafter(_ESTIMATE, np.float32(-np.inf)))
    return np.where(filled.pattern.mask, estimate, filled.intensity).astype(np.float32)


def write(file: BinaryIO, what: Output, manifest: Manifest, fill: Fill = "data") -> None:
    """Write PyNX's layout of diffraction data.

    A `FilledPattern` has no `mask` in `detector_1`, so that PyNX uses every voxel: with `fill="data"`
    the filled voxels are plain counts; with `fill="interpolated"` they are PyNX's estimates, which
    `pynx.cdi.CDI` keeps within a factor while phasing if it is given no mask. PyNX's command line
    sets negative values to 0 before it gets there, so estimates are for use from Python. The mask of
    the measurement and `sigma` are in `/entry_1/sayre_1`. Other patterns have `mask` in `detector_1`
    where anything is masked.

    Parameters
    ----------
    file
        Open for writing, binary.
    what
        A pattern, measured, filled or simulated.
    manifest
        What made it.
    fill
        How filled voxels are stored: "data" or "interpolated".
    """
    file.write(hdf5.image(lambda h5: _build(h5, what, manifest, fill)))


def _build(h5: h5py.File, what: Output, manifest: Manifest, fill: Fill) -> None:
    arrays, pattern = arrays_of(what), pattern_of(what)
    h5.attrs["creator"] = "Sayre"
    h5.attrs["default"] = "entry_1"
    h5["cxi_version"] = 140
    entry = writing.group_of(h5, "entry_1", "NXentry")
    entry.attrs["default"] = "data_1"
    entry["program_name"] = f"Sayre {__version__}"
    entry["start_time"] = manifest.created

    instrument = writing.group_of(entry, "instrument_1", "NXinstrument")
    detector = writing.group_of(instrument, "detector_1", "NXdetector")
    writing.write_detector(detector, pattern)
    counts = arrays.pop("intensity")
    if isinstance(what, FilledPattern):
        counts = encode(what) if fill == "interpolated" else counts
    elif pattern.mask.any():
        writing.put(detector, "mask", pattern.mask)
    writing.put(detector, "data", counts, "counts")
    if pattern.meta.energy is not None:
        writing.write_beam(writing.group_of(instrument, "beam_1", "NXbeam"), pattern.meta.energy, unit="J")
        source = writing.group_of(instrument, "source_1", "NXsource")
        source["energy"] = instrument["beam_1/incident_energy"][()]
        source["energy"].attrs["units"] = "J"

    data = writing.group_of(entry, "data_1", "NXdata")
    data.attrs["signal"] = "data"
    data.attrs["interpretation"] = "image"
    data["data"] = h5py.SoftLink("/entry_1/instrument_1/detector_1/data")
    process = writing.group_of(data, "process_1", "NXprocess")
    process["program"] = "Sayre"
    process["version"] = __version__
    process["command"] = manifest.command

    own = writing.write_own(entry, what, manifest)
    for name, array in arrays.items():
        if name != "mask" or isinstance(what, FilledPattern):
            writing.put(own, name, array)


def _counts(path: Path, file: h5py.File) -> tuple[str, h5py.Dataset]:
    """The counts where PyNX and cdiutils keep them, else the only array."""
    for place in _DATA:
        found = nexus.dataset_at(file, place)
        if found is not None:
            return place, found
    return next(iter(find_counts(path, file).items()))


def _union(mask: NDArray[Any] | None, marked: NDArray[np.bool_] | None) -> NDArray[Any] | None:
    if mask is None or marked is None:
        return marked if mask is None else mask
    union: NDArray[np.bool_] = (mask != 0) | marked
    return union
