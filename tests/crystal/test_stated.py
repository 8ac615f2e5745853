"""What is known of a geometry, where it is from, and what contradicts it."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest
from physics_samples import geometry

from sayre.crystal.geometry import Geometry
from sayre.crystal.geometry_file import load_geometry, read_geometry, stated_in
from sayre.crystal.scan import Scan, with_stated
from sayre.crystal.stated import KEYS, StatedGeometry
from sayre.data import Meta, Pattern
from sayre.errors import InputError, SayreWarning

VALUES = {
    "beamline": "34idc",
    "angles": (32.174, 12.6346),
    "energy": 9000.0,
    "distance": 0.5,
    "pixel_size": (55e-6, 55e-6),
    "rocking_axis": "y+",
    "rocking_step": 0.005,
}
WHOLE = StatedGeometry(values=VALUES, sources={"energy": "motor Energy, 9 keV"})


def pattern(text, **meta):
    counts = np.ones((4, 4, 4), np.float32)
    return Pattern.from_counts(counts, meta=Meta(source="a.h5", geometry=text, **meta))


def without(*keys, **changes):
    return StatedGeometry(values={k: v for k, v in {**VALUES, **changes}.items() if k not in keys})


def test_its_toml_is_a_geometry_file(tmp_path):
    path = tmp_path / "scan.toml"
    path.write_text(WHOLE.toml())
    expected = Geometry.at(
        "34idc",
        angles=(32.174, 12.6346),
        energy=9000,
        distance=0.5,
        pixel_size=(55e-6, 55e-6),
        rocking_axis="y+",
        rocking_step=0.005,
    )
    assert load_geometry(path) == expected == WHOLE.complete("here")
    assert "energy = 9000                       # motor Energy, 9 keV" in WHOLE.toml()


def test_numbers_and_axes_survive_the_text():
    values = {
        "detector": (((0.1, -0.2, 0.9), 1.25e-7), ("y-", -30.0)),
        "peak": (-3.5, 12.0),
        "binning": (1, 2, 3),
    }
    read = stated_in(StatedGeometry(values=values).toml(), "there").values
    assert read == values


def test_what_is_missing_and_refused_is_told():
    stated = StatedGeometry(
        values={key: VALUES[key] for key in ("beamline", "energy", "pixel_size", "rocking_step")},
        refused={"distance": "500 without a unit: 500 m are not plausible, 500 mm are 0.5 m"},
    )
    assert stated.missing == ("distance", "rocking_axis", "angles")
    text = stated.toml()
    assert tomllib.loads(text).keys() == {"beamline", "energy", "pixel_size", "rocking_step"}
    assert "# rocking_axis is missing" in text
    again = stated_in(text, "there")
    assert again.refused == stated.refused
    with pytest.raises(InputError, match=r"^scan: distance: 500 without a unit"):
        again.over(without("distance")).complete("scan")
    assert again.over(without()).refused == {}


def test_one_source_fills_the_gaps_of_another():
    given = StatedGeometry(values={"distance": 0.7, "detector": (("y-", 3.0), ("x-", 33.0))})
    together = given.over(without("pixel_size"))
    assert together.missing == ("pixel_size",)
    assert together.values["distance"] == 0.7
    assert not {"beamline", "angles"} & together.values.keys()
    assert without("angles").over(StatedGeometry(values={"angles": (1.0, 2.0)})).values["angles"] == (
        1.0,
        2.0,
    )


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"angles": (32.174, 12.5)}, r"the angles of the arm \[32.174, 12.6346\], not \[32.174, 12.5\]"),
        ({"rocking_step": -0.005}, "the rocking step in degrees 0.005, not -0.005"),
        ({"rocking_axis": "y-"}, 'the rocking axis "y\\+", not "y-"'),
        ({"column": "x-"}, 'the direction of columns "x\\+", not "x-"'),
    ],
)
def test_a_contradiction_is_warned_of_and_the_user_is_followed(changes, told):
    scan = Scan(geometry=without(**changes).complete("user"))
    with pytest.warns(SayreWarning, match=told):
        assert with_stated(scan, pattern(WHOLE.toml())) == scan


@pytest.mark.parametrize("changes", [{}, {"angles": (32.17, 12.63)}, {"rocking_axis": (0.0, 2.0, 0.0)}])
def test_rounding_is_no_contradiction(changes):
    scan = Scan(geometry=without(**changes).complete("user"))
    assert with_stated(scan, pattern(WHOLE.toml())) == scan


def test_a_file_alone_gives_the_geometry():
    with pytest.warns(SayreWarning, match=r"a\.h5: geometry as the file states it: 9000 eV, 0.5 m"):
        found = with_stated(Scan(), pattern(WHOLE.toml(), binning=(1, 2, 2)))
    assert found.geometry == Scan(geometry=WHOLE.complete("x")).binned((1, 2, 2)).geometry


def test_a_part_by_the_user_and_a_part_by_the_file(tmp_path):
    path = tmp_path / "part.toml"
    path.write_text("distance = 0.5\n")
    scan = Scan(geometry=read_geometry(path))
    assert scan.geometry is None
    found = with_stated(scan, pattern(without("distance").toml()))
    assert found.geometry == WHOLE.complete("x")
    with pytest.raises(InputError, match=r"part\.toml: energy: is missing"):
        with_stated(scan, pattern(None))


def test_a_part_by_the_user_and_numbers_of_a_file_that_is_no_scan():
    part = StatedGeometry(values=without("energy", "distance").values)
    known = pattern(None, energy=9000.0, distance=0.5)
    assert with_stated(Scan(partial=part), known).geometry == WHOLE.complete("x")
    with pytest.raises(InputError, match="energy: is missing"):
        with_stated(Scan(partial=part), pattern(None, distance=0.5))


def test_what_neither_states_is_said():
    with pytest.warns(SayreWarning, match=r"a\.h5: states no distance, so its geometry is not known"):
        assert with_stated(Scan(), pattern(without("distance").toml())) == Scan()
    refused = StatedGeometry(values=without("distance").values, refused={"distance": "0.5 or 500"})
    with pytest.raises(InputError, match=r"distance: 0\.5 or 500"):
        with_stated(Scan(), pattern(refused.toml()))


def test_every_field_of_a_geometry_has_a_key():
    assert set(StatedGeometry.of(geometry()).values) == set(KEYS) - {"beamline", "angles"}
