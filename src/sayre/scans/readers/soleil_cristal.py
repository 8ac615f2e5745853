"""SOLEIL CRISTAL: NeXus files with groups `exp_0012`.

Layout, by cdiutils (`io/cristal.py`) and bcdi (`experiment/loader.py`: `LoaderCRISTAL`):
`CRISTAL/Diffractometer/i06-c-c07-ex-dif-delta/position` and `…-gamma`,
`CRISTAL/i06-c-c07-ex-mg_omega/position` and `…-mg_phi`, `CRISTAL/Monochromator/energy` in keV;
`scan_config/name` names the motor of `scan_data/actuator_1_1`. Angles of `mg_omega` were once written in
millionths of a degree. The distance is not in the file. cdiutils is sure of omega and delta alone.
"""

from __future__ import annotations

import h5py
import numpy as np

from sayre.crystal.stated import StatedGeometry
from sayre.scans.layouts import hdf5_parts as parts
from sayre.scans.layouts.circles import SAMPLE, axis_of, stances
from sayre.scans.layouts.units import with_value
from sayre.scans.protocol import Motor, facts
from sayre.scans.readers.soleil import Described, SoleilReader, position

BEAMLINE = "CRISTAL"
_MILLIONTHS = 360.0


class Cristal(SoleilReader):
    """Reader of CRISTAL."""

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
        motors = _motors(file, scan)
        return Described(
            moved=_moved(file, scan, title, motors),
            geometry=_geometry(file, scan, motors, shape, pixel),
            motors=motors,
            sample=stances(SAMPLE["cristal"], motors),
        )


READER = Cristal()


def _motors(file: h5py.File, scan: str) -> dict[str, float]:
    found = {}
    for name, devices in (
        ("mg_omega", f"{scan}/{BEAMLINE}"),
        ("mg_phi", f"{scan}/{BEAMLINE}"),
        ("gamma", f"{scan}/{BEAMLINE}/Diffractometer"),
        ("delta", f"{scan}/{BEAMLINE}/Diffractometer"),
    ):
        at = position(file, devices, name)
        if at is not None:
            found[name] = at[1] / 1e6 if name == "mg_omega" and abs(at[1]) > _MILLIONTHS else at[1]
    return found


def _moved(file: h5py.File, scan: str, title: str, motors: dict[str, float]) -> list[Motor] | None:
    """What the actuators are: the configuration names the first; without a name nothing is known of it."""
    values = parts.numbers(file, f"{scan}/scan_data/actuator_1_1")
    if values is None:
        return None
    lower = title.lower()
    name = next((one for one in ("omega", "phi", "energy") if one in lower), lower or "actuator_1_1")
    if name in ("omega", "phi"):
        name = f"mg_{name}"
    if name == "mg_omega" and np.abs(values).max() > _MILLIONTHS:
        values = values / 1e6
    return [Motor(name, values, axis_of(SAMPLE["cristal"], name, motors))]


def _geometry(
    file: h5py.File,
    scan: str,
    motors: dict[str, float],
    shape: tuple[int, ...],
    pixel: tuple[float, float] | None,
) -> StatedGeometry:
    stated = facts(beamline=("cristal", "layout of the file"))
    if "gamma" in motors and "delta" in motors:
        angles = ((motors["gamma"], motors["delta"]), "devices gamma and delta of the diffractometer")
        stated = facts(angles=angles).over(stated)
    place = f"{scan}/{BEAMLINE}/Monochromator/energy"
    energy, unit = parts.number(file, place), parts.unit(file, place)
    stated = with_value(stated, "energy", energy, unit, "energy of the Monochromator", usual="keV")
    source = f"frames of {shape[-2]} × {shape[-1]} pixels"
    return with_value(stated, "pixel_size", pixel, "m", source, usual="m")
