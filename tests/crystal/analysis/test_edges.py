"""Widths of the surface of boxes that are blurred by Gaussians: products of error functions."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from scipy.special import erf

from sayre.crystal.analysis.edges import FWHM, EdgeWidth, edge_widths

SHAPE, HALF = (64, 60, 56), (17.3, 16.2, 15.4)


def box(blur, basis):
    """Amplitude of a box with faces across x, y and z, blurred by another standard deviation along each."""
    index = np.stack(np.meshgrid(*(np.arange(n) - n // 2 for n in SHAPE), indexing="ij"), -1)
    places = index @ basis
    amplitude = np.ones(SHAPE)
    for axis, (half, sigma) in enumerate(zip(HALF, blur, strict=True)):
        scale = np.sqrt(2) * sigma
        amplitude *= (erf((half + places[..., axis]) / scale) + erf((half - places[..., axis]) / scale)) / 2
    return amplitude


OBLIQUE = np.array([[1.0, 0, 0], [0.2, 0.95, 0], [0.1, -0.15, 1.1]])
AXES = list(zip("xyz", np.eye(3), strict=True))


@pytest.mark.parametrize("blur", [(1.0, 1.0, 1.0), (0.8, 1.2, 1.7), (1.7, 0.9, 1.3)])
@pytest.mark.parametrize("basis", [np.eye(3), np.diag([1.0, 0.8, 1.2]), OBLIQUE])
def test_each_direction_has_its_own_width(blur, basis):
    amplitude = box(blur, basis)
    found = edge_widths(amplitude, amplitude > 0.5, basis, [*AXES, ("G", [0, 2.7, 0])])
    assert [edge.name for edge in found] == ["x", "y", "z", "G"]
    for edge, sigma in zip(found, (*blur, blur[1]), strict=True):
        assert edge.width == pytest.approx(FWHM * sigma, rel=0.07)
    assert found[3].direction == (0, 1, 0)
    assert min(edge.profiles for edge in found) > 500


def test_voxels_may_lie_in_any_way():
    basis = Rotation.random(random_state=1).as_matrix()
    amplitude = box((0.9, 1.2, 1.7), basis)
    for edge, sigma in zip(
        edge_widths(amplitude, amplitude > 0.5, basis, AXES), (0.9, 1.2, 1.7), strict=True
    ):
        assert edge.width == pytest.approx(FWHM * sigma, rel=0.07)


def test_a_direction_that_no_face_has_is_left_out():
    """Halfway between the faces."""
    amplitude = box((1.0, 1.0, 1.0), np.eye(3))
    found = edge_widths(amplitude, amplitude > 0.5, np.eye(3), [*AXES, ("G", np.ones(3))])
    assert [edge.name for edge in found] == ["x", "y", "z"]


@pytest.mark.parametrize("basis", [np.diag([1.0, 0.8, 1.2]), OBLIQUE])
def test_an_array_around_the_crystal_changes_nothing(basis):
    """To the error of the spline, which ends a few voxels beyond the profiles."""
    amplitude = box((0.9, 1.2, 1.7), basis)
    support = amplitude > 0.5
    own = edge_widths(amplitude, support, basis, AXES)
    amplitude, support = np.pad(amplitude, 30), np.pad(support, 30)
    amplitude[0], amplitude[-1] = 1.0, -1.0
    wider = edge_widths(amplitude, support, basis, AXES)
    assert [edge.profiles for edge in wider] == [edge.profiles for edge in own]
    for one, other in zip(wider, own, strict=True):
        assert one.width == pytest.approx(other.width, rel=1e-6)


def test_images_and_nothing_have_none():
    nothing = np.zeros((8, 8, 8))
    assert edge_widths(nothing, nothing > 0, np.eye(3), AXES) == []
    assert edge_widths(np.ones((8, 8)), np.ones((8, 8), bool), np.eye(2), []) == []


@pytest.mark.parametrize(
    ("width", "voxel", "text"),
    [
        (0.6, (0.5, 0.5, 0.4), "below 1"),
        (1.234, (0.5, 0.5, 0.4), "1.23"),
        (1.9, None, "below 2"),
        (2.5, None, "2.5"),
    ],
)
def test_a_width_below_two_voxels_is_not_stated(width, voxel, text):
    edge = EdgeWidth(name="row", direction=(0.0, 1.0, 0.0), width=width, profiles=100)
    assert edge.text(voxel) == text
