"""What is known of a scan, and what contradicts itself."""

import pytest
from physics_samples import geometry

from sayre.crystal.conversion import known_frame
from sayre.crystal.scan import Scan
from sayre.errors import InputError


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
