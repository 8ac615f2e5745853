"""CXI files that cdiutils writes after preprocessing, `S12_preprocessed_data.cxi`: counts with all their
geometry.

Layout, by cdiutils (`pipeline/bcdi.py`: `_save_preprocessed_data`, `geometry.py`): `geometry_1` has the
circles of sample and detector and the directions of the detector's axes, in CXI's frame or in that of
xrayutilities (`is_cxi`), and `angles`, those of the sample one a frame; `detector_1/calibration` the direct
beam (`cch1`, `cch2`) and the pixels in m; `result_1/roi` the part of the detector that was kept;
`source_1/energy` is in eV. cdiutils turns its results back by the circles of the sample; here they stay in
the laboratory.
"""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from sayre.crystal.stated import StatedGeometry
from sayre.files.hdf5 import nexus
from sayre.files.hdf5.tree import opened
from sayre.files.patterns import cxi
from sayre.files.safety import sound
from sayre.scans.layouts import hdf5_parts as parts
from sayre.scans.layouts.circles import Circle, axis_of, stances
from sayre.scans.layouts.units import with_value
from sayre.scans.protocol import Entry, Frames, Motor, RawScan, facts

ENTRY = "entry_1"
ANGLES = f"{ENTRY}/geometry_1/angles"
_TO_CXI = {"x": "z", "y": "x", "z": "y"}
"""Axes of xrayutilities (x along the beam, y to the left, z up) as those of CXI."""
_TILTS = ("tilt", "tiltazimuth", "detrot")


class CdiutilsCxi:
    """Reader of preprocessed data of cdiutils."""

    name = "cdiutils"

    def detects(self, path: Path) -> bool:
        """Whether a CXI file has the angles of cdiutils."""
        with parts.looked_into(path) as file:
            return file is not None and nexus.child(file, ANGLES) is not None

    def entries(self, path: Path) -> list[Entry]:
        """Return the one scan of a file.

        Parameters
        ----------
        path
            A file of cdiutils.
        """
        with opened(path) as file:
            return [Entry("1", parts.text(file, f"{ENTRY}/sample_1/sample_name"), ("detector",))]

    def open(self, path: Path, number: str, *, detector: str | None, frames: Path | None) -> RawScan:
        """Describe the scan; see `sayre.scans.protocol.Reader`.

        Parameters
        ----------
        path, number, detector, frames
            As the protocol has them.
        """
        with opened(path) as file:
            angles = {
                name: values
                for name in nexus.members(file, ANGLES)
                if (values := parts.numbers(file, f"{ANGLES}/{name}")) is not None
            }
            stood = {name: float(values[0]) for name, values in angles.items()}
            sample = _axes(file, "sample_circles")
            names = ("sample_outofplane_angle", "sample_inplane_angle")
            circles = [Circle((name,), axis) for name, axis in zip(names, sample, strict=False)]
            moved = [
                Motor(name, values, axis_of(circles, name, stood), circle=name in names)
                for name, values in angles.items()
                if values.size > 1
            ]
            tilts = {
                key: parts.number(file, f"{ENTRY}/detector_1/calibration/{key}") or 0.0 for key in _TILTS
            }
            tilted = ", ".join(f"{key} {value:.4g}" for key, value in tilts.items() if abs(value) > 1e-3)
            return RawScan(
                number=number,
                title=parts.text(file, f"{ENTRY}/sample_1/sample_name"),
                layout=self.name,
                detector=parts.text(file, f"{ENTRY}/detector_1/description") or "detector",
                dataset=f"/{ENTRY}/cropped_detector_data",
                files=[path],
                geometry=_geometry(file, stood),
                moved=moved or None,
                motors=stood,
                sample=stances(circles, stood),
                beam=_beam(file),
                remarks=[f"the tilt of the detector is not taken ({tilted})"] if tilted else [],
                read=lambda: Frames(cxi.read(path)),
            )


READER = CdiutilsCxi()


def _axes(file: h5py.File, key: str) -> list[str]:
    """Names of axes, in the frame of CXI."""
    dataset = nexus.dataset_at(file, f"{ENTRY}/geometry_1/{key}")
    if dataset is None:
        return []
    found = [nexus.text(value) for value in np.ravel(sound.value(dataset))]
    if parts.number(file, f"{ENTRY}/geometry_1/is_cxi"):
        return found
    return [_TO_CXI.get(name[:1], name[:1]) + name[1:] for name in found]


def _geometry(file: h5py.File, angles: dict[str, float]) -> StatedGeometry:
    arm = _axes(file, "detector_circles")
    names = ("detector_inplane_angle", "detector_outofplane_angle")
    stated = StatedGeometry()
    if len(arm) == 2 and all(name in angles for name in names):
        pairs = tuple((axis, angles[name]) for axis, name in zip(arm, names, strict=True))
        stated = facts(detector=(pairs, "circles and angles of geometry_1")).over(stated)
    for key, axis in (("row", 0), ("column", 1)):
        found = _axes(file, f"detector_axis{axis}_orientation")
        if len(found) == 1:
            stated = facts(**{key: (found[0], f"detector_axis{axis}_orientation")}).over(stated)
    energy = parts.number(file, f"{ENTRY}/source_1/energy")
    stated = with_value(stated, "energy", energy, "", "energy of source_1", usual="eV")
    calibration = f"{ENTRY}/detector_1/calibration"
    distance = parts.number(file, f"{calibration}/distance")
    stated = with_value(stated, "distance", distance, "", "distance of the calibration", usual="m")
    row, column = (parts.number(file, f"{calibration}/pwidth{axis}") for axis in (1, 2))
    if row and column:
        sizes = np.array([row, column])
        stated = with_value(stated, "pixel_size", sizes, "", "pixels of the calibration", usual="m")
    return stated


def _beam(file: h5py.File) -> tuple[float, float, str] | None:
    """The direct beam in the part of the detector that was kept."""
    row, column = (parts.number(file, f"{ENTRY}/detector_1/calibration/cch{axis}") for axis in (1, 2))
    kept = parts.numbers(file, f"{ENTRY}/result_1/roi")
    if row is None or column is None or kept is None or kept.size not in (4, 6):
        return None
    top, left = (kept[-4], kept[-2])
    return row - float(top), column - float(left), "cch1 and cch2 of the calibration"
