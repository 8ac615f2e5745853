"""ESRF ID01 and ID27: HDF5 files of BLISS.

Layout, by cdiutils (`io/id01.py`, `io/id27.py`), bcdi (`experiment/loader.py`) and cohere-ui (`beamlines/
esrf_id01`): a group `NUMBER.1` or `SAMPLE_NUMBER.1` a scan, with the command in `title`, frames and counters
in `measurement`, motors in `instrument/positioners` (an array where they moved; `mononrj` in keV), and a
group a detector in `instrument` with `beam_center_x`, `beam_center_y` (pixels at zero angles),
`x_pixel_size`, `y_pixel_size` and `distance` (m). ID27 has no arm: its detector stands, and the energy
follows from `instrument/calibration/wavelength` (Å); what its files state of the detector is not kept up to
date.
"""

from __future__ import annotations

import re
from pathlib import Path

import h5py
import numpy as np
from scipy.constants import c, e, h

from sayre.crystal.stated import StatedGeometry
from sayre.errors import InputError
from sayre.files.hdf5 import nexus
from sayre.files.hdf5.tree import opened
from sayre.scans.layouts import hdf5_parts as parts
from sayre.scans.layouts.circles import SAMPLE, axis_of, stances
from sayre.scans.layouts.spec import step_of
from sayre.scans.layouts.units import with_value
from sayre.scans.protocol import Entry, Motor, RawScan, Values, facts

GAPS = {"mpx1x4": "maxipix", "mpxgaas": "maxipix", "eiger2m": "eiger-2m"}
"""Detectors whose gaps are known, by their names at the beamline in lower case."""
_CIRCLES = {name for circle in (*SAMPLE["id01"], *SAMPLE["id27"]) for name in circle.names}
_SCAN = re.compile(r".*\d\.\d+")
_ENERGIES = (
    "instrument/positioners/mononrj",
    "instrument/positioners/nrj",
    "instrument/monochromator/Energy",
)


class Bliss:
    """Reader of files of BLISS."""

    name = "BLISS"

    def detects(self, path: Path) -> bool:
        """Whether an HDF5 file has groups `N.1` with measurement and positioners."""
        with parts.looked_into(path) as file:
            return file is not None and any(_is_scan(file, name) for name in file)

    def entries(self, path: Path) -> list[Entry]:
        """List the scans in the order of their numbers.

        Parameters
        ----------
        path
            A file of BLISS.
        """
        with opened(path) as file:
            found = [
                Entry(name, parts.text(file, f"{name}/title"), tuple(_detectors(file, name)))
                for name in file
                if _is_scan(file, name)
            ]
        return sorted(found, key=lambda entry: [int(n) for n in re.findall(r"\d+", entry.number)][-2:])

    def open(self, path: Path, number: str, *, detector: str | None, frames: Path | None) -> RawScan:
        """Describe a scan; see `sayre.scans.protocol.Reader`.

        Parameters
        ----------
        path, number, detector, frames
            As the protocol has them.
        """
        what = f"{path}::{number}"
        with opened(path) as file:
            measured = file[f"{number}/measurement"]
            lost = parts.lost_links(measured)
            there = list(_detectors(file, number))
            if lost and detector not in there and (detector in lost or not there):
                name = detector if detector in lost else next(iter(lost))
                raise InputError(
                    f"{what}: the frames of {name} are in {lost[name]}, which is missing; put it there"
                )
            name = parts.only_detector(there, detector, what)
            count = parts.frames_in(_detectors(file, number)[name])
            place = f"{number}/measurement/{name}"
            group = f"{number}/instrument/{name}"
            motors, moved = _motors(file, number)
            line = "id27" if "nath" in motors else "id01"
            geometry, remarks = _geometry(file, number, name, motors, line)
            row, column = (
                parts.number(file, f"{group}/beam_center_y"),
                parts.number(file, f"{group}/beam_center_x"),
            )
            beam = None if row is None or column is None else (row, column, f"beam_center of {name}")
            counters = _counters(measured, count, {motor.name for motor in moved or ()})
            title = parts.text(file, f"{number}/title")
            return RawScan(
                number=number,
                title=title,
                layout=f"{self.name}, {line.upper()}",
                detector=name,
                dataset=f"/{place}",
                files=parts.linked_files(path, file, place),
                geometry=geometry,
                moved=moved,
                motors=motors,
                counters=counters,
                monitor=next((one for one in ("imon", "mon", "exp1") if one in counters), None),
                exposure=next((one for one in ("acq_time", "sec", "timer") if one in counters), None),
                step=step_of(title),
                sample=stances(SAMPLE[line], motors),
                beam=beam,
                gaps=GAPS.get(name.lower()),
                remarks=remarks,
                read=parts.frames_reader(path, place, of_detector=f"{group}/data"),
                regions=True,
            )


