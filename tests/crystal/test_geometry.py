import re
import tomllib
import warnings
from pathlib import Path

import numpy as np
import pytest
from physics_samples import geometry
from scipy.spatial.transform import Rotation

from sayre.crystal.geometry import BEAMLINES, Geometry, check_reflection, direction
from sayre.errors import InputError, SayreWarning


def vertical(two_theta=40.0, **changes):
    """Scattering in the vertical plane, θ scanned about x."""
    known = {
        "energy": 8000.0,
        "distance": 1.0,
        "pixel_size": (1e-4, 2e-4),
        "detector": (("x-", two_theta),),
        "rocking_axis": "x-",
        "rocking_step": 0.01,
    }
    return Geometry(**(known | changes))


def test_bragg():
    scan = vertical()
    k = 2 * np.pi / scan.wavelength
    assert scan.wavelength == pytest.approx(12.39842 / 8, rel=1e-6)
    np.testing.assert_allclose(
        scan.g(), k * np.array([0, np.sin(np.radians(40)), np.cos(np.radians(40)) - 1])
    )
    assert np.linalg.norm(scan.g()) == pytest.approx(2 * k * np.sin(np.radians(20)))


def test_symmetric_steps():
    """In the vertical plane: columns along x; rows against the tangent; rocking |G| dθ long."""
    scan = vertical(binning=(2, 3, 4))
    rocking, row, column = scan.steps()
    k, t = 2 * np.pi / scan.wavelength, np.radians(40)
    np.testing.assert_allclose(column, [4 * k * 2e-4, 0, 0], atol=1e-15)
    np.testing.assert_allclose(row, -3 * k * 1e-4 * np.array([0, np.cos(t), -np.sin(t)]), atol=1e-15)
    assert rocking @ scan.g() == pytest.approx(0, abs=1e-12)
    assert np.linalg.norm(rocking) == pytest.approx(2 * np.radians(0.01) * np.linalg.norm(scan.g()))


def brute(scan, frame, row, column):
    """q in the frame of the crystal of one pixel of one frame, with no approximation."""
    arm = Rotation.identity()
    for axis, angle in scan.detector:
        arm = arm * Rotation.from_rotvec(np.radians(angle) * direction(axis))
    place = np.array([0, 0, scan.distance]) + sum(
        (number + middle) * size * direction(axis)
        for number, middle, size, axis in zip(
            (row, column), scan.peak, scan.pixel_size, (scan.row, scan.column), strict=True
        )
    )
    place = arm.apply(place)
    q = 2 * np.pi / scan.wavelength * (place / np.linalg.norm(place) - [0, 0, 1])
    crystal = Rotation.from_rotvec(np.radians(frame * scan.rocking_step) * direction(scan.rocking_axis))
    return crystal.inv().apply(q)


@pytest.mark.parametrize("beamline", BEAMLINES)
@pytest.mark.parametrize("peak", [(0.0, 0.0), (150.0, -80.0)])
def test_steps_are_derivatives_of_the_exact_q(beamline, peak):
    scan = geometry(rocking_axis=(0.2, 1, -0.1), rocking_step=-0.005, binning=(1, 1, 1), peak=peak)
    arm = tuple((axis, angle) for axis, angle in zip(BEAMLINES[beamline].detector, (32.0, 12.0), strict=True))
    scan = Geometry.at(
        beamline,
        angles=[angle for _, angle in arm],
        energy=scan.energy,
        distance=scan.distance,
        pixel_size=(55e-6, 75e-6),
        rocking_axis=scan.rocking_axis,
        rocking_step=scan.rocking_step,
        peak=peak,
    )
    np.testing.assert_allclose(scan.g(), brute(scan, 0, 0, 0))
    for step, which in zip(scan.steps(), np.eye(3), strict=True):
        central = (brute(scan, *which) - brute(scan, *-which)) / 2
        np.testing.assert_allclose(step, central, rtol=1e-6, atol=1e-10)


def test_arm_directions():
    """ID01: ν turns to −x, δ up; 34-ID-C: δ turns to +x, γ up."""
    known = {
        "energy": 9000,
        "distance": 1,
        "pixel_size": (1e-4, 1e-4),
        "rocking_axis": "x-",
        "rocking_step": 0.01,
    }
    assert Geometry.at("id01", angles=(10, 0), **known).g()[0] < 0
    assert Geometry.at("id01", angles=(0, 10), **known).g()[1] > 0
    assert Geometry.at("34IDC", angles=(10, 0), **known).g()[0] > 0
    assert Geometry.at("34idc", angles=(0, 10), **known).g()[1] > 0


def test_gold_at_34idc():
    """The measured crystal of APS 34-ID-C is gold 111 to 1 %."""
    g = float(np.linalg.norm(geometry().g()))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert check_reflection(g, (1, 1, 1), 4.078) == pytest.approx(1.008, abs=1e-3)
    with pytest.warns(SayreWarning, match=r"0 0 2 of a 4.078 Å lattice has 3.0815, -12.7 %"):
        check_reflection(g, (0, 0, 2), 4.078)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"energy": 0}, "energy must be a positive"),
        ({"rocking_step": 0.0}, "rocking step"),
        ({"binning": (1, 0, 1)}, "binning"),
        ({"row": "x+"}, "right angles"),
        ({"detector": (("x-", 0.0),)}, "direct beam"),
        ({"detector": (("x-", float("inf")),)}, "detector: the angle of circle x- must be from .* found inf"),
        ({"detector": (("x-", float("nan")),)}, "found nan"),
        ({"sample": (("y+", 3600.0),)}, "sample: the angle of circle y"),
        ({"peak": (float("nan"), 0.0)}, "peak must be two numbers"),
        ({"rocking_axis": "w"}, "axis: 'w'"),
        ({"column": (0, 0, 0)}, "is no direction"),
    ],
)
def test_refusals(changes, message):
    with pytest.raises(InputError, match=message) as error:
        vertical(**changes).steps()
    assert "\n" not in str(error.value)


def test_unknown_beamline():
    with pytest.raises(InputError, match="one of 34idc"):
        Geometry.at("moon", angles=(1, 2))
    with pytest.raises(InputError, match="1 angles for circles"):
        Geometry.at("id01", angles=(1,))


def test_examples_of_the_documentation():
    text = (Path(__file__).parents[2] / "docs" / "physics.md").read_text(encoding="utf-8")
    first, second = (tomllib.loads(block) for block in re.findall(r"```toml\n(.*?)```", text, re.S))
    assert np.linalg.norm(Geometry.at(**first).g()) == pytest.approx(2.69, abs=0.01)
    assert Geometry(**second).g()[1] > 0
