"""Where NeXus, CXI, EIGER and cdiutils files keep masks and geometry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np
from scipy.constants import c, e, h

from sayre.data.plausible import complaint
from sayre.errors import InputError
from sayre.files.hdf5.writing import OWN
from sayre.files.patterns.contents import positive
from sayre.files.safety import sound

_MASKS = (
    "sayre_1/mask",
    "instrument_1/detector_1/mask",
    "detector_1/mask",
    "data/mask",
    "instrument/detector/pixel_mask",
    "instrument/detector/detectorSpecific/pixel_mask",
)
_DETECTORS = ("instrument_1/detector_1", "detector_1", "instrument/detector")
_CUTOFFS = (
    "saturation_value",
    "countrate_correction_count_cutoff",
    "detectorSpecific/countrate_correction_count_cutoff",
)
_ENERGIES = (
    "instrument_1/beam_1/incident_energy",
    "instrument_1/source_1/energy",
    "source_1/energy",
    "instrument/beam/incident_energy",
    "instrument/monochromator/energy",
    "instrument/detector/detectorSpecific/photon_energy",
)
_WAVELENGTHS = ("instrument_1/beam_1/incident_wavelength", "instrument/beam/incident_wavelength")
_ENERGY_UNITS = {"j": 1 / e, "joule": 1 / e, "ev": 1.0, "kev": 1e3}
_LENGTH_UNITS = {
    "m": 1.0,
    "cm": 1e-2,
    "mm": 1e-3,
    "um": 1e-6,
    "µm": 1e-6,
    "nm": 1e-9,
    "angstrom": 1e-10,
    "å": 1e-10,
    "a": 1e-10,
}


def masks(file: h5py.File, beside: str) -> Iterator[h5py.Dataset]:
    """Masks in the usual places: beside the dataset named, then its entry's.

    Parameters
    ----------
    file
        The file, open.
    beside
        Path of the counts inside it.
    """
    folder, entry = f"/{beside.strip('/')}".rsplit("/", 1)[0], entry_of(file, beside)
    for place in (f"{folder}/mask", f"{folder}/pixel_mask", *(f"{entry}/{name}" for name in _MASKS)):
        found = dataset_at(file, place)
        if found is None and leads_nowhere(file, place):
            raise InputError(
                f"{file.filename}: the mask {place} is a link whose target is missing; copy the linked file "
                "too"
            )
        if found is not None and found.ndim in (2, 3) and found.dtype.kind in "buif":
            yield found


def facts(file: h5py.File, beside: str) -> dict[str, Any]:
    """Energy, geometry and reflection of the entry a dataset belongs to, by the names of `known_of`.

    Parameters
    ----------
    file
        The file, open.
    beside
        Path of the counts inside it.
    """
    entry = entry_of(file, beside)
    found: dict[str, Any] = {"energy": _energy(file, entry)}
    for detector in _DETECTORS:
        place = f"{entry}/{detector}"
        distance = _length(file, f"{place}/distance") or _length(file, f"{place}/detector_distance")
        column, row = _length(file, f"{place}/x_pixel_size"), _length(file, f"{place}/y_pixel_size")
        if distance:
            found.setdefault("distance", distance)
        if row or column:
            found.setdefault("pixel_size", (row or column, column or row))
        description = dataset_at(file, f"{place}/description")
        if description is not None and description.shape == ():
            found.setdefault("detector", text(sound.value(description)))
    for name in OWN:
        for group in ("sayre_1", "parameters_1"):
            own = dataset_at(file, f"{entry}/{group}/{name}")
            if own is not None:
                value = sound.value(own)
                found.setdefault(name, text(value) or value)
    return found


def cutoff(file: h5py.File, beside: str) -> float | None:
    """Counts from which on the detector does not count right, the lowest that the file states; None if none.

    Parameters
    ----------
    file
        The file, open.
    beside
        Path of the counts inside it.
    """
    entry, stated = entry_of(file, beside), []
    for detector in _DETECTORS:
        for name in _CUTOFFS:
            dataset = dataset_at(file, f"{entry}/{detector}/{name}")
            value = None if dataset is None or dataset.size != 1 else positive(sound.value(dataset), 1)
            if value is not None:
                stated.append(value[0])
    return min(stated, default=None)


def method_of(file: h5py.File, beside: str) -> str | None:
    """Name of the method that filled the counts at a path, where Sayre wrote it.

    Parameters
    ----------
    file
        The file, open.
    beside
        Path of the counts inside it.
    """
    found = dataset_at(file, f"{entry_of(file, beside)}/sayre_1/method")
    return None if found is None else text(sound.value(found))


def default(file: h5py.File) -> h5py.Dataset | None:
    """The dataset that the NeXus `default` and `signal` attributes lead to."""
    group: Any = file
    for _ in range(8):
        found = signal(group)
        if found is not None:
            return found
        group = child(group, text(group.attrs.get("default", "")))
        if group is None:
            return None
    return None


def signal(group: h5py.Group) -> h5py.Dataset | None:
    """The dataset that a group's `signal` attribute names."""
    found = dataset_at(group, text(group.attrs.get("signal", "")))
    return found if found is not None and found.dtype.kind in "uifc" else None