READER = Bliss()


def _is_scan(file: h5py.File, name: str) -> bool:
    return _SCAN.fullmatch(name) is not None and isinstance(
        nexus.child(file, f"{name}/measurement"), h5py.Group
    )


def _detectors(file: h5py.File, number: str) -> dict[str, tuple[int, ...]]:
    return parts.stacks(nexus.child(file, f"{number}/measurement"))


def _motors(file: h5py.File, number: str) -> tuple[dict[str, float], list[Motor] | None]:
    """Motors that stood, and those that moved; those that the command names where it names any."""
    group = nexus.child(file, f"{number}/instrument/positioners")
    measured = nexus.child(file, f"{number}/measurement")
    values: dict[str, Values] = {}
    for name in (
        group
        if isinstance(group, h5py.Group)
        else _CIRCLES & set(nexus.members(file, f"{number}/measurement"))
    ):
        found = parts.numbers(group if isinstance(group, h5py.Group) else measured, name)
        if found is not None:
            values[name] = found
    if not values:
        return {}, None
    stood = {name: float(found[0]) for name, found in values.items()}
    words = parts.text(file, f"{number}/title").replace("(", " ").replace(",", " ").split()
    scanned = [name for name, found in values.items() if found.size > 1]
    named = [name for name in scanned if name in words] or scanned
    circles = SAMPLE["id27"] if "nath" in values else SAMPLE["id01"]
    return stood, [Motor(name, values[name], axis_of(circles, name, stood)) for name in named]


def _counters(measured: h5py.Group, count: int, moved: set[str]) -> dict[str, Values]:
    found = {}
    for name in measured:
        values = parts.numbers(measured, name) if name not in moved else None
        if values is not None and values.size >= count > 1:
            found[name] = values
    return found


def _geometry(
    file: h5py.File, number: str, name: str, motors: dict[str, float], line: str
) -> tuple[StatedGeometry, list[str]]:
    group, remarks = f"{number}/instrument/{name}", []
    if line == "id27":
        stated = facts(
            detector=((("y-", 0.0),), "ID27 has no arm"),
            row=("y-", "cdiutils, geometry ID27"),
            column=("x-", "cdiutils, geometry ID27"),
        )
        remarks.append(
            "distance, pixels and direct beam are not kept up to date in files of ID27, and programs do not "
            "agree which way its circle nath turns (cdiutils y-, bcdi y+); check them, `geometry=`"
        )
    else:
        stated = facts(beamline=("id01", "layout of the file"))
        if "nu" in motors and "delta" in motors:
            angles = (motors["nu"], motors["delta"])
            stated = facts(angles=(angles, "positioners nu and delta")).over(stated)
        if abs(motors.get("chi", 0.0)) > 0.01:
            remarks.append(f"chi stands at {motors['chi']:.4g} °, which is not in the rocking axis")
    for place in _ENERGIES:
        source = place.rpartition("/")[2]
        given = parts.unit(file, f"{number}/{place}")
        value = parts.number(file, f"{number}/{place}")
        stated = with_value(stated, "energy", value, given, f"{source} of the scan", usual="keV")
    wavelength = parts.number(file, f"{number}/instrument/calibration/wavelength")
    if wavelength:
        metres = wavelength * (1.0 if wavelength < 1e-6 else 1e-10)
        energy = h * c / (metres * e)
        stated = with_value(stated, "energy", energy, "eV", "wavelength of the calibration", usual="eV")
    distance, sizes = (parts.number(file, f"{group}/{key}") for key in ("distance", "y_pixel_size"))
    across = parts.number(file, f"{group}/x_pixel_size")
    given = parts.unit(file, f"{group}/distance")
    stated = with_value(stated, "distance", distance, given, f"distance of {name}", usual="m")
    if sizes is not None and across is not None:
        given = parts.unit(file, f"{group}/y_pixel_size")
        pixel = np.array([sizes, across])
        stated = with_value(stated, "pixel_size", pixel, given, f"pixel sizes of {name}", usual="m")
    return stated, remarks
