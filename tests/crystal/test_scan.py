"""What is known of a scan, and what contradicts itself."""

from dataclasses import replace

import numpy as np
import pytest
from physics_samples import geometry

from sayre.crystal.conversion import known_frame
from sayre.crystal.geometry import Geometry
from sayre.crystal.scan import Scan, with_stated
from sayre.data import Meta, Pattern
from sayre.errors import InputError, SayreWarning


@pytest.mark.parametrize(
    ("known", "message"),
    [
        ({"hkl": (0, 0, 0)}, "^hkl: 0 0 0 is the direct beam"),
        ({"hkl": (1.5, 0, 0)}, "^hkl: must be a whole number"),
        ({"lattice_constant": -4.0}, "^lattice_constant: must be a number above 0, found -4.0$"),
        ({"lattice_constant": float("nan")}, "^lattice_constant: must be a number above 0, found nan$"),
        ({"along": 3}, "^along: must be a whole number from 0 to 2, found 3$"),
        ({"along": 1, "geometry": geometry()}, "^along: the geometry states where G points"),
    ],
)
def test_what_cannot_be_is_refused(known, message):
    with pytest.raises(InputError, match=message):
        Scan(**known)


def test_cubes_need_a_geometry_from_somewhere():
    with pytest.raises(InputError, match=r"^voxel_size: belongs to the laboratory frame; add a geometry$"):
        known_frame((8, 8, 8), Scan(voxel_size=5.0))


def test_binning_multiplies_that_of_the_geometry():
    scan = Scan(geometry=geometry()).binned((1, 2, 4))
    before = geometry().binning
    assert scan.geometry.binning == (before[0], 2 * before[1], 4 * before[2])
    assert Scan().binned((2, 2, 2)) == Scan()


def test_counts_that_are_no_part_of_the_shape_of_the_geometry_are_said():
    """Frames last, as they would be read without `--axes`; a part of the counts, and binned ones, fit."""
    known = {"energy": 9000.0, "distance": 0.5, "pixel_size": (55e-6, 55e-6), "rocking_axis": "y+"}
    geometry = Geometry.at("34idc", angles=(32.0, 12.0), rocking_step=0.01, shape=(20, 40, 30), **known)
    scan = Scan(geometry=geometry)
    counts = np.ones((40, 30, 20), np.float32)
    with pytest.warns(SayreWarning, match="40 × 30 × 20 frames, rows and columns are no part"):
        with_stated(scan, Pattern.from_counts(counts))
    whole = Pattern.from_counts(np.moveaxis(counts, -1, 0))
    for fitting in (whole, whole.crop((slice(4, 20), slice(8, 40), slice(0, 30)))):
        assert with_stated(scan, fitting) == scan
    moved = replace(whole, meta=Meta(origin=(0, 1, 0)))
    with pytest.warns(SayreWarning, match="20 × 41 × 30"):
        with_stated(scan, moved)
    with pytest.raises(InputError, match="shape must be three numbers"):
        Geometry.at("34idc", angles=(32.0, 12.0), rocking_step=0.01, shape=(20, 0, 30), **known)
