"""ESRF ID01 before BLISS: a file of spec, and EDF frames, `NAME_00123.edf` or `.edf.gz`.

Layout, by cdiutils (`io/id01.py`: `SpecLoader`), bcdi (`experiment/loader.py`: `LoaderID01`) and pyCXIM
(`scan_reader/ESRF`): motors `eta`, `phi`, `mu`, `nu`, `del` (earlier `Eta`, …), energy `nrj` in keV; a
column of the scan counts the frames (`mpx4inr`, `ei2minr`, `ccd_n`, …), and `#C imageFile dir[…] prefix[…] …
suffix[…]` tells where they are. `#UDETCALIB` holds the direct beam (`cen_pix_x`, `cen_pix_y`) and the
distance in m, `#UMONO` the energy.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from sayre.crystal.stated import StatedGeometry
from sayre.errors import InputError
from sayre.files.patterns.contents import Contents
from sayre.files.patterns.frames import numbered_frames
from sayre.files.safety.within import require_within
from sayre.scans.layouts import edf
from sayre.scans.layouts.circles import SAMPLE, axis_of, stances
from sayre.scans.layouts.folders import scan_folder
from sayre.scans.layouts.spec import SpecScan, is_spec, read_spec
from sayre.scans.layouts.units import with_value
from sayre.scans.protocol import Entry, Frames, Motor, RawScan, facts

COUNTERS = {
    "mpx4inr": ("maxipix", (55e-6, 55e-6)),
    "mpxgaas": ("maxipix", (55e-6, 55e-6)),
    "ei2minr": ("eiger-2m", (75e-6, 75e-6)),
    "ccd_n": (None, None),
}
"""Columns that hold the numbers of the frames, by detector: its gaps and its pixels."""
_ENDINGS = (".edf", ".edf.gz")
_IMAGES = re.compile(r"imageFile\s+dir\[([^\]]*)\]\s+prefix\[([^\]]*)\].*?suffix\[([^\]]*)\]")


class Id01Spec:
    """Reader of ID01 before BLISS."""

    name = "ID01, spec"

    def detects(self, path: Path) -> bool:
        """Whether a file of spec is of ID01."""
        start = is_spec(path)
        return start is not None and any(mark in start for mark in ("id01", "ID01", "#UDETCALIB", "mpx4inr"))

    def entries(self, path: Path) -> list[Entry]:
        """List the scans; those that count frames name the detector.

        Parameters
        ----------
        path
            A file of spec.
        """
        return [
            Entry(scan.number, scan.command, tuple(name for name in COUNTERS if name in scan.columns))
            for scan in read_spec(path)
        ]

    def open(self, path: Path, number: str, *, detector: str | None, frames: Path | None) -> RawScan:
        """Describe a scan; see `sayre.scans.protocol.Reader`.

        Parameters
        ----------
        path, number, detector, frames
            As the protocol has them.
        """
        what = f"{path}::{number}"
        scan = next(one for one in read_spec(path) if one.number == number)
        there = [name for name in COUNTERS if name in scan.columns]
        counter = detector or (there[0] if len(there) == 1 else "")
        if counter not in there:
            candidates = ", ".join(there or scan.columns)
            raise InputError(
                f"{what}: {len(there)} columns count frames ({candidates}); name one as "
                f"{what}/{(there or ['mpx4inr'])[0]}"
            )
        folder, prefix = _folder(path, scan, frames, what)
        wanted = scan.columns[counter].astype(np.int64)
        files = dict(numbered_frames(folder, _ENDINGS, prefix=prefix).files)
        present = [(point, files[int(n)]) for point, n in enumerate(wanted) if int(n) in files]
        if not present:
            raise InputError(
                f"{what}: none of the frames {wanted[0]} to {wanted[-1]} is in {folder}; `frames=`"
            )
        column = scan.scanned
        gaps, pixel = COUNTERS[counter]
        circle = next((name for name in scan.motors if name.lower() == column.lower()), column)
        axis = axis_of(SAMPLE["id01"], circle, scan.motors)
        known = {name: values for name, values in scan.columns.items() if name != column}
        return RawScan(
            number=number,
            title=scan.command,
            layout=self.name,
            detector=counter,
            dataset=str(folder),
            files=[path, *(file for _, file in present)],
            geometry=_geometry(scan, counter, pixel),
            moved=[Motor(circle, scan.columns[column], axis)] if column else [],
            motors=scan.motors,
            counters=known,
            monitor="exp1" if "exp1" in known else None,
            exposure=next((name for name in ("Seconds", "sec") if name in known), None),
            step=scan.step,
            sample=stances(SAMPLE["id01"], scan.motors),
            beam=_beam(scan),
            gaps=gaps,
            read=lambda: _read(present),
        )


READER = Id01Spec()


def _folder(path: Path, scan: SpecScan, given: Path | None, what: str) -> tuple[Path, str | None]:
    """Folder of the frames, and how their names begin."""
    stated = next((match for line in scan.lines if (match := _IMAGES.search(line))), None)
    prefix = stated[2] or None if stated else None
    if given is not None or stated is None:
        return scan_folder([], given, what), prefix
    recorded = Path(stated[1])
    near = [path.parent / part for part in ("", recorded.name, f"images/{recorded.name}", "images")]
    found = [
        place
        for place in dict.fromkeys([recorded, *near])
        if place.is_dir() and any(place.glob(f"{prefix or ''}*.edf*"))
    ]
    folder = scan_folder(found[:1], None, f"{what}: recorded in {recorded}")
    require_within(path, folder, "imageFile in its header")
    return folder, prefix


def _details(scan: SpecScan, start: str) -> dict[str, str]:
    """The parts `name=value` of a line of the header."""
    return dict(re.findall(r"(\w+)=([^,\s]+)", scan.line(start) or ""))


def _beam(scan: SpecScan) -> tuple[float, float, str] | None:
    stated = _details(scan, "#UDETCALIB")
    try:
        return float(stated["cen_pix_y"]), float(stated["cen_pix_x"]), "cen_pix (#UDETCALIB)"
    except (KeyError, ValueError):
        return None


def _geometry(scan: SpecScan, counter: str, pixel: tuple[float, float] | None) -> StatedGeometry:
    stated = facts(beamline=("id01", "layout of the file"))
    nu, delta = scan.position("nu", "Nu"), scan.position("del", "Delta", "delta")
    if nu is not None and delta is not None:
        stated = facts(angles=((nu, delta), "motors nu and del (#P)")).over(stated)
    mono = re.fullmatch(r"([\d.]+)(\w*)", _details(scan, "#UMONO").get("mononrj", ""))
    if mono is not None:
        stated = with_value(stated, "energy", float(mono[1]), mono[2], "mononrj (#UMONO)", usual="keV")
    energy = scan.position("nrj", "Energy")
    stated = with_value(stated, "energy", energy, "", "motor nrj (#P)", usual="keV")
    calibration = _details(scan, "#UDETCALIB")
    for key in ("det_distance_COM", "det_distance_CC"):
        value = calibration.get(key)
        if value is not None:
            source = f"{key} (#UDETCALIB)"
            stated = with_value(stated, "distance", float(value), "", source, usual="m")
    return with_value(stated, "pixel_size", pixel, "m", f"detector of {counter}", usual="m")


def _read(present: list[tuple[int, Path]]) -> Frames:
    counts = edf.read_frames([file for _, file in present])
    points = np.array([point for point, _ in present], np.int64)
    return Frames(Contents(counts=counts, stored=counts.dtype), points)
