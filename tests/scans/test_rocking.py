"""Angles of the frames: the even grid, what is missing, repeated, uneven, and what is no rocking scan."""

from __future__ import annotations

import numpy as np
import pytest

from sayre.errors import InputError
from sayre.scans.protocol import Motor
from sayre.scans.rocking import rocking, rocking_motor


def eta(positions):
    return Motor("eta", np.asarray(positions, float), "x-")


def moving(name, axis="x-", size=1.0):
    return Motor(name, size * np.arange(5.0), axis)


@pytest.mark.parametrize("step", [0.005, -0.02])
def test_an_even_scan_with_the_noise_of_an_encoder(step):
    rng = np.random.default_rng(0)
    angles = 3 + step * np.arange(400) + 0.05 * step * rng.standard_normal(400)
    found = rocking(eta(angles), None, "scan")
    assert found.step == pytest.approx(step, rel=1e-3)
    assert np.array_equal(found.place, np.arange(400))
    assert (found.size, found.remarks) == (400, ())


def test_a_long_scan_whose_command_is_a_little_off_stays_on_its_grid():
    found = rocking(eta(0.01005 * np.arange(1000)), 0.01, "scan")
    assert np.array_equal(found.place, np.arange(1000))
    assert found.step == 0.01
    assert rocking(eta(0.0105 * np.arange(9)), 0.01, "scan").step == pytest.approx(0.0105)


def test_missing_and_repeated_angles():
    found = rocking(eta(np.array([0, 1, 2, 2, 5, 6, 7, 8, 9]) * 0.01), None, "scan")
    assert list(found.place) == [0, 1, 2, -1, 5, 6, 7, 8, 9]
    assert found.size == 10
    assert found.step == pytest.approx(0.01)
    assert "frame 3 repeat the angle before" in found.remarks[0]
    assert "2 angles of eta were left out by the scan (frames 3, 4), masked" in found.remarks[1]


@pytest.mark.parametrize(
    ("angles", "message"),
    [
        ([0, 1, 2, 3.4, 4, 5, 6, 7], r"frame 3 was taken at eta = 3\.4 °, 0\.\d+ steps off the even grid"),
        ([0, 1, 2, 3, 2, 3, 4, 5], "eta goes back and forth"),
        ([0, 1, 2, np.nan], "no angle at every frame"),
        ([0, 0, 0, 0, 1], "most frames were taken at the angle of the one before"),
        ([0, 1, 2, 3, 90], "of 91 angles of eta are missing"),
    ],
)
def test_what_is_no_grid_is_refused(angles, message):
    with pytest.raises(InputError, match=f"^scan 3: .*{message}"):
        rocking(eta(angles), None, "scan 3")


def test_the_circle_that_rocked():
    drift = moving("phi", size=1e-3)
    assert rocking_motor([drift, moving("eta"), Motor("nu", np.full(5, 3.0), None)], "scan").name == "eta"


@pytest.mark.parametrize(
    ("moved", "message"),
    [
        ([moving("nrj", None)], r"the energy was scanned \(nrj\)"),
        ([moving("eta"), moving("mononrj", None)], "the energy was scanned"),
        ([], "no motor moved"),
        ([Motor("eta", np.zeros(5), "x-")], "no motor moved"),
        ([moving("pix", None)], "pix turns no circle of the sample"),
        ([moving("eta"), moving("phi")], "eta, phi moved at once"),
        ([moving("eta"), moving("delta", None)], "eta, delta moved at once"),
    ],
)
def test_what_is_no_rocking_scan_is_refused(moved, message):
    with pytest.raises(InputError, match=message):
        rocking_motor(moved, "scan 3")