def text(value: Any) -> str:
    """A string as HDF5 may store it; empty for anything else."""
    value = value[0] if isinstance(value, np.ndarray) and value.size == 1 else value
    return (
        value.decode(errors="replace")
        if isinstance(value, bytes)
        else value
        if isinstance(value, str)
        else ""
    )


def entry_of(file: h5py.File, beside: str) -> str:
    """First part of a dataset's path, or the file's first entry for the root.

    Parameters
    ----------
    file
        The file, open.
    beside
        Path of the dataset inside it.
    """
    parts = beside.strip("/").split("/")
    if len(parts) > 1:
        return "/" + parts[0]
    names = [name for name in ("entry_1", "entry", *file) if isinstance(child(file, name), h5py.Group)]
    return f"/{names[0]}" if names else ""


def _energy(file: h5py.File, entry: str) -> float | None:
    """Photon energy in eV; a number without a unit is taken for J or eV by its size, never guessed as keV.

    The first that is plausible, else the first of all, for the reader to warn of.
    """
    implausible = None
    for name in _ENERGIES:
        dataset = dataset_at(file, f"{entry}/{name}")
        value = None if dataset is None or dataset.size != 1 else positive(sound.value(dataset), 1)
        if dataset is None or value is None:
            continue
        unit = _unit(dataset) or ("J" if value[0] < 1e-10 else "eV")
        if unit.lower() in _ENERGY_UNITS:
            energy = float(value[0] * _ENERGY_UNITS[unit.lower()])
            if complaint("energy", energy) is None:
                return energy
            implausible = implausible or energy
    for name in _WAVELENGTHS:
        wavelength = _length(file, f"{entry}/{name}")
        if wavelength and wavelength < 1e-6:
            return float(h * c / (wavelength * e))
    return implausible


def _length(file: h5py.File, place: str) -> float | None:
    """A positive length in m; without a unit it is one in m."""
    dataset = dataset_at(file, place)
    value = None if dataset is None or dataset.size != 1 else positive(sound.value(dataset), 1)
    if dataset is None or value is None:
        return None
    factor = _LENGTH_UNITS.get((_unit(dataset) or "m").lower())
    return None if factor is None else value[0] * factor


def _unit(dataset: h5py.Dataset) -> str:
    """Unit from the attribute, or from a dataset `units` beside it as cdiutils writes it."""
    beside = dataset_at(dataset.parent, "units") if "units" not in dataset.attrs else None
    return text(dataset.attrs.get("units", "") if beside is None else sound.value(beside))


def dataset_at(group: h5py.Group, place: str) -> h5py.Dataset | None:
    """Return the dataset at a path, None where there is none.

    Parameters
    ----------
    group
        Group or file, open.
    place
        Path inside it.
    """
    found = child(group, place)
    return found if isinstance(found, h5py.Dataset) and found.shape is not None else None


def members(file: h5py.Group, place: str) -> tuple[str, ...]:
    """Names in the group at a path, none where there is no group.

    Parameters
    ----------
    file
        Group or file, open.
    place
        Path inside it.
    """
    group = child(file, place)
    return tuple(group) if isinstance(group, h5py.Group) else ()


def leads_nowhere(group: h5py.Group, place: str) -> bool:
    """Whether a path, or a part of it, is a link whose target is missing or cannot be read.

    Parameters
    ----------
    group
        Group or file, open.
    place
        Path inside it.
    """
    steps = [step for step in place.split("/") if step]
    for step in steps:
        try:
            if not isinstance(group, h5py.Group) or group.get(step, getlink=True) is None:
                return False
        except (KeyError, OSError, RuntimeError, ValueError):
            return False
        inner = child(group, step)
        if inner is None:
            return True
        group = inner
    return False


def child(group: h5py.Group, place: str) -> Any:
    """Return what is at a path, None where nothing is or a link is broken.

    Parameters
    ----------
    group
        Group or file, open.
    place
        Path inside it.
    """
    try:
        return group[place] if place and place.strip("/") else None
    except (KeyError, OSError, RuntimeError, ValueError):
        return None
