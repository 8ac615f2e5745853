"""SOLEIL SIXS: NeXus files with a group `com` (or another) and devices of `SIXS`.

Layout, by cdiutils (`io/sixs.py`) and bcdi (`experiment/loader.py`: `LoaderSIXS`): `scan_data/actuator_1_1`
is what moved, `mu`; positions of `mu`, `omega`, `gamma`, `delta` are in
`SIXS/i14-c-cx1-ex-med-v-dif-group.1/DEVICE/position` (2022), or in `SIXS/DEVICE/position_pre` (2019);
`SIXS/i14-c-c02-op-mono/energy` is in keV. About which axes these circles turn is told differently (cdiutils:
mu x-, delta y+, gamma x-, "not sure"; bcdi: mu y+, gamma y+, delta x-), so the arm and the axis of mu must
be stated.
"""

from __future__ import annotations

import re

import h5py

from sayre.crystal.stated import StatedGeometry
from sayre.files.hdf5 import nexus
from sayre.scans.layouts import hdf5_parts as parts
from sayre.scans.layouts.units import with_value
from sayre.scans.protocol import Motor
from sayre.scans.readers.soleil import Described, SoleilReader, position

BEAMLINE = "SIXS"
_CIRCLES = ("mu", "omega", "gamma", "delta", "beta")


class Sixs(SoleilReader):
    """Reader of SIXS."""

    name = BEAMLINE

    def describe(
        self,
        file: h5py.File,
        scan: str,
        title: str,
        shape: tuple[int, ...],
        pixel: tuple[float, float] | None,
    ) -> Described:
        """Describe motors and geometry of a scan; see `SoleilReader`.

        Parameters
        ----------
        file, scan, title, shape, pixel
            As `SoleilReader.describe` takes them.
        """
        motors, stated = _motors(file, scan), StatedGeometry()
        energies = f"{scan}/{BEAMLINE}/i14-c-c02-op-mono/energy"
        energy, unit = parts.number(file, energies), parts.unit(file, energies)
        stated = with_value(stated, "energy", energy, unit, "energy of i14-c-c02-op-mono", usual="keV")
        source = f"frames of {shape[-2]} × {shape[-1]} pixels"
        stated = with_value(stated, "pixel_size", pixel, "m", source, usual="m")
        at = ", ".join(f"{circle} {angle:.6g} °" for circle, angle in motors.items())
        return Described(
            geometry=stated,
            moved=_moved(file, scan),
            motors=motors,
            remarks=[
                "about which axes the circles of SIXS turn is told differently by cdiutils and bcdi; "
                f"state detector, row, column and rocking_axis by `geometry=` ({at})"
            ],
        )


READER = Sixs()


def _motors(file: h5py.File, scan: str) -> dict[str, float]:
    """Circles by name, in a group of the diffractometer or beside it."""
    devices = nexus.members(file, f"{scan}/{BEAMLINE}")
    groups = [name for name in devices if re.search(r"dif-group|diffractometer", name, re.IGNORECASE)]
    found = dict[str, float]()
    for circle in _CIRCLES:
        for place in (*(f"{scan}/{BEAMLINE}/{group}" for group in groups), f"{scan}/{BEAMLINE}"):
            at = position(file, place, circle)
            if at is not None:
                found.setdefault(circle, at[1])
    return found


def _moved(file: h5py.File, scan: str) -> list[Motor] | None:
    """What the first actuator is: its attributes name it, else it is mu, as cdiutils has it."""
    dataset = nexus.dataset_at(file, f"{scan}/scan_data/actuator_1_1")
    values = parts.numbers(file, f"{scan}/scan_data/actuator_1_1")
    if dataset is None or values is None:
        return None
    said = " ".join(nexus.text(dataset.attrs.get(key, "")) for key in ("alias", "long_name", "label")).lower()
    name = next((one for one in ("energy", *_CIRCLES) if one in said), "mu" if not said.strip() else said)
    return [Motor(name, values, None, circle=name in ("mu", "omega"))]
