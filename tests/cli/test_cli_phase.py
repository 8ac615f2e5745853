"""`sayre phase` from counts to a file, and each error path."""

import json

import numpy as np
import pytest

from noise import counts_of_test
from sayre.cli import main
from sayre.files.crystals.objects import load_crystal
from sayre.simulation.strained.testset import strained_crystal


def words(options):
    return options.split()


@pytest.fixture(scope="module")
def whole_counts(tmp_path_factory):
    """What `sayre simulate` writes."""
    path = tmp_path_factory.mktemp("phase") / "counts.npz"
    options = words("--atoms 20000 --shape-px 40 --oversampling 3 --max-counts 1e6 --phase-range 1")
    assert main(["simulate", str(path), *options]) == 0
    return path


@pytest.fixture(scope="module")
def counts(whole_counts):
    """The same to be phased: with the noise of the tests, if there is any."""
    with np.load(whole_counts) as file:
        arrays = dict(file)
    path = whole_counts.with_name("phased.npz")
    np.savez(path, **(arrays | {"intensity": counts_of_test(arrays["intensity"])}))
    return path


def test_phase_writes_a_crystal(counts, tmp_path, capsys):
    out = tmp_path / "object.npz"
    options = words("--runs 4 --recipe quick --hkl 1 1 1 --lattice-constant 4.08 --along 0 --json")
    assert main(["phase", str(counts), "-o", str(out), *options]) == 0
    summary = json.loads(capsys.readouterr().out)
    crystal = load_crystal(out)
    assert summary["residual"] < 0.1
    assert crystal.metrics["residual"] == summary["residual"]
    assert crystal.support.sum() > 500
    strain = crystal.strain[crystal.support]
    assert np.isfinite(strain).mean() > 0.98  # a voxel with no neighbour along the axis has no derivative
    assert np.nanmedian(np.abs(strain)) < 0.02
    with np.load(out) as file:
        manifest = json.loads(str(file["manifest"]))
    assert manifest["config"]["recipe"] == "quick"
    assert not (tmp_path / "object.npz.runs").exists()


def test_a_network_begins_where_it_sees_the_shape(tmp_path, capsys):
    np.savez(tmp_path / "strained.npz", intensity=counts_of_test(strained_crystal(2, "2-4", 0).counts))
    out = tmp_path / "object.npz"
    command = ["phase", str(tmp_path / "strained.npz"), "-o", str(out), "--init", "network", "--json"]
    assert main(command) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["agreement"] > 0.95
    assert summary["runs"] < 20
    with np.load(out) as file:
        manifest = json.loads(str(file["manifest"]))
    assert [name for name in manifest["weights"] if name.startswith("shape-2d")]
    command[-1:] = ["--force", "--init", "random", "--weights", "shape-3d-1"]
    assert main(command) == 2
    assert "can only be given together with init network" in capsys.readouterr().err


@pytest.mark.usefixtures("refined_soon")
def test_a_killed_command_goes_on(counts, tmp_path, monkeypatch):
    from sayre.retrieval.kept import KeptRuns

    command = ["phase", str(counts), "-o", str(tmp_path / "a.npz"), *words("--runs 3 --recipe HIO*20,ER*10")]
    write = KeptRuns.write

    def killed(self, run):
        write(self, run)
        if run.index == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(KeptRuns, "write", killed)
    assert main(command) == 130
    assert not (tmp_path / "a.npz").exists()
    kept = tmp_path / "a.npz.runs"
    assert len(list(kept.glob("*.npz"))) == 2
    assert main([*command, "--seed", "1"]) == 2
    monkeypatch.setattr(KeptRuns, "write", write)
    assert main(command) == 0
    assert main([*command[:3], str(tmp_path / "b.npz"), *command[4:]]) == 0
    a, b = (load_crystal(tmp_path / name).object for name in ("a.npz", "b.npz"))
    np.testing.assert_array_equal(a, b)
    assert not kept.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--recipe", "FOO*3"], "none of ER"),
        (["--gaps", "maybe"], "bounded, free, zero"),
        (["--init", "missing.npz"], "--init: 'missing.npz' is neither random nor network nor"),
        (["--geometry", "missing.toml"], "No such file"),
        (["--device", "tpu"], "one of auto, cpu, cuda"),
        (["--crop", "4"], "8 or more"),
        (["--threshold", "2"], "threshold"),
        (["--runs", "0"], "runs"),
        (["--freee", "1"], "No such option"),
        (["--picture", "p.bmp"], ".png, .pdf, .svg"),
        (["--picture", "nowhere/p.png"], "does not exist"),
        (["--live", "nowhere/p.png"], "does not exist"),
        (["--along", "3", "--hkl", "1", "1", "1", "--lattice-constant", "4.08"], "0 to 2"),
        (["--recipe", "HIO*10 + " * 40 + "SW +"], "the end"),
        (["--sigmas", "-1"], "--sigmas"),
        (["--confidence", "nan"], "confidence"),
        (["--smoothing", "nan", "1"], "--smoothing"),
        (["--seed", "-1"], "--seed"),
        (["--hkl", "0", "0", "0"], "direct beam"),
        (["--lattice-constant", "-4"], "--lattice-constant"),
        (["--voxel-size", "5"], "add a geometry"),
    ],
)
def test_what_cannot_be_used_is_one_line(whole_counts, tmp_path, capsys, options, message):
    out = tmp_path / "object.npz"
    assert main(["phase", str(whole_counts), "-o", str(out), *options]) == 2
    error = capsys.readouterr().err.strip()
    assert message in error
    assert len(error.splitlines()) == 1
    assert not any(tmp_path.iterdir())


