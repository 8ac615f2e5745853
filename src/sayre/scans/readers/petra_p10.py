"""PETRA III P10: a `.fio` file a scan, and an EIGER master in the folder of the detector.

Layout, by cdiutils (`io/p10.py`), pyCXIM (`scan_reader/Desy`) and cohere-ui (`beamlines/Petra3_P10`): scan
12 of `NAME` is `NAME_00012/NAME_00012.fio`, its frames `NAME_00012/e4m/NAME_00012_master.h5`. The fio file
has the command after `%c`, motors as `name = value` after `%p` (`om`, `chi`, `phi`, `mu`, `gam`, `del`;
`fmbenergy` in eV, `_distance` in mm, in EH2 `samth` and `e2_t02`), and after `%d` the columns of the scan (`
Col 1 om DOUBLE`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sayre.crystal.stated import StatedGeometry
from sayre.errors import InputError
from sayre.files.hdf5.tree import opened
from sayre.numerics import memory
from sayre.scans.layouts import hdf5_parts as parts
from sayre.scans.layouts.circles import SAMPLE, axis_of, stances
from sayre.scans.layouts.spec import step_of
from sayre.scans.layouts.units import with_value
from sayre.scans.protocol import Entry, Motor, RawScan, Values, facts
from sayre.scans.readers import eiger

GAPS = {"e4m": "eiger-4m", "e500": "eiger-500k"}
"""Detectors whose gaps are known, by the names of their folders."""
_CHI = (
    "the axis of phi is taken as bcdi does, where chi turns from 90 °; cohere-ui takes chi from 0 °: check "
    "it with a crystal that you know"
)
_PARAMETER = re.compile(r"\s*(\S+)\s*=\s*(\S+)")
_COLUMN = re.compile(r"\s*Col\s+\d+\s+(\S+)\s+\S+")


class Fio(NamedTuple):
    """A fio file: command, positions of motors, columns by name."""

    command: str
    motors: Mapping[str, float]
    columns: Mapping[str, Values]


class P10:
    """Reader of P10."""

    name = "P10"

    def detects(self, path: Path) -> bool:
        """Whether a file is a fio file, or a master with one in the folder above."""
        return _fio_of(path) is not None

    def entries(self, path: Path) -> list[Entry]:
        """Return the one scan of a fio file, whose number is last in its name.

        Parameters
        ----------
        path
            A fio file, or a master below it.
        """
        fio = _fio_of(path) or path
        number = re.search(r"(\d+)$", fio.stem)
        scan = str(int(number[1])) if number else "1"
        return [Entry(scan, read_fio(fio).command, tuple(_masters(fio, path, None)))]

    def open(self, path: Path, number: str, *, detector: str | None, frames: Path | None) -> RawScan:
        """Describe the scan; see `sayre.scans.protocol.Reader`.

        Parameters
        ----------
        path, number, detector, frames
            As the protocol has them.
        """
        what = f"{path}::{number}"
        file = _fio_of(path) or path
        fio = read_fio(file)
        masters = _masters(file, path, frames)
        if not masters:
            raise InputError(
                f"{what}: no master {file.stem}_master.h5 is in a folder beside it; name that by `frames=`"
            )
        name = parts.only_detector(list(masters), detector, what)
        master = masters[name]
        with opened(master) as h5:
            files = [file, *eiger.files_of(master, h5)]
            geometry = _geometry(fio).over(eiger.stated_by(h5))
        moved, remarks = _moved(fio)
        circles = _from_90(fio.motors)
        points = max((values.size for values in fio.columns.values()), default=0)
        counters = {column: values for column, values in fio.columns.items() if values.size == points}
        return RawScan(
            number=number,
            title=fio.command,
            layout=self.name,
            detector=name,
            dataset=str(master),
            files=files,
            geometry=geometry,
            moved=moved,
            motors=fio.motors,
            counters=counters,
            monitor="ipetra" if "ipetra" in counters else None,
            exposure=next((one for one in ("exp_t01", "e4m", "timer") if one in counters), None),
            step=step_of(fio.command),
            sample=stances(SAMPLE["p10"], circles),
            gaps=GAPS.get(name),
            remarks=remarks,
            read=eiger.reader(master, points=points or None),
            regions=True,
        )


READER = P10()


def _fio_of(path: Path) -> Path | None:
    if path.suffix.lower() == ".fio":
        return path
    if not path.name.endswith("_master.h5"):
        return None
    above = path.parent.parent / f"{path.name.removesuffix('_master.h5')}.fio"
    return above if above.is_file() else None


def _masters(fio: Path, given: Path, frames: Path | None) -> dict[str, Path]:
    """Masters of the scan by the folder of their detector."""
    if given != fio:
        return {given.parent.name: given}
    folders = [frames] if frames is not None else sorted(fio.parent.glob("*"))
    found = {folder.name: folder / f"{fio.stem}_master.h5" for folder in folders if folder.is_dir()}
    return {name: master for name, master in found.items() if master.is_file()}


def read_fio(path: Path) -> Fio:
    """Read a fio file.

    Raises
    ------
    InputError
        Lines of other lengths than there are columns.
    """
    try:
        lines = memory.whole_text(path, errors="replace").splitlines()
    except OSError as error:
        raise InputError(f"{path}: cannot be opened ({error.strerror}); check its permissions") from error
    part, command, motors, names, rows = "", "", dict[str, float](), list[str](), list[list[float]]()
    for line in lines:
        if line.startswith("%"):
            part = line[1:2]
        elif line.startswith("!") or not line.strip():
            continue
        elif part == "c":
            command = command or line.strip()
        elif part == "p" and (match := _PARAMETER.match(line)):
            motors |= _as_number(match[1], match[2])
        elif part == "d" and (match := _COLUMN.match(line)):
            names.append(match[1])
        elif part == "d":
            rows.append([next(iter(_as_number("", word).values()), np.nan) for word in line.split()])
    if rows and len(rows[-1]) < len(names):  # the last line of an aborted scan may be cut short
        rows.pop()
    if any(len(row) != len(names) for row in rows):
        raise InputError(f"{path}: {len(names)} columns, but a line of another length")
    values = np.array(rows, np.float64).reshape(len(rows), len(names))
    return Fio(command, motors, {name: values[:, column] for column, name in enumerate(names)})


def _as_number(name: str, word: str) -> dict[str, float]:
    try:
        return {name: float(word)}
    except ValueError:
        return {}


def _moved(fio: Fio) -> tuple[list[Motor], list[str]]:
    """What the command moved, and what a user should know of its axis."""
    words = fio.command.split()
    name = words[1] if len(words) > 1 and words[1] in fio.columns else ""
    name = name or next((one for one in fio.columns if one in ("om", "phi", "samth", "mu", "chi")), "")
    if not name:
        return [], []
    motor = Motor(name, fio.columns[name], axis_of(SAMPLE["p10"], name, _from_90(fio.motors)))
    return [motor], [_CHI] if name == "phi" and "chi" in fio.motors else []


def _from_90(motors: Mapping[str, float]) -> dict[str, float]:
    """Positions of the motors with chi counted from 90 °, where its axis is as `SAMPLE` has it."""
    return {**motors, **({"chi": motors["chi"] - 90.0} if "chi" in motors else {})}


def _geometry(fio: Fio) -> StatedGeometry:
    stated = facts(beamline=("p10", "layout of the file"))
    gamma, delta = fio.motors.get("gam", 0.0), fio.motors.get("del", fio.motors.get("e2_t02"))
    if delta is not None:
        second = "del" if "del" in fio.motors else "e2_t02"
        first = "gam" if "gam" in fio.motors else "no gam, so 0,"
        stated = facts(angles=((gamma, delta), f"motors {first} and {second}")).over(stated)
    stated = with_value(stated, "energy", fio.motors.get("fmbenergy"), "eV", "motor fmbenergy", usual="eV")
    return with_value(stated, "distance", fio.motors.get("_distance"), "", "_distance", usual="mm")
