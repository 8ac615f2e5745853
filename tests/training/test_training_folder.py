"""A run that is in the way of another is neither overwritten nor mixed with it; stopped, it is resumed."""

from __future__ import annotations

import csv
import re
import shlex
import shutil
import signal

import pytest
import torch

from sayre.cli import main
from sayre.errors import InputError, SayreWarning
from sayre.training.crystals import CrystalModule
from sayre.training.folder import check_folder
from sayre.workflows.training.train_phase import AnyPhaseRun, train_phase

CONFIG = """
network = "published"
dimensions = 2
width = 0.0625
batch = 1
steps = 3
epoch_steps = 2
validation_crystals = 1
workers = 0
threads = 1
precision = "32-true"
[population]
dimensions = 2
"""
FILES = ("config.json", "last.ckpt", "metrics.csv", "weights.safetensors")


def configured(folder, *changes):
    text = CONFIG
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    path = folder / "config.toml"
    path.write_text(text)
    return path, AnyPhaseRun.from_toml(path).root


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    printed = []
    train_phase(configured(folder)[1], folder, progress=lambda *now: printed.append(now))
    return folder, printed


@pytest.mark.parametrize("held", [["config.json"], ["config.json", "metrics.csv"]])
def test_a_run_that_was_stopped_before_its_first_checkpoint_is_begun_anew(tmp_path, held):
    folder, config = tmp_path / "run", configured(tmp_path)[1]
    folder.mkdir()
    for name in held:
        (folder / name).write_text(config.model_dump_json() if name == "config.json" else "step\n1\n")
    check_folder(config, folder)
    with pytest.raises(InputError, match="of another run"):
        check_folder(config.model_copy(update={"seed": 9}), folder)


