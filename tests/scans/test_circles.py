"""Steps in q in the frame of the sample, for every circle of every beamline, from their rotations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scan_samples import AXES, turned

from sayre.crystal.geometry import BEAMLINES, Geometry
from sayre.scans.layouts.circles import SAMPLE, axis_of, named, stances

ANGLES = (12.0, 78.0, -5.0, 20.0)
ARM = (13.0, 34.0)
ENERGY, DISTANCE, PIXEL, PEAK, STEP = 9000.0, 0.7, (55e-6, 75e-6), (37.0, -21.0), 0.01
CASES = [(name, index) for name in BEAMLINES for index in range(len(SAMPLE[name]))]


def along(name):
    return AXES[name[0]] * (1 if name[1] == "+" else -1)


def q_in_the_sample(beamline, angles, row, column):
    """q of a pixel: out of the laboratory by the inverse of the rotation of all circles of the sample."""
    circles = BEAMLINES[beamline]
    down, right = row * PIXEL[0] * along(circles.row), column * PIXEL[1] * along(circles.column)
    flat = DISTANCE * AXES["z"] + down + right
    ahead = turned(*zip(circles.detector, ARM, strict=True)) @ flat
    q = 2 * np.pi * ENERGY / 12398.419843320025 * (ahead / np.linalg.norm(ahead) - AXES["z"])
    stand = [(circle.axis, angle) for circle, angle in zip(SAMPLE[beamline], angles, strict=True)]
    return turned(*stand).T @ q


@pytest.mark.parametrize(("beamline", "moved"), CASES)
def test_a_circle_steps_through_the_crystal_as_its_rotation_does(beamline, moved):
    circles = SAMPLE[beamline]
    angles = np.array(ANGLES[: len(circles)])
    positions = {circle.names[0]: angle for circle, angle in zip(circles, angles, strict=True)}
    geometry = Geometry.at(
        beamline,
        angles=ARM,
        energy=ENERGY,
        distance=DISTANCE,
        pixel_size=PIXEL,
        rocking_axis=axis_of(circles, circles[moved].names[0], positions),
        rocking_step=STEP,
        peak=PEAK,
    )
    geometry = replace(geometry, sample=tuple(one[:2] for one in stances(circles, positions)))
    half = STEP / 2 * np.eye(len(circles))[moved]
    row, column = PEAK

    def q(turn=0.0, down=0.0, right=0.0):
        return q_in_the_sample(beamline, angles + turn, row + down, column + right)

    expected = [q(half) - q(-half), q(down=0.5) - q(down=-0.5), q(right=0.5) - q(right=-0.5)]
    back = geometry.sample_axes()  # rows: where the circles take x, y and z
    assert np.allclose(back @ geometry.g(), q(), rtol=0, atol=1e-9 * np.linalg.norm(q()))
    for step, true in zip(geometry.steps() @ back.T, expected, strict=True):
        assert np.allclose(step, true, rtol=0, atol=1e-6 * np.linalg.norm(true))


def test_what_is_no_circle_has_no_axis():
    assert axis_of(SAMPLE["id01"], "pix", {}) is None
    assert named([0, 0, -3.0]) == "z-"
    assert named([1.0, 1.0, 0]) == (0.707106781, 0.707106781, 0.0)
    assert stances(SAMPLE["34idc"], {"th": 3.0}) == [("y+", 3.0, "th")]
