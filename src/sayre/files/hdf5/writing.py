"""The NeXus file that Sayre writes, and the parts of it that its CXI files have too."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray
from scipy.constants import c, e, h

from sayre.data import FilledPattern, Manifest, Pattern
from sayre.files.patterns.contents import Output, known_of, pattern_of

OWN = (
    "hkl",
    "grid_step",
    "origin",
    "binning",
    "corrections",
    "divided_by",
    "geometry",
    "left",
    "readout",
)
"""Facts that have no place in NeXus, in the group `sayre_1`."""
_UNITS = {
    "intensity": "counts",
    "expectation": "counts",
    "amplitude": "sqrt(counts)",
    "grid_step": "1/angstrom",
}


def write(h5: h5py.File, arrays: dict[str, NDArray[Any]], what: Output, manifest: Manifest) -> None:
    """Fill a NeXus file: arrays in `/entry/data`, instrument beside it, the rest in `/entry/sayre_1`.

    Parameters
    ----------
    h5
        The file, open for writing.
    arrays
        Arrays by name, `intensity` first.
    what
        The pattern that they are of.
    manifest
        What made it.
    """
    h5.attrs["default"] = "entry"
    entry = group_of(h5, "entry", "NXentry")
    entry.attrs["default"] = "data"
    data = group_of(entry, "data", "NXdata")
    data.attrs["signal"] = "data"
    put(data, "data", arrays["intensity"], "counts")
    data["intensity"] = h5py.SoftLink("/entry/data/data")  # the name that Sayre 0.1 gave the counts
    for name, array in arrays.items():
        if name != "intensity":
            put(data, name, array)
    _write_axes(data, pattern_of(what))
    meta = pattern_of(what).meta
    instrument = group_of(entry, "instrument", "NXinstrument")
    write_beam(group_of(instrument, "beam", "NXbeam"), meta.energy, unit="eV")
    write_detector(group_of(instrument, "detector", "NXdetector"), pattern_of(what))
    write_own(entry, what, manifest)


def _write_axes(data: h5py.Group, pattern: Pattern) -> None:
    """Write numbers of frames, rows and columns, those of the file that was read first, as axes of a plot."""
    names = ("frame", "row", "column")[-len(pattern.shape) :]
    data.attrs["axes"] = list(names)
    for number, (name, n) in enumerate(zip(names, pattern.shape, strict=True)):
        first = 0 if pattern.meta.origin is None else pattern.meta.origin[number]
        step = 1 if pattern.meta.binning is None else pattern.meta.binning[number]
        put(data, name, first + step * np.arange(n))
        data.attrs[f"{name}_indices"] = number


def write_beam(beam: h5py.Group, energy: float | None, *, unit: str) -> None:
    """Write the energy and the wavelength of the beam.

    Parameters
    ----------
    beam
        An NXbeam group.
    energy
        eV; None writes nothing.
    unit
        "eV", or "J" as CXI has it.
    """
    if energy is not None:
        put(beam, "incident_energy", energy * (e if unit == "J" else 1), unit)
        put(beam, "incident_wavelength", h * c / (energy * e), "m")


def write_detector(detector: h5py.Group, pattern: Pattern) -> None:
    """Write what is known of distance, pixel size (in m) and name of the detector.

    Parameters
    ----------
    detector
        An NXdetector group.
    pattern
        Counts from that detector.
    """
    meta = pattern.meta
    if meta.distance is not None:
        put(detector, "distance", meta.distance, "m")
    if meta.pixel_size is not None:
        put(detector, "x_pixel_size", meta.pixel_size[1], "m")
        put(detector, "y_pixel_size", meta.pixel_size[0], "m")
    if meta.detector is not None:
        detector["description"] = meta.detector


def write_own(entry: h5py.Group, what: Output, manifest: Manifest) -> h5py.Group:
    """Write what has no NeXus place: reflection, grid, method and manifest.

    Parameters
    ----------
    entry
        An NXentry group.
    what
        A pattern, measured, filled or simulated.
    manifest
        What made it.
    """
    own = group_of(entry, "sayre_1", "NXcollection")
    known = known_of(pattern_of(what))
    for name in sorted(known.keys() & set(OWN)):
        if isinstance(known[name], str):
            own[name] = known[name]
        else:
            put(own, name, known[name])
    if isinstance(what, FilledPattern):
        own["method"] = what.method
    own["manifest"] = manifest.to_json()
    return own


def put(group: h5py.Group, name: str, value: Any, unit: str | None = None) -> None:
    """Write one dataset with its `units`; arrays compressed, masks as 0 and 1.

    Parameters
    ----------
    group
        Where the dataset is written.
    name
        Of the dataset.
    value
        A number or an array.
    unit
        Of the value; None takes the one that is usual for the name.
    """
    array = np.asarray(value)
    array = array.astype(np.int8) if array.dtype == np.bool_ else array
    options = {"chunks": True, "compression": "gzip", "shuffle": True} if array.ndim > 1 else {}
    dataset = group.create_dataset(name, data=array, track_times=False, **options)
    dataset.attrs["units"] = unit or _UNITS.get(name, "1")


def group_of(parent: h5py.Group, name: str, nexus_class: str) -> h5py.Group:
    """Create a group with its `NX_class`.

    Parameters
    ----------
    parent
        Group to write in.
    name, nexus_class
        Of the new group.
    """
    group = parent.create_group(name)
    group.attrs["NX_class"] = nexus_class
    return group
