"""APS 34-ID-C: a file of spec, and a folder of TIFF frames for each scan.

Layout, by cohere-ui (`beamlines/aps_34idc`: `diffractometers.py`, `detectors.py`, `instrument.py`): circles
Theta, Chi, Phi carry the sample, Delta and Gamma the detector; `camdist` is the distance in mm, `Energy` is
in keV or eV; `#UIMDET` names the detector, and `#UIMR5` the part of it that was saved, as first column,
columns, first row, rows. Frames of scan 54 of the spec file `NAME` are in `…/NAME_S0054/`, their number last
in their names. `ImageTot` counts each frame, which tells whether frames and points go together.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sayre.crystal.stated import StatedGeometry
from sayre.errors import InputError
from sayre.files.patterns import npz, tiff
from sayre.files.patterns.companions import kind_of
from sayre.files.patterns.contents import Contents
from sayre.files.patterns.frames import Numbered, numbered_frames
from sayre.scans.layouts.circles import SAMPLE, axis_of, stances
from sayre.scans.layouts.folders import scan_folder
from sayre.scans.layouts.spec import SpecScan, is_spec, read_spec
from sayre.scans.layouts.units import with_value
from sayre.scans.protocol import Entry, Frames, Motor, RawScan, facts, lacking

PIXEL = 55e-6
"""Of the Timepix detectors 34idcTIM1, 34idcTIM2 and 34idcTIM3, m."""
_KEV = 1e3
_CHI = (
    "the axis of Phi is taken as cohere-ui does, where Chi turns from 0 °; bcdi takes Chi from 90 °: check "
    "it with a crystal that you know"
)
_TOTAL = ("ImageTot", "imtot")


class Aps34IdC:
    """Reader of 34-ID-C."""

    name = "34-ID-C"

    def detects(self, path: Path) -> bool:
        """Whether a file of spec names a detector or a folder of 34-ID-C."""
        start = is_spec(path)
        return start is not None and "34id" in start.lower()

    def entries(self, path: Path) -> list[Entry]:
        """List the scans; those with a folder of frames name the detector.

        Parameters
        ----------
        path
            A file of spec.
        """
        folders = _folders(path)
        found = []
        for scan in read_spec(path):
            there = any(_is_of(folder, scan) for folder in folders)
            found.append(Entry(scan.number, scan.command, (_detector(scan),) if there else ()))
        return found

    def open(self, path: Path, number: str, *, detector: str | None, frames: Path | None) -> RawScan:
        """Describe a scan; see `sayre.scans.protocol.Reader`.

        Parameters
        ----------
        path, number, detector, frames
            As the protocol has them.
        """
        scan = next(one for one in read_spec(path) if one.number == number)
        found = [folder for folder in _folders(path) if _is_of(folder, scan)]
        what, folder, lost = f"{path}::{number}", path.parent, None
        try:
            folder = scan_folder(found, frames, what)
            numbered = numbered_frames(folder, (".tif", ".tiff"))
        except InputError as error:  # what the scan was is known without its frames
            numbered, lost = Numbered((), ()), error
        beside = _beside(path, folder)
        region = _region(scan)
        moved = scan.scanned
        here = Motor(
            moved, scan.columns.get(moved, np.empty(0)), axis_of(SAMPLE["34idc"], moved, scan.motors)
        )
        known = {name: values for name, values in scan.columns.items() if name != moved}
        return RawScan(
            number=number,
            title=scan.command,
            layout=self.name,
            detector=_detector(scan),
            dataset="" if lost else str(folder),
            files=[path, *(file for _, file in numbered.files), *beside.values()],
            geometry=_geometry(scan),
            moved=[here] if here.positions.size else [],
            motors=scan.motors,
            counters=known,
            monitor="Monitor" if "Monitor" in known else None,
            exposure="Seconds" if "Seconds" in known else None,
            step=scan.step,
            sample=stances(SAMPLE["34idc"], scan.motors),
            remarks=(*numbered.remarks, *([_CHI] if moved in ("Phi", "phi") else [])),
            read=lambda: _read(scan, numbered, beside, region, what) if lost is None else lacking(lost),
        )


READER = Aps34IdC()


def _detector(scan: SpecScan) -> str:
    return (scan.line("#UIMDET") or "").rstrip(": ") or "detector"


def _geometry(scan: SpecScan) -> StatedGeometry:
    delta, gamma = scan.position("Delta", "del"), scan.position("Gamma", "gam")
    stated = facts(beamline=("34idc", "layout of the file"))
    if delta is not None and gamma is not None:
        stated = facts(angles=((delta, gamma), "motors Delta and Gamma (#P)")).over(stated)
    energy = scan.position("Energy", "en")
    unit = "keV" if energy is not None and energy < _KEV else "eV"
    stated = (
        with_value(stated, "energy", energy, unit, f"motor Energy (#P), {energy:.6g} {unit}", usual="keV")
        if energy is not None
        else stated
    )
    distance = scan.position("camdist", "cam")
    stated = with_value(stated, "distance", distance, "", "motor camdist (#P)", usual="mm")
    name = _detector(scan)
    if name.lower().startswith("34idctim"):
        source = f"detector {name} (#UIMDET)"
        stated = with_value(stated, "pixel_size", (PIXEL, PIXEL), "m", source, usual="m")
    return stated


def _region(scan: SpecScan) -> tuple[slice, slice] | None:
    """Rows and columns of the detector that were saved."""
    words = (scan.line("#UIMR5") or "").split()
    if len(words) < 4 or not all(word.lstrip("-").isdigit() for word in words[:4]):
        return None
    left, columns, top, rows = map(int, words[:4])
    return slice(top, top + rows), slice(left, left + columns)


def _folders(path: Path) -> list[Path]:
    """Folders beside the file and one below."""
    near = [folder for folder in sorted(path.parent.glob("*")) if folder.is_dir()]
    return near + [below for folder in near for below in sorted(folder.glob("*")) if below.is_dir()]


def _is_of(folder: Path, scan: SpecScan) -> bool:
    """Whether a folder is named after the spec file and the number of a scan, as `NAME_S0054`."""
    match = re.fullmatch(r"(?:.*_)?S0*(\d+)", folder.name)
    return match is not None and match[1] == scan.number.partition(".")[0]


def _beside(path: Path, folder: Path) -> dict[str, Path]:
    """White and dark fields beside the spec file, or the frames' folder."""
    found: dict[str, Path] = {}
    for place in (path.parent, folder.parent):
        for file in sorted(place.glob("*")):
            if file.suffix.lower() in (".tif", ".tiff", ".npy") and kind_of(file.stem) is not None:
                found.setdefault(file.stem, file)
    return found


