"""Facets of polyhedra whose planes are known."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from sayre.crystal.analysis.facets import facets_of
from sayre.crystal.orthogonalise import LABORATORY
from sayre.data import Crystal

SHAPE = (56, 60, 58)
CUBE = np.concatenate([np.eye(3), -np.eye(3)])
OCTAHEDRON = np.array([[a, b, c] for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)]) / 3**0.5


def polyhedron(planes, radius, axes=LABORATORY, size=(1.0, 1.0, 1.0), ball=np.inf):
    """A crystal between planes at one distance in nm, normals in the laboratory; strain is 1e-4 of x."""
    index = np.stack(np.meshgrid(*(np.arange(n) - n // 2 for n in SHAPE), indexing="ij"), -1)
    places = index * np.array(size) @ axes
    support = (places @ np.asarray(planes).T < radius).all(-1) & (np.linalg.norm(places, axis=-1) < ball)
    strain = np.where(support, 1e-4 * places[..., 0], np.nan).astype(np.float32)
    return Crystal(
        object=support.astype(np.complex64), support=support, voxel_size=size, axes=axes, strain=strain
    )


@pytest.mark.parametrize(("planes", "radius"), [(CUBE, 17.3), (OCTAHEDRON, 14.6)])
@pytest.mark.parametrize("seed", [0, 1])
def test_every_plane_is_a_facet(planes, radius, seed):
    turned = planes @ Rotation.random(random_state=seed).as_matrix()
    crystal = polyhedron(turned, radius)
    found = facets_of(crystal, 2)
    assert len(found) == len(planes)
    normals = np.array([facet.normal for facet in found])
    nearest = (normals @ turned.T).argmax(1)
    assert sorted(nearest) == list(range(len(planes)))
    assert (normals @ turned.T).max(1).min() > np.cos(np.radians(2.5))
    for facet, which in zip(found, nearest, strict=True):  # the mean of x over a facet is that of its middle
        assert facet.strain.mean == pytest.approx(1e-4 * radius * turned[which, 0], abs=1.6e-4)
    assert sum(facet.share for facet in found) > 0.6


def test_voxels_that_are_no_cubes_and_other_axes_keep_the_normals():
    axes = Rotation.random(random_state=3).as_matrix()
    turned = CUBE @ Rotation.random(random_state=4).as_matrix()
    found = facets_of(polyhedron(turned, 11.0, axes, (1.0, 0.7, 0.8)), 2)
    assert len(found) == 6
    assert (np.array([facet.normal for facet in found]) @ turned.T).max(1).min() > np.cos(np.radians(4))


def test_a_ball_cut_by_a_plane_has_one_facet():
    found = facets_of(polyhedron([[0.0, 1, 0]], 9.0, ball=21), 2)
    assert found[0].normal @ [0, 1, 0] > 0.999
    assert found[0].share > 2 * max((facet.share for facet in found[1:]), default=0)


def test_oblique_voxels_and_planes_of_pixels_have_none():
    crystal = polyhedron(CUBE, 15.0)
    skew = LABORATORY + 0.2 * np.eye(3)
    skew /= np.linalg.norm(skew, axis=1, keepdims=True)
    assert (
        facets_of(Crystal(object=crystal.object, support=crystal.support, axes=skew, strain=crystal.strain))
        == []
    )
