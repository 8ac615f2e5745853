"""A misspelt name is answered with the nearest that is known, whatever it is a name of."""

from __future__ import annotations

import pytest

from sayre.cli import main
from sayre.data.hints import did_you_mean
from sayre.detectors import detector_mask
from sayre.errors import InputError
from sayre.filling.settings import FillingSettings
from sayre.retrieval.engine.recipe import recipe_text
from sayre.retrieval.settings import Settings
from sayre.simulation.dataset import DatasetConfig
from sayre.simulation.particles.shapes import SHAPES


def test_the_nearest_name_or_nothing():
    assert did_you_mean("Phse", ["run", "phase"]) == "; did you mean phase?"
    assert did_you_mean("wulf", SHAPES) == "; did you mean wulff?"
    assert did_you_mean("xyz", ["run", "phase"]) == ""
    assert did_you_mean(3, ["run", "phase"]) == ""


def test_names_of_detectors_methods_presets_and_keys(tmp_path):
    with pytest.raises(InputError, match=r"; did you mean maxipix\?$"):
        detector_mask("maxpix", (516, 516))
    with pytest.raises(InputError, match=r"^method: 'weiner' .*; did you mean wiener\?$"):
        FillingSettings(method="weiner")
    with pytest.raises(InputError, match=r"; did you mean quick\?$"):
        Settings(recipe=recipe_text("quik"))
    path = tmp_path / "set.toml"
    path.write_text("count = 2\nshard_sise = 3\n")
    with pytest.raises(InputError, match=r"shard_sise: is not known; .*; did you mean shard_size\?$"):
        DatasetConfig.from_toml(path)


@pytest.mark.parametrize(
    ("command", "meant"),
    [
        ("phse a.npz", "phase"),
        ("weights lst", "list"),
        ("train inpant a.toml", "inpaint"),
        ("simulate datset a.toml out", "dataset"),
    ],
)
def test_names_of_commands(capsys, command, meant):
    assert main(command.split()) == 2
    assert f"; did you mean {meant}?" in capsys.readouterr().err


def test_a_file_is_no_misspelt_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["simulate", "datasets.png"]) == 2
    assert "unknown ending .png" in capsys.readouterr().err