def _read(
    scan: SpecScan,
    numbered: Numbered,
    beside: dict[str, Path],
    region: tuple[slice, slice] | None,
    what: str,
) -> Frames:
    frames = [tiff.read(file).counts for _, file in numbered.files]
    for frame, (_, file) in zip(frames, numbered.files, strict=True):
        if frame.ndim != 2 or frame.shape != frames[0].shape or frame.dtype != frames[0].dtype:
            raise InputError(
                f"{file}: frame of shape {frame.shape} and {frame.dtype}, the first has {frames[0].shape} "
                f"and {frames[0].dtype}; all must be alike and 2D"
            )
    counts = np.stack(frames)
    sizes = None if region is None else tuple(side.stop - side.start for side in region)
    return Frames(
        Contents(
            counts=counts,
            stored=counts.dtype,
            beside={name: _field(file) for name, file in beside.items()},
            addresses={name: str(file) for name, file in beside.items()},
            region=region if sizes == counts.shape[1:] else None,
        ),
        _points(scan, numbered, counts, what),
    )


def _field(file: Path) -> NDArray[Any]:
    read = npz.read if file.suffix.lower() == ".npy" else tiff.read
    return read(file).counts


def _points(scan: SpecScan, numbered: Numbered, counts: NDArray[Any], what: str) -> NDArray[np.int64]:
    """Point of the scan of every frame: frames are numbered from 0, or from 1, and their sums tell which."""
    numbers = np.array([number for number, _ in numbered.files])
    totals = next((scan.columns[name] for name in _TOTAL if name in scan.columns), None)
    sums = counts.sum(axis=(1, 2), dtype=np.float64)
    fitting = []
    for first in (0, 1):
        points = numbers - first
        if points.min() < 0 or points.max() >= scan.points:
            continue
        agree = totals is None or float(np.mean(np.isclose(totals[points], sums, rtol=0.01, atol=2.0))) > 0.9
        fitting.append((first, points, agree))
    good = [points for _, points, agree in fitting if agree]
    if len(good) == 1 or (len(good) == 2 and len(numbers) == scan.points):
        return np.asarray(good[0], np.int64)
    if totals is not None and fitting and not good:
        raise InputError(
            f"{what}: the sums of the frames are not those of {_TOTAL[0]} in the scan; they are of another"
        )
    raise InputError(
        f"{what}: {len(numbers)} frames numbered {numbers.min()} to {numbers.max()} for {scan.points} "
        "points; which belongs to which is not known"
    )
