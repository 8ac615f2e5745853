"""Geometry from a file: every mistake is one line that names the file, at reading."""

from __future__ import annotations

import pytest

from sayre.crystal.geometry import BEAMLINES, Geometry
from sayre.crystal.geometry_file import load_geometry
from sayre.errors import InputError

KNOWN = {
    "beamline": '"34idc"',
    "angles": "[32.174, 12.6346]",
    "energy": "9000",
    "distance": "0.5",
    "pixel_size": "[55e-6, 75e-6]",
    "rocking_axis": '"y+"',
    "rocking_step": "0.005",
}
CIRCLES = {"beamline": None, "angles": None, "detector": '[["y+", 32.174], ["x-", 12.6346]]'}


@pytest.fixture
def written(tmp_path):
    """Writes a geometry with changes (None leaves a key out) and returns the path."""

    def write(**changes):
        path = tmp_path / "scan.toml"
        lines = [f"{key} = {value}" for key, value in {**KNOWN, **changes}.items() if value is not None]
        path.write_text("\n".join(lines))
        return path

    return write


def test_by_beamline_and_by_circles(written):
    expected = Geometry(
        energy=9000,
        distance=0.5,
        pixel_size=(55e-6, 75e-6),
        detector=(("y+", 32.174), ("x-", 12.6346)),
        rocking_axis="y+",
        rocking_step=0.005,
        row=BEAMLINES["34idc"].row,
        column=BEAMLINES["34idc"].column,
    )
    assert load_geometry(written()) == expected
    assert load_geometry(written(**CIRCLES)) == expected
    assert load_geometry(str(written(beamline='"34IDC"'))) == expected


def test_what_is_optional(written):
    scan = load_geometry(
        written(row="[0, -1.0, 0]", column='"x-"', binning="[2, 3, 4]", peak="[5, -6.5]", pixel_size="55e-6")
    )
    assert (scan.row, scan.column, scan.binning, scan.peak) == ((0, -1, 0), "x-", (2, 3, 4), (5, -6.5))
    assert scan.pixel_size == (55e-6, 55e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"angles": None}, "angles: are missing; beamline 34idc needs 2 angles in degrees"),
        ({"angles": "[1.0]"}, "beamline 34idc: 1 angles for circles"),
        ({"beamline": None}, "angles: are those of a beamline, which is missing"),
        ({"beamline": None, "angles": None}, "the arm of the detector is missing: beamline and angles, or"),
        ({"detector": '[["y+", 3.0]]'}, "beamline and detector: both say"),
        ({"beamline": '"moon"'}, "beamline: 'moon' is not known; one of 34idc"),
        ({"energy": None}, "energy: is missing; docs/physics.md has an example"),
        ({"enregy": "9000"}, "enregy: is not known; one of energy, "),
        ({"energy": '"high"'}, "energy: .*valid number"),
        ({"energy": "9.0"}, r"energy 9 eV is not plausible .*; 9 keV are 9000 eV$"),
        ({"energy": "-9000"}, "energy must be a positive number"),
        ({"energy": "nan"}, "energy must be a positive number"),
        ({"distance": "1500"}, r"distance 1500 m is not plausible .*; 1500 mm are 1.5 m$"),
        ({"pixel_size": "[55e-6, 0.17]"}, r"pixel size 0.17 m is not .*; 0.17 mm are 0.00017 m$"),
        ({"pixel_size": "[55, 55]"}, r"55 µm are 5.5e-05 m$"),
        ({"rocking_step": "5"}, r"5 thousandths of a degree are 0.005 °$"),
        ({"rocking_step": "0"}, "rocking step must be a number other than 0"),
        ({"rocking_axis": "3"}, "rocking_axis: must be x.*found 3$"),
        ({"rocking_axis": "[0, 1]"}, "rocking_axis: must be .* three numbers"),
        ({"rocking_axis": '"w"'}, "axis: 'w' is not known"),
        ({"row": '"x+"'}, "rows x. and columns x. must be at right angles"),
        ({"binning": "[0, 1, 1]"}, "binning must be three numbers from 1"),
        ({"angles": "[0, 0]"}, "the detector is in the direct beam"),
        ({"energy": "["}, "not TOML"),
    ],
)
def test_a_mistake_is_refused_at_reading(changes, message, written):
    path = written(**changes)
    with pytest.raises(InputError, match=message) as caught:
        load_geometry(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    for sign_of_python in ("positional", "keyword", "__init__", "object is not", "NoneType"):
        assert sign_of_python not in text


def test_no_file(tmp_path):
    with pytest.raises(InputError, match=r"none\.toml: No such file or directory; docs/physics\.md has"):
        load_geometry(tmp_path / "none.toml")
