"""`sayre merge`: files in, one file out, with errors, hashes and the geometry."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import sayre
from sayre.errors import InputError
from sayre.files.manifests import manifest_in
from sayre.scans.merging.settings import MergeSettings
from sayre.workflows.jobs.again import require_own
from sayre.workflows.merge import MergeJob

GEOMETRY = 'energy = 9000\nbeamline = "id01"\nangles = [0.0, 30.0]\n'


@pytest.fixture
def scans(tmp_path: Path) -> tuple[str, ...]:
    """Two halves of one 2D exposure, each with columns that it did not measure, one three columns aside."""
    rows, columns = np.meshgrid(np.arange(40) - 18, np.arange(44) - 20, indexing="ij")
    power = 1e4 * np.exp(-np.hypot(rows, columns) / 6) * (1 + np.cos(columns / 2)) + 1
    generator, names = np.random.default_rng(0), []
    for name, aside in (("a", 0), ("b", 7)):
        counts = np.roll(generator.poisson(power / 2), aside, 1)
        mask = np.zeros(counts.shape, bool)
        mask[:, 24:28] = True
        names.append(str(tmp_path / f"{name}.npz"))
        np.savez(names[-1], intensity=counts, mask=mask, energy=9000.0, geometry=GEOMETRY)
    return tuple(names)


def test_two_files_become_one_that_says_of_what(scans: tuple[str, ...], tmp_path: Path) -> None:
    output, errors = tmp_path / "out.npz", tmp_path / "errors.npz"
    job = MergeJob(sources=scans, output=output, errors=errors, merging=MergeSettings(whole=0.5))
    outcome = job.run()
    a, b = (np.load(name)["intensity"] for name in scans)
    with pytest.warns(sayre.SayreWarning, match="not integers"):  # voxels of one scan are brought to both
        found = sayre.load(output)
    np.testing.assert_array_equal(found.intensity[:, :17], (a[:, :17] + b[:, 7:24]))
    assert not found.mask.any()
    assert found.meta.geometry == GEOMETRY
    with np.load(errors) as held:
        assert held["sigma"].shape == held["exposure"].shape == found.shape
        assert (held["exposure"][:, :17] == 1).all()
        assert (held["exposure"][:, 24:28] < 0.6).all()
        assert (held["sigma"] > 0).all()
    manifest = manifest_in(output)
    assert manifest is not None
    assert set(manifest["inputs"]) == {"a.npz", "b.npz"}
    assert "b.npz moved by 0, 7 voxels" in manifest["corrections"]
    numbers = json.loads(json.dumps(outcome.numbers))
    assert numbers["scans"][1]["moved"] == [0, 7]
    assert "correlation of the counts" in outcome.sentence
    assert "a.npz: the counts are on its grid" in outcome.sentence


def test_a_command_that_was_killed_before_the_errors_were_written_ends_itself(
    scans: tuple[str, ...], tmp_path: Path
) -> None:
    output, errors = tmp_path / "out.npz", tmp_path / "errors.npz"
    MergeJob(sources=scans, output=output, errors=errors).run()
    wanted = dict(np.load(errors))["sigma"]
    errors.unlink()
    with pytest.raises(InputError, match="exists"):
        MergeJob(sources=scans[::-1], output=output, errors=errors).run()
    MergeJob(sources=scans, output=output, errors=errors).run()
    np.testing.assert_array_equal(np.load(errors)["sigma"], wanted)
    with pytest.raises(InputError, match="exists"):
        MergeJob(sources=scans, output=output, errors=errors).run()


def test_a_scan_without_a_place_is_said_to_be_left_out(scans: tuple[str, ...], tmp_path: Path) -> None:
    outcome = MergeJob(sources=scans, output=tmp_path / "out.npz").run()
    one = outcome.merged.scans[1]
    lost = replace(one, used=False, shift=(np.nan,) * 2, shift_error=(np.nan,) * 2)
    merged = replace(outcome.merged, scans=(outcome.merged.scans[0], lost))
    sentence = replace(outcome, merged=merged).sentence
    assert "b.npz: left out, its place is not found" in sentence
    assert "nan" not in sentence


def test_what_is_written_is_no_input_and_errors_have_their_own_file(
    scans: tuple[str, ...], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="is an input"):
        MergeJob(sources=scans, output=Path(scans[0]), force=True).run()
    output = tmp_path / "out.npz"
    with pytest.raises(InputError, match="of its own"):
        MergeJob(sources=scans, output=output, errors=output).run()
    with pytest.raises(InputError, match="two or more"):
        MergeJob(sources=scans[:1], output=output).run()
    assert not output.exists()


def test_errors_are_not_written_over_the_counts_by_another_name_of_their_file(
    scans: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    output, link = Path("out.npz"), Path("errors.npz")
    link.symlink_to(output)
    for errors in (tmp_path / "out.npz", link):
        with pytest.raises(InputError, match="of its own"):
            MergeJob(sources=scans, output=output, errors=errors, force=True).run()
        assert not output.exists()


def test_a_file_of_errors_that_another_command_made_is_kept(scans: tuple[str, ...], tmp_path: Path) -> None:
    output, errors = tmp_path / "out.tif", tmp_path / "mine.npz"
    MergeJob(sources=scans, output=output).run()
    errors.write_bytes(b"mine")
    with pytest.raises(InputError, match=r"mine\.npz: exists"):
        MergeJob(sources=scans, output=output, errors=errors).run()
    assert errors.read_bytes() == b"mine"


def test_control_characters_in_names_are_shown_as_escapes(scans: tuple[str, ...], tmp_path: Path) -> None:
    named = Path(scans[1]).rename(tmp_path / "a\n\x1b[31mb.npz")
    outcome = MergeJob(sources=(scans[0], str(named)), output=tmp_path / "out.npz").run()
    assert r"  a\n\x1b[31mb.npz: peak" in outcome.sentence
    assert "\x1b" not in outcome.sentence
    with np.load(tmp_path / "out.npz") as held:
        assert held["corrections"].item().isprintable()


def test_a_manifest_of_another_form_is_none_of_the_same_command(tmp_path: Path) -> None:
    output = tmp_path / "out.npz"
    np.savez(output, counts=np.ones((3, 3)), manifest=json.dumps({"command": "sayre merge", "config": ["a"]}))
    with pytest.raises(InputError, match="exists"):
        require_own(output, sayre.Manifest.collect("sayre merge"), "method")
