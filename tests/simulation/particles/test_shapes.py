from __future__ import annotations

import time
import tracemalloc

import numpy as np
import pytest

from sayre.errors import InputError
from sayre.simulation.particles import lattice, shapes

CASES = [
    ("wulff", 9_600, {}, 9_201),
    ("wulff", 134_000, {}, 134_121),
    ("wulff", 20_000, {"energies": {(1, 1, 1): 1.0, (1, 0, 0): 1.0, (1, 1, 0): 1.05}}, 19_775),
    ("wulff", 20_000, {"energies": {(1, 0, 0): 1.0}}, 21_437),
    ("wulff", 20_000, {"energies": {(1, 1, 1): 1.0}}, 19_871),
    ("winterbottom", 134_000, {}, 133_321),
    ("winterbottom", 30_000, {"substrate": (1, 1, 0), "interface_energy": 0.5}, 28_982),
    ("winterbottom", 30_000, {"substrate": (2, 1, 0), "interface_energy": 0.2}, 29_723),
    ("winterbottom", 30_000, {"substrate": (3, 1, 1), "interface_energy": 0.6}, 29_822),
]
IRON = {"element": "Fe", "energies": {(1, 1, 0): 1.0, (1, 0, 0): 1.1}}


@pytest.mark.parametrize(("shape", "atoms", "options", "count"), CASES)
def test_atom_counts_are_those_of_wulffpack(shape, atoms, options, count):
    """Recorded from wulffpack (Rahm and Erhart, JOSS 5, 1944, 2020) for Pt at 3.92 Å."""
    particle = shapes.build(shape, atoms, element="Pt", generator=np.random.default_rng(0), **options)
    assert len(particle) == count


def test_bcc_counts_are_those_of_wulffpack():
    rng = np.random.default_rng(0)
    assert len(shapes.build("wulff", 20_000, generator=rng, **IRON)) == 20_615
    flat = {"substrate": (1, 1, 0), "interface_energy": 0.3}
    assert len(shapes.build("winterbottom", 20_000, generator=rng, **IRON, **flat)) == 19_722


@pytest.mark.parametrize("structure", ["fcc", "bcc"])
@pytest.mark.parametrize("shape", ["random", "tetrahedron", "winterbottom"])
def test_sites_against_every_site_of_a_box(structure, shape):
    for seed in range(4):
        normals, distances = shapes.half_spaces(shape, np.random.default_rng(seed))
        distances = distances * 4.2 + normals @ [0.3, -0.2, 0.7]
        box = np.stack(np.meshgrid(*[np.arange(-40, 41)] * 3, indexing="ij"), -1).reshape(-1, 3)
        on = box.sum(1) % 2 == 0 if structure == "fcc" else (box % 2 == box[:, :1] % 2).all(1)
        expected = box[on & (box @ normals.T <= 2 * distances).all(1)]
        np.testing.assert_array_equal(lattice.sites(structure, normals, distances), expected)


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


@pytest.mark.parametrize("share", [0.1, 1 / 3, 0.5])
def test_truncation_takes_the_volume_of_the_corners(share):
    rng = np.random.default_rng(0)
    for solid, lost in (
        ("cube", 8 / 6 * share**3),
        ("octahedron", 3 * share**3),
        ("tetrahedron", 4 * share**3),
    ):
        full, _ = shapes.volume(*shapes.half_spaces(solid, rng))
        cut, _ = shapes.volume(*shapes.half_spaces(f"truncated-{solid}", rng, truncation=share))
        assert cut == pytest.approx(full * (1 - lost))


def test_diameter_is_that_of_the_sphere_of_equal_volume():
    particle = shapes.build("cube", diameter=6.0, element="Cu", generator=np.random.default_rng(0))
    edge = (np.pi / 6) ** (1 / 3) * 60
    np.testing.assert_allclose(np.ptp(particle.positions, axis=0), edge, atol=3.6)
    assert len(particle) == pytest.approx(np.pi / 6 * 60**3 / 3.615**3 * 4, rel=0.1)


def test_coordination_of_a_cube():
    particle = shapes.build("cube", 4 * 7**3, generator=np.random.default_rng(0))
    coordination, strain = lattice.neighbours(particle)
    cells = round(np.ptp(particle.positions[:, 0]) / particle.lattice_constant)
    inner = np.abs(particle.positions).max(1) < cells * particle.lattice_constant / 2 - 0.1
    assert (coordination[inner] == 12).all()
    assert coordination[~inner].max() == 8
    np.testing.assert_allclose(strain, 0, atol=1e-12)


def test_a_million_atoms_fit_in_memory_and_time():
    """Rows, not a box of candidates: a million atoms need less than 200 MB and about a second."""
    tracemalloc.start()
    began = time.process_time()
    particle = shapes.build("tetrahedron", 1_000_000, generator=np.random.default_rng(0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(particle) == pytest.approx(1e6, rel=0.02)
    assert time.process_time() - began < 20  # on any processor
    assert peak < 200e6


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
        ({"atoms": 10**9}, "too many for the memory"),
        ({"diameter": 5.0}, "both are given"),
        ({"atoms": None}, "neither is given"),
        ({"atoms": None, "diameter": 0.5}, "0.5 nm"),
        ({"atoms": None, "diameter": -1.0}, "positive number of nm"),
        ({"shape": "truncated-cube", "truncation": 0.7}, "above 0 and at most 0.5"),
        ({"shape": "winterbottom", "substrate": (0, 0, 0)}, "no direction"),
        ({"shape": "winterbottom", "interface_energy": -3.0}, "enclose no volume"),
        ({"shape": "winterbottom", "interface_energy": np.nan}, "must be finite numbers"),
        ({"energies": {(1, 1, 1): 1.0, (1, 0, 0): np.inf}}, "must be finite numbers"),
    ],
)
def test_impossible_particles_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        shapes.build(**{"shape": "wulff", "atoms": 100, "generator": np.random.default_rng(0)} | options)


def test_a_particle_too_large_for_the_memory_is_refused_before_it_is_cut(monkeypatch):
    monkeypatch.setattr("sayre.numerics.memory.available", lambda: 10**6)
    with pytest.raises(InputError, match="a particle of 20000 atoms needs"):
        shapes.build("wulff", 20_000, generator=np.random.default_rng(0))
