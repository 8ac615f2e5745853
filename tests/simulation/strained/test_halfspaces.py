from itertools import product

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from sayre.simulation.strained.halfspaces import LEAST, RANGES, SIDE, half_space_crystal


@pytest.fixture(scope="module")
def crystals():
    return {strain: half_space_crystal(strain, 1) for strain in ("1", "2", "6")}


def object_of(made):
    return np.fft.fftshift(np.fft.ifftn(np.fft.ifftshift(made.amplitude)))


def test_amplitude_is_flat_inside_and_zero_outside(crystals):
    for made in crystals.values():
        bright = np.abs(object_of(made))
        level = bright[made.inside].mean()
        assert np.abs(bright[made.inside] / level - 1).max() < 1e-3
        assert bright[~made.inside].max() < 1e-3 * level
        assert np.abs(made.amplitude).max() ** 2 == pytest.approx(made.counts.max(), rel=0.05)


def test_the_shape_is_convex_and_as_large_as_stated(crystals):
    """Every voxel inside the hull of the crystal's voxels is the crystal's."""
    for made in crystals.values():
        assert made.inside.sum() >= LEAST
        places = np.argwhere(made.inside)
        faces = ConvexHull(places).equations
        box = tuple(slice(low - 1, high + 2) for low, high in zip(places.min(0), places.max(0), strict=True))
        grid = np.stack(np.mgrid[box], -1)
        assert ((grid @ faces[:, :3].T + faces[:, 3] < 1e-6).all(-1) == made.inside[box]).all()
        assert SIDE / (np.ptp(places, axis=0).max() + 1) == pytest.approx(made.oversampling)
        assert 2.3 <= made.oversampling <= 4
        assert np.abs(places.min(0) + places.max(0) - SIDE).max() <= 1


@pytest.mark.parametrize("strain", ["1", "2"])
def test_the_phase_has_its_range(crystals, strain):
    """Neighbours differ by less than half a turn, so that unwrapped steps add up along any path."""
    places = np.argwhere(crystals[strain].inside)
    box = tuple(slice(low, high + 1) for low, high in zip(places.min(0), places.max(0), strict=True))
    inside, phase = crystals[strain].inside[box], np.angle(object_of(crystals[strain]))[box]
    known = np.full(phase.shape, np.nan)
    first = tuple(np.argwhere(inside)[0])
    known[first] = phase[first]
    for _ in range(3):  # from plane to plane, both ways along each axis
        for axis, way in product(range(3), (1, -1)):
            planes = [np.moveaxis(a, axis, 0)[::way] for a in (known, phase, inside)]
            for before, now, wrapped, here in zip(
                planes[0], planes[0][1:], planes[1][1:], planes[2][1:], strict=False
            ):
                turned = before + np.angle(np.exp(1j * (wrapped - before)))
                now[:] = np.where(here & np.isnan(now), turned, now)
    assert not np.isnan(known[inside]).any()
    assert np.ptp(known[inside]) == pytest.approx(RANGES[strain], rel=0.02)


def test_the_same_crystal_for_everyone_and_another_for_each_number():
    first, again, other = (half_space_crystal("2", index) for index in (3, 3, 4))
    np.testing.assert_array_equal(first.counts, again.counts)
    assert (first.counts != other.counts).any()
