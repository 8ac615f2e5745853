from __future__ import annotations

import numpy as np
import pytest

from sayre.errors import InputError
from sayre.simulate.particles import shapes

CASES = [
    ("wulff", 9_600, {}, 9_201),
    ("wulff", 134_000, {}, 134_121),
    ("wulff", 20_000, {"energies": {(1, 1, 1): 1.0, (1, 0, 0): 1.0, (1, 1, 0): 1.05}}, 19_775),
    ("wulff", 20_000, {"energies": {(1, 0, 0): 1.0}}, 21_437),
    ("wulff", 20_000, {"energies": {(1, 1, 1): 1.0}}, 19_871),
    ("winterbottom", 134_000, {}, 133_321),
]


@pytest.mark.parametrize(("shape", "atoms", "options", "count"), CASES)
def test_atom_counts_are_those_of_wulffpack(shape, atoms, options, count):
    """Recorded from wulffpack (Rahm and Erhart, JOSS 5, 1944, 2020) for Pt at 3.92 Å."""
    particle = shapes.build(shape, atoms, element="Pt", generator=np.random.default_rng(0), **options)
    assert len(particle) == count


@pytest.mark.parametrize("shape", shapes.SHAPES)
def test_atoms_lie_on_one_fcc_lattice_inside_the_facets(shape):
    rng = np.random.default_rng(3)
    particle = shapes.build(shape, 3000, element="Au", generator=rng)
    doubled = (particle.positions - particle.positions[0]) * 2 / particle.lattice_constant
    np.testing.assert_allclose(doubled, np.rint(doubled), atol=1e-6)
    assert (np.rint(doubled).astype(int).sum(1) % 2 == 0).all()
    assert len(np.unique(np.rint(doubled), axis=0)) == len(particle)
    assert len(particle) == pytest.approx(3000, rel=0.2)
    np.testing.assert_allclose(particle.positions.mean(0), 0, atol=1e-9)


def test_volumes_of_known_polyhedra():
    assert shapes.volume(shapes.family((1, 0, 0)), np.full(6, 0.5))[0] == pytest.approx(1)
    octahedron = shapes.family((1, 1, 1)), np.full(8, 1 / np.sqrt(3))
    assert shapes.volume(*octahedron)[0] == pytest.approx(4 / 3)
    assert [len(shapes.family(f)) for f in ((1, 0, 0), (1, 1, 0), (1, 1, 1), (2, 1, 0))] == [6, 12, 8, 24]


def test_negative_interface_energy_leaves_a_cap():
    particle = shapes.build(
        "winterbottom", 5000, generator=np.random.default_rng(0), interface_energy=-0.2, substrate=(1, 0, 0)
    )
    extents = np.ptp(particle.positions, axis=0)
    assert extents[0] < 0.6 * extents[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shape": "blob"}, "one of wulff"),
        ({"element": "Xx"}, "one of Ag"),
        ({"atoms": 5}, "13 to"),
        ({"shape": "winterbottom", "interface_energy": -3.0}, "enclose no volume"),
    ],
)
def test_impossible_particles_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        shapes.build(**{"shape": "wulff", "atoms": 100, "generator": np.random.default_rng(0)} | options)
