"""White fields, dark fields and bad pixels in HDF5, NeXus, CXI and EIGER files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from sayre.files.hdf5 import nexus
from sayre.files.patterns.companions import kind_of
from sayre.files.safety import sound

_DETECTORS = (
    "instrument/detector/detectorSpecific",
    "instrument/detector",
    "instrument_1/detector_1",
    "detector_1",
)
_EIGER = "/detectorSpecific"
_APPLIED = ("flatfield_applied", "flatfield_correction_applied", "whitefield_applied")


def find_beside(path: Path, file: h5py.File, place: str) -> tuple[dict[str, h5py.Dataset], tuple[str, ...]]:
    """Find the companions of the counts at `place`, and say which cannot be used as they are.

    A flat field that the file states as applied is left out. NeXus defines `flatfield` of a detector as the
    response of its pixels, but what EIGER detectors keep in `detectorSpecific` may be the factors that they
    multiply by. It is taken where the file states that it was not applied, and mentioned elsewhere.

    Parameters
    ----------
    path
        Name of the file, for messages.
    file
        The file, open.
    place
        Path of the counts inside it.

    Returns
    -------
    beside
        Datasets by their path inside the file.
    remarks
        What a user should know of the others.
    """
    applied = _states_applied(file, place)
    beside: dict[str, h5py.Dataset] = {}
    remarks: list[str] = []
    for where, dataset in _found(file, place):
        if kind_of(where) == "flat" and applied:
            continue
        if kind_of(where) == "flat" and not _is_response(file, where, applied):
            remarks.append(_doubt(path, where, applied))
            continue
        beside[where] = dataset
    return beside, tuple(remarks)


def _found(file: h5py.File, place: str) -> Iterator[tuple[str, h5py.Dataset]]:
    """Companions of the counts by their path: of the detector, then of the group of the counts."""
    seen: set[Any] = set()
    for where in (*_detectors(file, place), f"/{place.strip('/')}".rsplit("/", 1)[0] or "/"):
        group = file if where == "/" else nexus.child(file, where)
        if not isinstance(group, h5py.Group):
            continue
        for name in group:
            dataset = nexus.dataset_at(group, name) if kind_of(name) else None
            if dataset is None or dataset in seen or dataset.ndim not in (2, 3):
                continue
            if dataset.dtype.kind in "buif" and dataset != nexus.dataset_at(file, place):
                seen.add(dataset)
                yield f"{where.rstrip('/')}/{name}", dataset


def _detectors(file: h5py.File, place: str) -> list[str]:
    return [f"{nexus.entry_of(file, place)}/{name}" for name in _DETECTORS]


def _states_applied(file: h5py.File, place: str) -> bool | None:
    """Whether the file states that a flat field was applied; None where it states nothing."""
    places = [*_detectors(file, place), f"/{place.strip('/')}".rsplit("/", 1)[0]]
    flags = [nexus.dataset_at(file, f"{where}/{name}") for where in places for name in _APPLIED]
    stated = [_is_true(flag) for flag in flags if flag is not None]
    return any(stated) if stated else None


def _is_true(flag: h5py.Dataset) -> bool:
    if flag.dtype.kind in "buif":
        return bool(np.any(sound.value(flag)))
    return nexus.text(sound.value(flag)).strip().lower() in ("true", "yes", "1")


def _doubt(path: Path, where: str, applied: bool | None) -> str:
    stated = "was not applied" if applied is False else "may have been applied"
    if where.rsplit("/", 1)[0].endswith(_EIGER):
        return (
            f"{where} is not used: it {stated}, and may hold factors to multiply counts by; "
            "`flat=FILE` divides by a white field"
        )
    return f"{where} is not used: it {stated}; `flat='{path}::{where}'` divides by it"


def _is_response(file: h5py.File, where: str, applied: bool | None) -> bool:
    """Whether counts are surely to be divided by the flat field at `where`."""
    folder, name = where.rsplit("/", 1)
    if name.lower().replace("_", "") == "whitefield":
        return True
    if folder.endswith(_EIGER):
        return False
    of_detector = nexus.text(file[folder or "/"].attrs.get("NX_class", "")) == "NXdetector" or any(
        folder.endswith(f"/{known}") for known in _DETECTORS
    )
    return applied is False or not of_detector