@pytest.fixture
def copy(finished, tmp_path):
    """A finished run that a test may spoil."""
    folder = tmp_path / "run"
    shutil.copytree(finished[0], folder)
    return folder


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def refused(capsys, *arguments):
    """The one line of a command that refuses."""
    assert main(["train", "phase", *map(str, arguments), "--quiet"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    return lines[0]


def stop_in_epoch(monkeypatch, epoch):
    """Ctrl-C in the second step of an epoch, or the first one of the last epoch, which has but one."""
    train = CrystalModule.training_step

    def step(self, batch, index):
        if self.trainer.current_epoch == epoch and (index == 1 or epoch == 1):
            raise KeyboardInterrupt
        return train(self, batch, index)

    monkeypatch.setattr(CrystalModule, "training_step", step)


def test_progress_counts_the_steps_and_epochs_of_the_run(finished):
    """Three steps in epochs of two: two epochs, the last of one step."""
    assert finished[1] == [
        (pytest.approx(1 / 3), "step 1 of 3, epoch 1 of 2"),
        (pytest.approx(2 / 3), "step 2 of 3, epoch 1 of 2"),
        (pytest.approx(1.0), "step 3 of 3, epoch 2 of 2"),
    ]


def test_a_finished_run_is_not_overwritten(copy, tmp_path, capsys):
    path, _ = configured(tmp_path)
    other, _ = configured(tmp_path / "run", ("batch = 1", "batch = 2"))
    before = contents(copy)
    line = refused(capsys, path, "-o", copy)
    assert re.search(r"run: holds a finished run; .*another folder.*--force", line)
    assert "finished run of another configuration" in refused(capsys, other, "-o", copy)
    assert contents(copy) == before


def test_an_unfinished_run_is_resumed_or_replaced(copy, tmp_path, capsys):
    path, _ = configured(tmp_path)
    (copy / "weights.safetensors").unlink()
    before = contents(copy)
    line = refused(capsys, path, "-o", copy)
    assert f"holds an unfinished run; continue it with --resume {copy / 'last.ckpt'}, or replace" in line
    other, _ = configured(tmp_path, ("steps = 3", "steps = 5"))
    assert "of another run; choose another folder, or replace that run with --force" in refused(
        capsys, other, "-o", copy
    )
    assert contents(copy) == before


@pytest.mark.parametrize("name", FILES)
def test_any_file_of_another_run_is_in_the_way(name, tmp_path):
    _, config = configured(tmp_path)
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    check_folder(config, folder)
    (folder / name).write_text("{}")
    with pytest.raises(InputError, match="`force=True`"):
        check_folder(config, folder)
    with pytest.raises(InputError, match=f"holds {name} of no training of Sayre; move them"):
        check_folder(config, folder, force=True)
    (folder / "config.json").write_text(config.model_dump_json())
    check_folder(config, folder, force=True)


def test_a_file_is_no_folder(tmp_path):
    path, config = configured(tmp_path)
    with pytest.raises(InputError, match="is not a folder"):
        check_folder(config, path, force=True)


def test_a_run_replaced_leaves_nothing_behind(copy, tmp_path):
    """Rows of the run before would stay in the curves: those of steps that the new run has not."""
    path, config = configured(tmp_path, ("epoch_steps = 2", "epoch_steps = 3"))
    assert main(["train", "phase", str(path), "-o", str(copy), "--force", "--quiet"]) == 0
    fresh = tmp_path / "fresh"
    train_phase(config, fresh)
    for name in ("config.json", "metrics.csv", "weights.safetensors"):
        assert (copy / name).read_bytes() == (fresh / name).read_bytes(), name
    with (copy / "metrics.csv").open() as file:
        assert [row["step"] for row in csv.DictReader(file)] == ["3"]


def test_ctrl_c_states_what_is_kept_and_the_command_that_resumes(finished, tmp_path, capsys, monkeypatch):
    path, _ = configured(tmp_path)
    out = tmp_path / "a run"
    stop_in_epoch(monkeypatch, 0)
    assert main(["train", "phase", str(path), "-o", str(out), "--quiet"]) == 130
    printed = capsys.readouterr().err.splitlines()
    assert len(printed) == 1
    assert "nothing is kept; the same command begins anew" in printed[0]
    assert not (out / "last.ckpt").exists()

    monkeypatch.undo()
    stop_in_epoch(monkeypatch, 1)
    assert main(["train", "phase", str(path), "-o", str(out), "--quiet"]) == 130
    printed = capsys.readouterr().err
    assert f"{out / 'last.ckpt'} keeps the finished epochs; resume" in printed
    assert torch.load(out / "last.ckpt", weights_only=True)["global_step"] == 2

    monkeypatch.undo()
    command = shlex.split(re.search("`sayre (.*)`", printed)[1])
    assert main([*command, "--quiet"]) == 0
    assert (out / "weights.safetensors").read_bytes() == (finished[0] / "weights.safetensors").read_bytes()


def test_a_second_ctrl_c_gets_through(tmp_path, monkeypatch):
    before = signal.getsignal(signal.SIGINT)
    stop_in_epoch(monkeypatch, 0)
    with pytest.raises(KeyboardInterrupt):
        train_phase(configured(tmp_path)[1], tmp_path / "run")
    assert signal.getsignal(signal.SIGINT) is before


def test_a_run_resumed_with_other_settings_is_warned_of(copy, tmp_path):
    changes = ("batch = 1", "batch = 2"), ("steps = 3", "steps = 4"), ("threads = 1", "threads = 2")
    _, config = configured(tmp_path, *changes)
    with pytest.warns(SayreWarning, match=r"other settings \(batch 1 is now 2, steps 3 is now 4\); those of"):
        check_folder(config, copy, resume=copy / "last.ckpt")


def test_a_checkpoint_from_elsewhere_does_not_open_the_folder_of_another_run(copy, finished, tmp_path):
    _, config = configured(tmp_path)
    with pytest.raises(InputError, match="holds a finished run"):
        check_folder(config, copy, resume=finished[0] / "last.ckpt")


@pytest.mark.parametrize("content", [None, b"", b"not a checkpoint", "weights"])
def test_what_is_no_checkpoint_is_refused(content, tmp_path, capsys):
    path, checkpoint = configured(tmp_path)[0], tmp_path / "a.ckpt"
    if content == "weights":
        torch.save({"a": torch.zeros(2)}, checkpoint)
    elif content is not None:
        checkpoint.write_bytes(content)
    line = refused(capsys, path, "-o", tmp_path / "run", "--resume", checkpoint)
    assert "a.ckpt: " in line
    assert "last.ckpt" in line
    assert not (tmp_path / "run").exists()


def test_a_checkpoint_of_another_network_is_refused(copy, tmp_path, capsys):
    path, _ = configured(tmp_path, ("width = 0.0625", "width = 0.125"))
    before = contents(copy)
    assert main(["train", "phase", str(path), "-o", str(copy), "--resume", str(copy / "last.ckpt")]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert "width 0.0625 is now 0.125" in lines[0]
    assert "of another network than the configuration describes" in lines[-1]
    assert len(lines) == 2
    assert contents(copy) == before


def test_a_finished_run_that_is_resumed_exports_the_same_averaged_weights(copy, finished, tmp_path):
    """So does one that was killed after its last checkpoint and before the weights were written."""
    weights = (finished[0] / "weights.safetensors").read_bytes()
    config = configured(tmp_path)[1]
    (copy / "weights.safetensors").unlink()
    train_phase(config, copy, resume=copy / "last.ckpt")
    assert (copy / "weights.safetensors").read_bytes() == weights
