from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayre.detectors.masks import (
    beamstop,
    combine,
    cross,
    dead_pixels,
    from_whitefield,
    plane,
)
from sayre.errors import InputError
from sayre.numerics.gaps import find_gaps
from strategies import masks

SHAPE = (7, 60, 50)


@given(st.data())
def test_plane_against_its_index(data):
    axis = data.draw(st.integers(-3, 2))
    width = data.draw(st.integers(1, SHAPE[axis]))
    start = data.draw(st.integers(0, SHAPE[axis] - width))
    index = np.indices(SHAPE)[axis]
    np.testing.assert_array_equal(
        plane(SHAPE, axis, start, width), (index >= start) & (index < start + width)
    )


def test_cross_is_found_again():
    (gap,), _ = find_gaps(cross(SHAPE, (1, 2), (30, 20), (6, 4)))
    assert gap.kind == "cross"
    assert gap.slabs == ((1, 30, 36), (2, 20, 24))


@pytest.mark.parametrize(
    ("axis", "start", "width"), [(3, 0, 1), (-4, 0, 1), (0, 7, 1), (0, -1, 2), (0, 5, 3), (0, 0, 0)]
)
def test_plane_must_lie_inside(axis, start, width):
    with pytest.raises(InputError, match="mask: "):
        plane(SHAPE, axis, start, width)


def test_cross_lengths_must_agree():
    with pytest.raises(InputError, match="one length"):
        cross(SHAPE, (1, 2), (3,), (4, 4))


def test_beamstop_against_brute_force():
    centre, radius = (20.5, 11), 6.3
    expected = np.zeros(SHAPE, bool)
    for row, column in itertools.product(range(SHAPE[1]), range(SHAPE[2])):
        expected[:, row, column] = np.hypot(row - centre[0], column - centre[1]) <= radius
    np.testing.assert_array_equal(beamstop(SHAPE, centre, radius), expected)
    np.testing.assert_array_equal(beamstop(SHAPE[1:], centre, radius), expected[0])


@pytest.mark.parametrize(
    ("side", "border", "beyond"),
    [("top", np.s_[0, :], np.s_[-1, :]), ("bottom", np.s_[-1, :], np.s_[0, :]),
     ("left", np.s_[:, 0], np.s_[:, -1]), ("right", np.s_[:, -1], np.s_[:, 0])],
)  # fmt: skip
@pytest.mark.parametrize("width", [1, 4, 5])
def test_beamstop_arm_reaches_its_side(side, border, beyond, width):
    mask = beamstop((60, 50), (30, 25), 8, arm=(side, width))
    assert np.count_nonzero(mask[border]) == width
    assert not mask[beyond].any()
    (gap,), _ = find_gaps(mask)
    assert gap.kind == "beamstop"


def test_beamstop_refuses():
    with pytest.raises(InputError, match="radius"):
        beamstop(SHAPE, (3, 3), -1)
    with pytest.raises(InputError, match="top, bottom, left, right, found 'up'"):
        beamstop(SHAPE, (3, 3), 2, arm=("up", 3))  # type: ignore[arg-type]


def test_dead_pixels_by_fraction():
    mask = dead_pixels(SHAPE, fraction=0.05, generator=np.random.default_rng(0))
    assert np.count_nonzero(mask[0]) == 150
    assert (mask == mask[0]).all()
    again = dead_pixels(SHAPE, fraction=0.05, generator=np.random.default_rng(0))
    np.testing.assert_array_equal(mask, again)
    assert {gap.kind for gap in find_gaps(mask)[0]} == {"isolated"}


def test_dead_pixels_by_coordinates():
    mask = dead_pixels(SHAPE, coordinates=[(0, 0), (59, 49), (3, 7)])
    np.testing.assert_array_equal(np.argwhere(mask[4]), [(0, 0), (3, 7), (59, 49)])
    assert not dead_pixels(SHAPE, coordinates=[]).any()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"fraction": 0.1, "coordinates": [(0, 0)]},
        {"fraction": 0.1},
        {"fraction": 1.5, "generator": np.random.default_rng(0)},
        {"coordinates": [(60, 0)]},
        {"coordinates": [(0, -1)]},
    ],
)
def test_dead_pixels_refuse(options):
    with pytest.raises(InputError, match="dead pixels"):
        dead_pixels(SHAPE, **options)


@given(masks(min_dims=3))
def test_combine_is_the_union(mask):
    frame = mask[0]
    np.testing.assert_array_equal(combine(frame, mask), mask | frame)
    np.testing.assert_array_equal(combine(mask), mask)


def test_combine_refuses():
    with pytest.raises(InputError, match="nothing"):
        combine()
    with pytest.raises(InputError, match="do not agree"):
        combine(np.zeros((3, 4), bool), np.zeros((2, 4, 3), bool))


def flat_field(rng):
    """Counts of a detector with uneven illumination and 3 % spread of response."""
    row, column = np.mgrid[:128, :128] / 128
    illumination = 5000 * (0.4 + row) * np.exp(-((column - 0.3) ** 2))
    return rng.poisson(illumination * (1 + 0.03 * rng.standard_normal(row.shape))).astype(float)


def test_whitefield_finds_exactly_what_was_planted():
    rng = np.random.default_rng(3)
    flat = flat_field(rng)
    bad = dead_pixels(flat.shape, fraction=0.01, generator=rng)
    flat[bad] *= rng.choice([0, 0.2, 3, 50], np.count_nonzero(bad))
    np.testing.assert_array_equal(from_whitefield(flat), bad)
    flat[5, 5], flat[6, 6] = np.nan, np.inf
    assert from_whitefield(flat)[[5, 6], [5, 6]].all()


def test_whitefield_does_not_depend_on_the_unit():
    flat = flat_field(np.random.default_rng(4))
    np.testing.assert_array_equal(from_whitefield(flat), from_whitefield(flat / 7e3))


def test_whitefield_masks_dead_areas():
    flat = flat_field(np.random.default_rng(5))
    flat[60:66] = flat[:, 100:] = 0
    expected = flat == 0
    np.testing.assert_array_equal(from_whitefield(flat) & expected, expected)
    assert np.count_nonzero(from_whitefield(flat) & ~expected) < 300  # beside the large area only


def test_whitefield_refuses():
    with pytest.raises(InputError, match="2D"):
        from_whitefield(np.ones((2, 3, 3)))
    with pytest.raises(InputError, match="no pixel is positive"):
        from_whitefield(np.zeros((5, 5)))


@pytest.mark.measured
def test_measured_whitefield_against_the_beamline_s_list(measured):
    file = measured("A")
    found, listed = from_whitefield(file["whitefield"]), file["bad_pixels"]
    assert np.count_nonzero(found & listed) > 0.8 * np.count_nonzero(listed)  # 228 of 280
    assert np.count_nonzero(found & ~listed) < 10  # 2