@pytest.mark.usefixtures("refined_soon")
@pytest.mark.slow
def test_pictures_of_the_crystal_and_of_the_best_start(counts, tmp_path):
    out, final, live = (tmp_path / name for name in ("o.npz", "final.png", "live.png"))
    command = ["phase", str(counts), "-o", str(out), *words("--runs 2 --recipe HIO*20,ER*10 --quiet")]
    assert main([*command, "--picture", str(final), "--live", str(live)]) == 0
    pictures = [path.read_bytes() for path in (final, live)]
    assert all(data[:8] == b"\x89PNG\r\n\x1a\n" for data in pictures)
    plain = out.read_bytes()
    assert main([*command, "--force", "--picture", str(final), "--live", str(live)]) == 0
    assert out.stat().st_size == pytest.approx(len(plain), abs=200)
    out.unlink()
    assert main([*command, "--picture", str(final)]) == 2
    assert not out.exists()


@pytest.mark.usefixtures("refined_soon")
def test_a_recipe_from_a_file_is_kept_as_text(counts, tmp_path, capsys):
    file, out = tmp_path / "recipe.txt", tmp_path / "o.npz"
    file.write_text("HIO*20, ER*10\n")
    command = ["phase", str(counts), "-o", str(out), "--runs", "1", "--quiet", "--recipe"]
    assert main([*command, str(file)]) == 0
    with np.load(out) as saved:
        assert json.loads(str(saved["manifest"]))["config"]["recipe"] == "HIO*20, ER*10"
    file.write_bytes(b"\xff\xfe\x00")
    assert main([*command, str(file), "--force"]) == 2
    assert "a text file" in capsys.readouterr().err


@pytest.mark.usefixtures("refined_soon")
def test_force_starts_anew_where_another_command_stopped(counts, tmp_path):
    from sayre.retrieval.kept import KeptRuns

    out = tmp_path / "o.npz"
    KeptRuns(tmp_path / "o.npz.runs", {"other": 1}).begin()
    (tmp_path / "o.npz.runs" / "0000.npz").write_bytes(b"")
    command = ["phase", str(counts), "-o", str(out), *words("--runs 1 --recipe HIO*10,ER*10 --quiet")]
    assert main(command) == 2
    assert main([*command, "--force"]) == 0
    assert not (tmp_path / "o.npz.runs").exists()


def test_nothing_is_written_over_an_input(counts, tmp_path, capsys):
    mine = tmp_path / "mine.npz"
    mine.write_bytes(counts.read_bytes())
    for command in (["phase", str(mine), "--runs", "1"], ["inpaint", str(mine)]):
        assert main([*command, "-o", str(mine), "--force"]) == 2
        assert "is an input" in capsys.readouterr().err
    assert mine.read_bytes() == counts.read_bytes()


def test_a_plane_is_phased_and_drawn_and_is_no_volume(tmp_path, capsys):
    y, x = np.indices((64, 64)) - 32
    shape = (abs(x) < 9) & (abs(y + 0.4 * x) < 7)
    wave = np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(shape)))
    counts = np.random.default_rng(0).poisson(abs(wave) ** 2 * 20)
    np.savez(tmp_path / "plane.npz", intensity=counts_of_test(counts))
    command = ["phase", str(tmp_path / "plane.npz"), *words("--runs 2 --recipe quick --quiet")]
    assert main([*command, "-o", str(tmp_path / "o.vti")]) == 2
    assert "3D crystals" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["plane.npz"]
    drawn = tmp_path / "o.png"
    assert main([*command, "-o", str(tmp_path / "o.npz"), "--picture", str(drawn)]) == 0
    assert drawn.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert load_crystal(tmp_path / "o.npz").support.sum() == pytest.approx(shape.sum(), rel=0.2)


@pytest.mark.slow
def test_run_writes_a_folder(counts, tmp_path, capsys):
    out = tmp_path / "run"
    command = ["run", str(counts), "-o", str(out), *words("--runs 2 --recipe quick --seed 3 --json")]
    assert main(command) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["filled_by"] is None
    assert summary["residual"] < 0.1
    assert not (out / "filled.npz").exists()
    assert f"R = {summary['residual']:.3f}" in (out / "report.md").read_text()
    assert main(command) == 2
    assert "--force" in capsys.readouterr().err
    assert main(["run", str(tmp_path / "missing.npz"), "-o", str(tmp_path / "x")]) == 2
    assert "no such file" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
