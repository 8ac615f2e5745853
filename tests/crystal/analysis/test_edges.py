"""Widths of the surface of boxes that are blurred by Gaussians: products of error functions."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from scipy.special import erf

from sayre.crystal.analysis.edges import FWHM, edge_widths
from sayre.crystal.orthogonalise import LABORATORY
from sayre.data import Crystal

SHAPE, HALF = (64, 60, 56), (17.3, 16.2, 15.4)


def box(blur, size=(1.0, 1.0, 1.0), axes=LABORATORY):
    """A box of faces across the array axes, blurred by another standard deviation (nm) along each."""
    amplitude = np.ones(SHAPE)
    for axis, (n, half, sigma, step) in enumerate(zip(SHAPE, HALF, blur, size, strict=True)):
        place = (np.arange(n) - n // 2) * step
        edges = erf((half + place) / (np.sqrt(2) * sigma)) + erf((half - place) / (np.sqrt(2) * sigma))
        amplitude *= (edges / 2).reshape([-1 if other == axis else 1 for other in range(3)])
    obj = amplitude * np.exp(1j * np.indices(SHAPE)[0] / 9)
    return Crystal(object=obj.astype(np.complex64), support=amplitude > 0.5, voxel_size=size, axes=axes)


@pytest.mark.parametrize("blur", [(1.0, 1.0, 1.0), (0.8, 1.2, 1.7), (1.7, 0.9, 1.3)])
@pytest.mark.parametrize("size", [(1.0, 1.0, 1.0), (1.0, 0.8, 1.2)])
def test_each_direction_has_its_own_width(blur, size):
    found = edge_widths(box(blur, size), np.array([0.0, 1, 0]))
    assert [edge.name for edge in found] == ["z", "y", "x", "G"]
    for edge, sigma in zip(found, (*blur, blur[1]), strict=True):
        assert edge.width == pytest.approx(FWHM * sigma, rel=0.05)
    assert [edge.direction for edge in found[:3]] == [tuple(axis) for axis in LABORATORY]
    assert min(edge.profiles for edge in found) > 500


def test_directions_are_those_of_the_laboratory():
    axes = Rotation.random(random_state=1).as_matrix()
    found = edge_widths(box((0.8, 1.2, 1.7), axes=axes), axes[2])
    assert found[3].name == "G"
    assert found[3].width == pytest.approx(found[2].width)
    assert np.allclose(found[3].direction, axes[2])


def test_a_direction_that_no_face_has_is_left_out():
    """Halfway between the faces."""
    found = edge_widths(box((1.0, 1.0, 1.0)), np.array([1.0, 1, 1]))
    assert [edge.name for edge in found] == ["z", "y", "x"]


def test_oblique_voxels_and_nothing_have_none():
    skew = LABORATORY + 0.2 * np.eye(3)
    skew /= np.linalg.norm(skew, axis=1, keepdims=True)
    assert edge_widths(box((1.0, 1.0, 1.0), axes=skew)) == []
    nothing = np.zeros((8, 8, 8))
    assert edge_widths(Crystal(object=nothing.astype(np.complex64), support=nothing > 0)) == []
