"""The demonstration: what it draws and prints is what it computed, and filling the gap is what helps."""

from __future__ import annotations

import json

import pytest

import docs_files
from sayre import load, load_crystal
from sayre.cli import main
from sayre.workflows import demonstration

pytestmark = pytest.mark.slow


def test_a_filled_gap_is_phased_better_than_a_dark_one(tmp_path, monkeypatch, capsys):
    """With two of the methods and two starts in place of all, refined for a short time."""
    docs_files.hasten(monkeypatch, recipes=False)
    monkeypatch.setattr(demonstration, "METHODS", ("wiener", "linear"))
    monkeypatch.setattr(demonstration, "RUNS", 2)
    folder = tmp_path / "made" / "by" / "it"
    assert main(["demo", "--out", str(folder), "--json", "--quiet"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {file.name for file in folder.iterdir()} == set(demonstration.FILES)
    assert all((folder / name).stat().st_size > 4_000 for name in demonstration.FILES)
    assert 4e6 < (folder / "report.html").stat().st_size < 15e6
    errors = {score["method"]: score["log_error"] for score in told["fillings"]}
    assert errors.keys() == {"wiener", "linear"}
    assert errors["wiener"] < 0.7 * errors["linear"]
    filled, dark = told["phasings"]
    assert (filled["gaps"], dark["gaps"]) == ("bounded", "zero")
    assert filled["correlation"] > 0.98 > dark["correlation"]
    assert load_crystal(folder / "object.npz").displacement.shape == (demonstration.SIZE,) * 3
    assert load(folder / "filled.npz").shape == (128, 128, 128)


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert main(["demo", "--out", str(tmp_path / "file" / "demo")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "cannot be made a folder" in line
    assert "--out" in line
