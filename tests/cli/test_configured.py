"""Options in a file: written by --print-config, read by --config, and refused where they are wrong."""

from __future__ import annotations

import json
import tomllib

import numpy as np
import pytest

from sayre.cli import main
from sayre.data.crystal import Crystal
from sayre.errors import InputError
from sayre.files import load_crystal
from sayre.simulation.peak import simulate
from sayre.workflows.jobs.config_file import takes_config
from sayre.workflows.jobs.job import leaves
from sayre.workflows.run import RunJob
from sayre.workflows.simulation.dataset import DatasetJob

QUICK = ["--runs", "2", "--recipe", "(HIO*10 + SW)**3, ER*10", "--refine", "none", "--quiet"]


@pytest.fixture
def peak(tmp_path, monkeypatch):
    counts = simulate("cube", atoms=4_000, shape_px=20, threads=1, generator=np.random.default_rng(0))
    np.savez(tmp_path / "peak.npz", data=counts.pattern.intensity)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def printed(capsys, *arguments):
    assert main([*arguments, "--print-config"]) == 0
    return capsys.readouterr().out


def complaint(capsys, text, *arguments):
    with open("wrong.toml", "w", encoding="utf-8") as file:
        file.write(text)
    assert main(["run", "peak.npz", "-o", "out", "--config", "wrong.toml", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line.removeprefix("sayre: wrong.toml: ")


@pytest.mark.filterwarnings("ignore::sayre.errors.SayreWarning")
def test_the_printed_file_makes_the_same_result(peak, capsys):
    options = ["--lattice-constant", "4.08", "--hkl", "1,1,1", "--crop", "16,20,20", *QUICK]
    text = printed(capsys, "run", "peak.npz", "-o", "b", *options)
    assert not (peak / "b").exists()
    (peak / "run.toml").write_text(text)
    assert printed(capsys, "run", "--config", "run.toml") == text
    assert main(["run", "peak.npz", "-o", "a", *options]) == 0
    assert main(["run", "--config", "run.toml", "--quiet"]) == 0
    manifests = [json.loads((peak / name / "manifest.json").read_text()) for name in "ab"]
    for manifest in manifests:
        for name in ("created", "seconds", "peak_memory_mib"):
            del manifest[name]
    assert manifests[0] == manifests[1]
    first, second = (load_crystal(peak / name / "object.npz") for name in "ab")
    assert isinstance(first, Crystal)
    np.testing.assert_array_equal(first.object, second.object)
    np.testing.assert_array_equal(first.strain, second.strain)


def test_the_file_names_every_option(peak, capsys):
    text = printed(capsys, "run", "peak.npz", "-o", "out")
    for leaf in leaves(RunJob):
        assert f"\n{leaf.name} = " in text or f"\n# {leaf.name} =\n" in text
    assert tomllib.loads(text)["runs"] == 20
    assert "mask" not in tomllib.loads(text)


def test_names_of_files_and_odd_texts_stay(peak, capsys):
    source, masks = 'a "b"\\c.npz', ["m\u00e9 1.npy", "m.npz::hot"]
    (peak / "scan.toml").write_text("distance = 0.5\n")
    flags = ["--mask", masks[0], "--mask", masks[1], "--geometry", "scan.toml"]
    found = tomllib.loads(printed(capsys, "run", source, "-o", "out", *flags))
    assert (found["source"], found["mask"], found["geometry"]) == (source, masks, "scan.toml")


def test_the_command_line_wins_and_says_so(peak, capsys):
    (peak / "run.toml").write_text('source = "peak.npz"\nruns = 7\nseed = 3\nhkl = [1, 1, 1]\n')
    given = ["run", "-o", "out", "--config", "run.toml", "--runs", "5", "--seed", "3", "--hkl", "1,1,1"]
    assert main([*given, "--print-config"]) == 0
    shown = capsys.readouterr()
    assert tomllib.loads(shown.out)["runs"] == 5
    assert shown.err == "sayre: warning: run.toml: runs = 7 there; --runs 5 is used\n"


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("runz = 3", "runz: is not known; did you mean runs?"),
        ("bin = 3", "bin: is not known; did you mean binning?"),
        ("lattice-constant = 3", "lattice-constant: is not known; did you mean lattice_constant?"),
        ("[phase]\nruns = 3", "phase: is not known"),
        ("runs = 3.5", "runs: must be a whole number of 1 or more, found 3.5"),
        ("runs = true", "runs: must not be true or false, found True"),
        ('runs = "3"', "runs: must be a whole number of 1 or more, found '3'"),
        ("hkl = [1, 1, 1, 1]", "hkl: must be a tuple of 3 numbers, found (1, 1, 1, 1)"),
        ("force = 1", "force: must be true or false, found 1"),
        ("geometry = 3", "geometry: must be the name of a file, found 3"),
        ("seed = [1, 2]", "seed: must be a single value, found [1, 2]"),
        ("recipe = 1979-05-27", "recipe: must be a text, a number or a list of them"),
        ("runs = ", "not TOML: "),
    ],
)
def test_what_is_wrong_with_a_file_is_one_line(peak, capsys, text, wrong):
    assert complaint(capsys, text).startswith(wrong)
    assert not (peak / "out").exists()


def test_a_fault_of_the_command_line_is_not_put_on_the_file(peak, capsys):
    (peak / "run.toml").write_text("runs = 3")
    assert main(["run", "peak.npz", "-o", "out", "--config", "run.toml", "--runs", "0"]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("sayre: --runs: must be")


def test_a_file_that_does_not_exist(peak, capsys):
    assert main(["run", "peak.npz", "-o", "out", "--config", "none.toml"]) == 2
    assert "none.toml: No such file" in capsys.readouterr().err


def test_a_command_with_a_file_of_its_own_takes_no_other():
    assert takes_config(RunJob)
    assert not takes_config(DatasetJob)


def test_a_number_of_too_many_digits_is_no_defect(tmp_path, capsys):
    """Python refuses to read one, with another error than that of TOML."""
    from sayre.simulation.dataset import DatasetConfig

    path = tmp_path / "a.toml"
    path.write_text(f"runs = {'9' * 5000}\n")
    assert main(["phase", "a.npz", "-o", str(tmp_path / "b.npz"), "--config", str(path)]) == 2
    assert "a.toml: not TOML: Exceeds the limit" in capsys.readouterr().err
    with pytest.raises(InputError, match=r"a\.toml: not TOML: Exceeds the limit"):
        DatasetConfig.from_toml(path)
