"""The command, its files, and the simplest study."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from sayre import Manifest
from sayre.cli import main
from sayre.studies.catalogue import STUDIES, function_of
from sayre.studies.study import StudySettings, Table


def run(*arguments):
    return main([str(a) for a in arguments])


def test_every_study_can_be_imported_and_is_listed(capsys):
    assert run("study", "list", "--json") == 0
    assert [row["name"] for row in json.loads(capsys.readouterr().out)] == list(STUDIES)
    for study in STUDIES.values():
        assert callable(function_of(study))


@pytest.mark.parametrize(
    ("name", "hint"), [("simulation-3d", "did you mean simulation-2d"), ("figure", "known are")]
)
def test_an_unknown_study_is_refused(name, hint, tmp_path, capsys):
    assert run("study", name, "-o", tmp_path / "out") == 2
    assert hint in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_cells_that_are_unknown_are_empty():
    table = Table(("a", "b", "c"), [(1, float("nan"), "x, y"), (0.123456789, None, 2)])
    assert table.csv == 'a,b,c\n1,,"x, y"\n0.123457,,2\n'
    assert table.records[1] == {"a": 0.123456789, "b": None, "c": 2}


def test_a_study_writes_numbers_picture_and_manifest(tmp_path, capsys):
    assert run("study", "simulation-2d", "--quick", "--seed", 3, "-o", tmp_path, "--json") == 0
    rows = json.loads(capsys.readouterr().out)["simulation-2d"]["table"]
    with open(tmp_path / "simulation-2d.csv") as file:
        written = list(csv.DictReader(file))
    assert [float(row["max_counts"]) for row in written] == pytest.approx(
        [row["max_counts"] for row in rows], rel=1e-5
    )
    assert (tmp_path / "simulation-2d.png").read_bytes().startswith(b"\x89PNG")
    manifest = Manifest.from_json((tmp_path / "simulation-2d.json").read_text())
    assert manifest.command == "sayre study simulation-2d"
    assert manifest.config["quick"] is True
    assert manifest.seed == 3
    assert {path.name for path in tmp_path.iterdir()} == {
        "simulation-2d.csv",
        "simulation-2d.png",
        "simulation-2d.json",
    }


def test_patterns_have_the_oversampling_and_the_noise_that_they_are_drawn_with(tmp_path):
    """Figure 4.3. The oversampling is measured from the counts, up to a fifth too high as documented."""
    made = function_of(STUDIES["simulation-2d"])(
        StudySettings(folder=tmp_path, quick=True), lambda fraction, note="": None
    )
    table = made.tables[""]
    values = np.array(table.rows, float)
    measured = values[:, 2] / values[:, 1]
    assert np.nanmin(measured) > 0.95
    assert np.nanmax(measured) < 1.25
    assert np.mean(values[:, 4]) == pytest.approx(1, abs=0.05)
