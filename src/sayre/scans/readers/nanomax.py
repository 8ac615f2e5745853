"""MAX IV NanoMAX: an HDF5 file a scan, `000123.h5`.

Layout, by cdiutils (`io/nanomax.py`), pyCXIM (`scan_reader/MAXIV`) and bcdi (`experiment/loader.py`): frames
in `/entry/measurement/DETECTOR/frames`, what moved in `/entry/measurement` (`gontheta`, `gonphi`), the other
motors in `/entry/snapshots/pre_scan` and `post_scan` (before, `/entry/snapshot`), `energy` in eV; the
command in `/entry/description`, the ion chamber in `/entry/measurement/alba2/1`. The distance is not in the
file.
"""

from __future__ import annotations

import re
from pathlib import Path

import h5py

from sayre.files.hdf5 import nexus
from sayre.files.hdf5.tree import opened
from sayre.scans.layouts import hdf5_parts as parts
from sayre.scans.layouts.circles import SAMPLE, axis_of, stances
from sayre.scans.layouts.spec import step_of
from sayre.scans.layouts.units import with_value
from sayre.scans.protocol import Entry, Motor, RawScan, Values, facts
from sayre.scans.rocking import ENERGY

DETECTORS = {
    "merlin": ("merlin", 55e-6),
    "eiger500k": ("eiger-500k", 75e-6),
    "eiger1m": ("eiger-1m", 75e-6),
    "eiger4m": ("eiger-4m", 75e-6),
}
"""Names of gaps, and pixels in m."""
MEASURED = "entry/measurement"
_SNAPSHOTS = ("entry/snapshots/pre_scan", "entry/snapshots/post_scan", "entry/snapshot")


class NanoMax:
    """Reader of NanoMAX."""

    name = "NanoMAX"

    def detects(self, path: Path) -> bool:
        """Whether an HDF5 file has snapshots of motors beside the measurement."""
        with parts.looked_into(path) as file:
            return file is not None and any(nexus.child(file, place) is not None for place in _SNAPSHOTS)

    def entries(self, path: Path) -> list[Entry]:
        """Return the one scan of a file, whose number is its name.

        Parameters
        ----------
        path
            A file of NanoMAX.
        """
        with opened(path) as file:
            number = re.search(r"(\d+)$", path.stem)
            title = parts.text(file, "entry/description")
            return [Entry(str(int(number[1])) if number else "1", title, tuple(_detectors(file)))]

    def open(self, path: Path, number: str, *, detector: str | None, frames: Path | None) -> RawScan:
        """Describe the scan; see `sayre.scans.protocol.Reader`.

        Parameters
        ----------
        path, number, detector, frames
            As the protocol has them.
        """
        what = f"{path}::{number}"
        with opened(path) as file:
            there = _detectors(file)
            name = parts.only_detector(list(there), detector, what)
            title = parts.text(file, "entry/description")
            stood, source = _stood(file)
            count = parts.frames_in(there[name][1])
            measured = _measured(file, count)
            circles = {circle for one in SAMPLE["nanomax"] for circle in one.names}
            moved = [
                Motor(motor, values, axis_of(SAMPLE["nanomax"], motor, stood))
                for motor, values in measured.items()
                if motor in circles or motor in title.split() or motor.lower() in ENERGY
            ]
            stated = facts(beamline=("nanomax", "layout of the file"))
            if "gamma" in stood and "delta" in stood:
                angles = (stood["gamma"], stood["delta"])
                stated = facts(angles=(angles, f"gamma and delta of {source}")).over(stated)
            energy = stood.get("energy")
            stated = with_value(stated, "energy", energy, "", f"energy of {source}", usual="eV")
            gaps, pixel = DETECTORS.get(name.lower(), (None, None))
            stated = with_value(stated, "pixel_size", pixel, "m", f"detector {name}", usual="m")
            return RawScan(
                number=number,
                title=title,
                layout=self.name,
                detector=name,
                dataset=f"/{there[name][0]}",
                files=parts.linked_files(path, file, there[name][0]),
                geometry=stated,
                moved=moved,
                motors=stood,
                counters={key: values for key, values in measured.items() if key not in circles},
                monitor="alba2/1" if "alba2/1" in measured else None,
                step=step_of(title),
                sample=stances(SAMPLE["nanomax"], stood),
                gaps=gaps,
                read=parts.frames_reader(path, there[name][0]),
                regions=True,
            )


READER = NanoMax()


def _detectors(file: h5py.File) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Place and shape of the frames, by detector."""
    found = dict[str, tuple[str, tuple[int, ...]]]()
    measured = nexus.child(file, MEASURED)
    for name in measured if isinstance(measured, h5py.Group) else ():
        group = nexus.child(measured, name)
        shapes = parts.stacks(group)
        for key in ("frames", "data"):
            if key in shapes:
                found.setdefault(name, (f"{MEASURED}/{name}/{key}", shapes[key]))
    return found


def _stood(file: h5py.File) -> tuple[dict[str, float], str]:
    """Motors by name, and where they are from."""
    for place in _SNAPSHOTS:
        group = nexus.child(file, place)
        if isinstance(group, h5py.Group):
            values = {name: parts.number(group, name) for name in group}
            return {name: value for name, value in values.items() if value is not None}, place.split("/")[-1]
    return {}, "no snapshot"


def _measured(file: h5py.File, count: int) -> dict[str, Values]:
    """What was measured at every frame: motors and counters."""
    found = {}
    for name in (*nexus.members(file, MEASURED), *(f"alba2/{number}" for number in range(1, 5))):
        values = parts.numbers(file, f"{MEASURED}/{name}")
        if values is not None and values.size >= count > 1:
            found[name] = values
    return found
