"""What NeXus files of SOLEIL share: a group a scan, with `scan_data` and the devices of the beamline.

Layout, by cdiutils (`io/cristal.py`, `io/sixs.py`) and bcdi (`experiment/loader.py`): frames and counters
are `scan_data/data_01`, `data_02`, …, motors that moved `scan_data/actuator_1_1`, …; the position of a
device is in `DEVICE/position`. Several of the data may be stacks of frames, of several detectors.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py

from sayre.crystal.stated import StatedGeometry
from sayre.files.hdf5 import nexus
from sayre.files.hdf5.tree import opened
from sayre.scans.layouts import hdf5_parts as parts
from sayre.scans.protocol import Entry, Motor, RawScan, Stance, Values


@dataclass(frozen=True, kw_only=True)
class Described:
    """What a beamline of its own states of a scan; fields as those of `sayre.scans.protocol.RawScan`."""

    geometry: StatedGeometry
    moved: Sequence[Motor] | None
    motors: Mapping[str, float]
    sample: Sequence[Stance] = ()
    remarks: Sequence[str] = ()


class SoleilReader(ABC):
    """What readers of SOLEIL share; `name` is that of the beamline and of the group of its devices."""

    name: str

    @abstractmethod
    def describe(
        self,
        file: h5py.File,
        scan: str,
        title: str,
        shape: tuple[int, ...],
        pixel: tuple[float, float] | None,
    ) -> Described:
        """Describe motors and geometry of a scan.

        Parameters
        ----------
        file
            The file, open.
        scan, title
            Group and command of the scan.
        shape
            Of the frames.
        pixel
            Size of a pixel in m, None unless their shape tells the detector.
        """

    def open(self, path: Path, number: str, *, detector: str | None, frames: Path | None) -> RawScan:
        """Describe a scan; see `sayre.scans.protocol.Reader`.

        Parameters
        ----------
        path, number, detector, frames
            As the protocol has them.
        """
        with opened(path) as file:
            scan = next(one for one in scans_of(file, self.name) if number_of(one, path) == number)
            shapes = parts.stacks(nexus.child(file, f"{scan}/scan_data"))
            name = parts.only_detector(list(shapes), detector, f"{path}::{number}")
            place = f"{scan}/scan_data/{name}"
            gaps, pixel = parts.by_shape(shapes[name])
            title = parts.text(file, f"{scan}/scan_config/name")
            described = self.describe(file, scan, title, shapes[name], pixel)
            counters = counters_of(file, scan, parts.frames_in(shapes[name]))
            return RawScan(
                number=number,
                title=title,
                layout=self.name,
                detector=name,
                dataset=f"/{place}",
                files=parts.linked_files(path, file, place),
                geometry=described.geometry,
                moved=described.moved,
                motors=described.motors,
                counters={key: values for key, values in counters.items() if not key.startswith("actuator")},
                sample=described.sample,
                gaps=gaps,
                remarks=described.remarks,
                read=parts.frames_reader(path, place),
                regions=True,
            )

    def detects(self, path: Path) -> bool:
        """Whether an HDF5 file has a group of scans with devices of the beamline."""
        with parts.looked_into(path) as file:
            return bool(scans_of(file, self.name))

    def entries(self, path: Path) -> list[Entry]:
        """List the scans.

        Parameters
        ----------
        path
            A file of the beamline.
        """
        with opened(path) as file:
            return entries_of(path, file, self.name)


def scans_of(file: h5py.File | None, beamline: str) -> list[str]:
    """Return the names of the groups that are scans of a beamline.

    Parameters
    ----------
    file
        The file, open; None has none.
    beamline
        Name of the group of its devices.
    """
    if file is None:
        return []
    return [
        name
        for name in file
        if nexus.child(file, f"{name}/{beamline}") is not None
        and isinstance(nexus.child(file, f"{name}/scan_data"), h5py.Group)
    ]


def number_of(name: str, path: Path) -> str:
    """Return the number of a scan: that in the name of its group, else the last in the name of the file.

    Parameters
    ----------
    name
        Of the group.
    path
        Of the file.
    """
    found = re.search(r"(\d+)$", name) or re.search(r"(\d+)$", path.stem)
    return str(int(found[1])) if found else "1"


def entries_of(path: Path, file: h5py.File, beamline: str) -> list[Entry]:
    """List the scans of a file.

    Parameters
    ----------
    path
        Of the file.
    file
        The file, open.
    beamline
        Name of the group of its devices.
    """
    return [
        Entry(
            number_of(name, path),
            parts.text(file, f"{name}/scan_config/name") or name,
            tuple(parts.stacks(nexus.child(file, f"{name}/scan_data"))),
        )
        for name in scans_of(file, beamline)
    ]


def position(file: h5py.File, devices: str, name: str) -> tuple[str, float] | None:
    """Return path and position of the first device whose name ends like `name`; case does not matter.

    Parameters
    ----------
    file
        The file, open.
    devices
        Path of the group that holds the devices, or groups of them.
    name
        End of the device's name.
    """
    group = nexus.child(file, devices)
    for device in group if isinstance(group, h5py.Group) else ():
        if re.search(rf"(^|[-_./]){re.escape(name)}$", device, re.IGNORECASE):
            for key in ("position", "position_pre", "value"):
                found = parts.number(group, f"{device}/{key}")
                if found is not None:
                    return f"{device}/{key}", found
    return None


def counters_of(file: h5py.File, name: str, count: int) -> dict[str, Values]:
    """Return the numbers a frame in `scan_data`, by name.

    Parameters
    ----------
    file
        The file, open.
    name
        Of the group of the scan.
    count
        How many frames there are.
    """
    found = {}
    for key in nexus.members(file, f"{name}/scan_data"):
        values = parts.numbers(file, f"{name}/scan_data/{key}")
        if values is not None and values.size >= count > 1:
            found[key] = values
    return found
