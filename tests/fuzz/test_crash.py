"""Commands that are killed end in the same bytes when they are repeated; `make crash` tries every moment."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import sayre
from sayre.cli import main
from sayre.data import Manifest
from sayre.files.manifests import manifest_in
from sayre.workflows.jobs.again import is_left, require_own


@pytest.mark.slow
@pytest.mark.skipif(
    not hasattr(os, "fork"), reason="the test kills processes that it forks, and this system cannot fork"
)
def test_commands_that_are_killed_end_in_the_same_bytes():
    script = Path(__file__).with_name("crash.py")
    line = [sys.executable, script, "inpaint", "simulate", "--limit", "5", "--moments", "1", "--seed", "3"]
    done = subprocess.run([str(part) for part in line], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("| 5 | 1 | 0 |") == 4  # as they are done, and in the table


@pytest.mark.parametrize("ending", ["npz", "cxi", "h5", "tif"])
def test_the_manifest_in_a_file_of_counts(tmp_path, ending):
    counts = sayre.data.Pattern.from_counts(np.ones((3, 4, 5)))
    made = Manifest.collect("sayre inpaint", config={"a": [1, 2]}, inputs={"x": "y"})
    sayre.save(tmp_path / f"a.{ending}", counts, made)
    found = manifest_in(tmp_path / f"a.{ending}")
    assert (found["command"], found["config"], found["inputs"]) == (
        "sayre inpaint",
        {"a": [1, 2]},
        {"x": "y"},
    )
    (tmp_path / f"b.{ending}").write_bytes(b"damaged")
    assert manifest_in(tmp_path / f"b.{ending}") is None


@pytest.mark.parametrize("ending", ["npz", "cxi", "vti"])
def test_the_manifest_in_a_file_of_a_crystal(tmp_path, ending):
    inside = np.ones((3, 4, 5), bool)
    crystal = sayre.data.Crystal(object=inside.astype(np.complex64), support=inside)
    sayre.save(tmp_path / f"a.{ending}", crystal, Manifest.collect("sayre phase", seed=4))
    assert manifest_in(tmp_path / f"a.{ending}")["seed"] == 4


def test_only_what_the_same_command_wrote_is_replaced(tmp_path, capsys):
    """As it is after a kill in the clean-up: the output is there, and the folder of what was kept."""
    peak = tmp_path / "peak.npz"
    command = [
        "simulate",
        str(peak),
        *["--atoms", "2000", "--shape-px", "24", "--max-counts", "1e5", "--quiet"],
    ]
    assert main(command) == 0
    assert main(command) == 2
    assert "exists; --force" in capsys.readouterr().err
    whole, particle = peak.read_bytes(), ["--save-particle", str(tmp_path / "a.xyz")]
    assert main([*command, *particle]) == 0
    with np.load(peak) as file, np.load(io.BytesIO(whole)) as before:
        np.testing.assert_array_equal(file["intensity"], before["intensity"])
    (tmp_path / "a.xyz").unlink()
    whole = peak.read_bytes()
    assert main([*command, *particle, "--seed", "7"]) == 2
    assert "exists; --force" in capsys.readouterr().err
    assert peak.read_bytes() == whole


def test_an_empty_folder_of_what_was_kept_is_removed(tmp_path):
    output, kept = tmp_path / "a.npz", tmp_path / "a.npz.runs"
    kept.mkdir()
    assert not is_left(output, kept=kept)
    assert kept.is_dir()
    np.savez(output, a=1)
    assert not is_left(output, kept=kept)
    assert not kept.exists()
    kept.mkdir()
    (kept / "resume.json").write_text("{}")
    assert is_left(output, kept=kept)
    with pytest.raises(ValueError, match="exists; `force=True` overwrites"):
        require_own(output, Manifest.collect("sayre phase"))
