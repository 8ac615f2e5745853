"""Errors and warnings name arguments in Python, and flags on the command line and in its report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import sayre
from sayre.cli import main
from sayre.cli.flags import in_flags
from sayre.errors import InputError, SayreWarning

FLAGS = {"mask": ("--mask",), "output": ("-o", "--output"), "crop": ("--crop",), "source": ()}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("give the gaps by `mask=`", "give the gaps by --mask"),
        ("`mask=`, `output=a b.npz`: both", "--mask, --output a b.npz: both"),
        ("take `mask='none'` or `mask=True`", "take --mask none or --mask"),
        ("crop it (`Pattern.crop`)", "crop it (--crop)"),
        ("`other=` and `source=` are no flags, nor is `sayre phase`, `mask`", None),
    ],
)
def test_names_of_arguments_become_flags(message, expected):
    assert in_flags(message, FLAGS) == (message if expected is None else expected)


@pytest.fixture
def gapless(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    np.save("counts.npy", np.random.default_rng(0).poisson(20, (12, 12)))
    return tmp_path


def test_an_error_names_the_argument_or_the_flag(gapless, capsys):
    with pytest.raises(InputError, match=r"give the gaps by `mask=`$"):
        sayre.inpaint(sayre.load("counts.npy"))
    assert main(["inpaint", "counts.npy", "-o", "filled.npz"]) == 2
    assert capsys.readouterr().err.endswith("nothing to fill; give the gaps by --mask\n")
    assert main(["evaluate", "inpaint", "counts.npy", "--gap-width", "2", "--axis", "2"]) == 2
    assert capsys.readouterr().err == "sayre: --axis: 2 of 2-dimensional counts; 0 is the first\n"


@pytest.mark.filterwarnings("ignore:.*do not trust")
def test_a_warning_names_the_argument_or_the_flag(tmp_path, capsys):
    x = np.indices((24, 24)) - 12
    np.savez(tmp_path / "a.npz", intensity=np.rint(1e6 * np.prod(np.sinc(x / 3.3) ** 2, 0)))
    settings = sayre.Settings(runs=1, recipe="ER*4", refine="none")
    with pytest.warns(SayreWarning, match="no strain; `geometry=`, or `hkl=`"):
        sayre.reconstruct(sayre.load(tmp_path / "a.npz"), settings)
    assert (
        main(
            [
                "phase",
                str(tmp_path / "a.npz"),
                "-o",
                str(tmp_path / "c.npz"),
                "--runs",
                "1",
                "--recipe",
                "ER*4",
                "--refine",
                "none",
            ]
        )
        == 0
    )
    told = capsys.readouterr().err
    assert "no strain; --geometry, or --hkl and --lattice-constant, would do" in told
    assert "`" not in told


def test_the_report_of_a_command_names_flags(tmp_path, capsys):
    x = np.indices((24, 24)) - 12
    np.savez(tmp_path / "a.npz", intensity=np.rint(1e6 * np.prod(np.sinc(x / 3.3) ** 2, 0)))
    options = {"--runs": "2", "--keep": "0.5", "--recipe": "ER*4", "--refine": "none"}
    command = ["run", str(tmp_path / "a.npz"), "-o", str(tmp_path / "out")]
    assert main(command + [word for option in options.items() for word in option]) == 0
    told = [line.removeprefix("sayre: warning: ") for line in capsys.readouterr().err.splitlines()]
    assert any("no other confirms it: do not trust the result; --runs 3 or --keep 1 would" in t for t in told)
    report = (tmp_path / "out" / "report.md").read_text()
    warned = report.partition("## Warnings")[2].partition("##")[0]
    assert warned.strip().splitlines() == [f"- {text}" for text in told]


def test_an_empty_recipe_is_refused(gapless, capsys):
    assert main(["phase", "counts.npy", "-o", "crystal.npz", "--recipe", ""]) == 2
    assert capsys.readouterr().err == "sayre: --recipe: must not be empty; leave it out for the default\n"
    assert not (gapless / "crystal.npz").exists()
