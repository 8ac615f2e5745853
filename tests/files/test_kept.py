"""What a stopped command kept: whose it is, how often it is written, and what is never touched."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from sayre.errors import InputError, SayreWarning
from sayre.files import pace
from sayre.files.checkpoints import Checkpoints
from sayre.files.kept import KeptFolder


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "a.npz.runs"


def test_arrays_come_back_bit_for_bit(folder):
    rng = np.random.default_rng(0)
    arrays = {"a": rng.normal(size=(3, 4)).astype(np.float32), "n": np.array(7), "b": rng.random(5) > 0.5}
    kept = KeptFolder(folder, {"seed": 1})
    assert kept.load("1.npz") is None
    assert not folder.exists()
    kept.save("1.npz", **arrays)
    found = KeptFolder(folder, {"seed": 1}).load("1.npz")
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)
    assert kept.load("2.npz") is None
    kept.remove()
    assert not folder.exists()


@pytest.mark.parametrize("other", [{"seed": 2}, {"seed": 1, "method": "wiener"}, {}])
def test_another_configuration_is_refused_or_replaced_once_there_is_something_to_keep(folder, other):
    mine = KeptFolder(folder, {"seed": 1})
    mine.save("1.npz", a=np.arange(3))
    theirs = KeptFolder(folder, other)
    assert theirs.load("1.npz") is None
    for refused in (theirs.check, theirs.begin):
        with pytest.raises(InputError, match="unfinished run of other options or counts"):
            refused()
    anew = KeptFolder(folder, other, replace=True)
    anew.check()
    assert mine.load("1.npz") is not None
    anew.begin()
    assert mine.load("1.npz") is None
    assert [path.name for path in folder.iterdir()] == ["resume.json"]
    mine.replace = True
    mine.begin()
    assert not anew.matches


def test_another_version_is_another_configuration(folder, monkeypatch):
    KeptFolder(folder, {}).begin()
    monkeypatch.setattr("sayre.files.kept.__version__", "999.0")
    with pytest.raises(InputError, match="another version"):
        KeptFolder(folder, {}).check()


@pytest.mark.parametrize("replace", [False, True])
def test_a_folder_of_the_user_is_never_touched(folder, replace):
    """With the name that the command needs: a training run, for one."""
    (folder / "slab").mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    kept = KeptFolder(folder, {}, replace=replace)
    for refused in (kept.check, kept.begin):
        with pytest.raises(InputError, match="move it, or choose another output"):
            refused()
    kept.remove()
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "slab"]


def test_a_file_in_its_place_is_refused(folder):
    folder.write_text("mine")
    with pytest.raises(InputError, match="move it"):
        KeptFolder(folder, {}, replace=True).begin()
    assert folder.read_text() == "mine"


def test_a_folder_whose_making_or_removal_was_broken_off_is_used(folder, monkeypatch):
    folder.mkdir()
    (folder / ".resume.json.0a1b2c3d.tmp").write_text("{")
    kept = KeptFolder(folder, {})
    kept.save("1.npz", a=np.arange(3))
    unlink = Path.unlink

    def stopped(path, *, missing_ok=False):
        unlink(path, missing_ok=missing_ok)
        raise KeyboardInterrupt

    with monkeypatch.context() as stopping:
        stopping.setattr(Path, "unlink", stopped)
        with pytest.raises(KeyboardInterrupt):
            kept.remove()
    assert kept.matches
    kept.remove()
    assert not folder.exists()


def test_steps_are_kept_seldom_and_not_at_all_at_first(folder, monkeypatch):
    """Each writing takes three seconds: every 150 seconds, for a share of 2 %."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    written = []

    def slow(self, name, /, **arrays):
        written.append(now[0])
        now[0] += 3

    monkeypatch.setattr(KeptFolder, "save", slow)
    steps = Checkpoints(KeptFolder(folder, {}), "nothing")
    for _ in range(10_000):
        if steps.due:
            steps.save("step")
        now[0] += 1
    assert written[0] == pace.PATIENCE + 1
    assert set(np.diff(written)) == {3 + 3 / pace.SHARE + 1}


def test_a_full_disk_stops_nothing(folder, monkeypatch):
    def full(*_, **__):
        raise InputError("no space")

    monkeypatch.setattr(KeptFolder, "save", full)
    with pytest.warns(SayreWarning, match="the filling was not kept: no space"):
        Checkpoints(KeptFolder(folder, {}), "the filling").save("step", a=np.arange(2))


def test_steps_are_cleared_and_nothing_else(folder):
    kept = KeptFolder(folder, {})
    steps = Checkpoints(kept, "nothing")
    steps.save("step", a=np.arange(2))
    kept.save("0000.npz", a=np.arange(3))
    np.testing.assert_array_equal(steps.load("step")["a"], np.arange(2))
    steps.clear()
    assert steps.load("step") is None
    assert sorted(path.name for path in folder.iterdir()) == ["0000.npz", "resume.json"]


def test_only_what_carries_the_mark_of_sayre_is_removed(tmp_path):
    kept = KeptFolder(tmp_path / "runs", {"seed": 1}, replace=True)
    for contents in ({"notes.tmp": "mine"}, {"resume.json": '{"basics": {}}'}, {"0001.npz": "mine"}):
        kept.folder.mkdir()
        for name, text in contents.items():
            (kept.folder / name).write_text(text)
        kept.remove()
        with pytest.raises(InputError, match="is needed for what is kept"):
            kept.begin()
        assert {path.name: path.read_text() for path in kept.folder.iterdir()} == contents
        shutil.rmtree(kept.folder)
    kept.save("0001.npz", a=np.arange(3))
    (kept.folder / "notes.txt").write_text("mine")
    kept.remove()
    assert [path.name for path in kept.folder.iterdir()] == ["notes.txt"]


def test_a_folder_in_which_nothing_was_kept_is_removed(tmp_path):
    kept = KeptFolder(tmp_path / "runs", {"a": 1})
    kept.remove_unused()
    kept.begin()
    KeptFolder(tmp_path / "runs", {"a": 2}).remove_unused()
    assert kept.matches
    kept.save("0000.npz", a=np.arange(2))
    kept.remove_unused()
    assert (tmp_path / "runs" / "0000.npz").is_file()
    (tmp_path / "runs" / "0000.npz").unlink()
    kept.remove_unused()
    assert not (tmp_path / "runs").exists()
