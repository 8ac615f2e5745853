"""`sayre phase` from counts to a file, and each error path."""

import json

import numpy as np
import pytest

from sayre.cli import main
from sayre.io.objects import load_crystal


@pytest.fixture(scope="module")
def counts(tmp_path_factory):
    path = tmp_path_factory.mktemp("phase") / "counts.npz"
    options = "--atoms 20000 --shape-px 40 --oversampling 3 --max-counts 1e6 --phase-range 1".split()
    assert main(["simulate", str(path), *options]) == 0
    return path


def test_phase_writes_a_crystal(counts, tmp_path, capsys):
    out = tmp_path / "object.npz"
    options = "--runs 4 --recipe quick --hkl 1 1 1 --lattice-constant 4.08 --along 0 --json".split()
    assert main(["phase", str(counts), "-o", str(out), *options]) == 0
    summary = json.loads(capsys.readouterr().out)
    crystal = load_crystal(out)
    assert summary["residual"] < 0.1
    assert crystal.metrics["residual"] == summary["residual"]
    assert crystal.support.sum() > 500
    strain = crystal.strain[crystal.support]
    assert np.isfinite(strain).mean() > 0.99
    assert np.nanmedian(np.abs(strain)) < 0.02
    with np.load(out) as file:
        manifest = json.loads(str(file["manifest"]))
    assert manifest["config"]["recipe"] == "quick"
    assert not (tmp_path / "object.npz.runs").exists()


def test_a_killed_command_goes_on(counts, tmp_path, monkeypatch):
    from sayre.phasing.kept import KeptRuns

    command = ["phase", str(counts), "-o", str(tmp_path / "a.npz"), *"--runs 3 --recipe HIO*20,ER*10".split()]
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
        (["--init", "missing.npz"], "no such file"),
        (["--geometry", "missing.toml"], "No such file"),
        (["--device", "tpu"], "auto, cpu or cuda"),
        (["--crop", "4"], "8 or more"),
        (["--threshold", "2"], "threshold"),
        (["--runs", "0"], "runs"),
        (["--free", "1"], "No such option"),
    ],
)
def test_what_cannot_be_used_is_one_line(counts, tmp_path, capsys, options, message):
    out = tmp_path / "object.npz"
    assert main(["phase", str(counts), "-o", str(out), *options]) == 2
    error = capsys.readouterr().err.strip()
    assert message in error
    assert len(error.splitlines()) == 1
    assert not any(tmp_path.iterdir())
