"""One command at a time writes an output, and the lock of a killed command ends with it."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from sayre.cli import main
from sayre.errors import InputError
from sayre.files import lock
from sayre.files.lock import file_held, folder_held


@pytest.mark.parametrize("held", [folder_held, file_held])
def test_an_output_is_held_once_and_nothing_is_left(tmp_path, held):
    output = tmp_path / "out"
    with held(output):
        with (
            pytest.raises(InputError, match=rf"out: is being written by process {os.getpid()} on "),
            held(output),
        ):
            pass
        with held(tmp_path / "another"):
            pass
    assert list(tmp_path.iterdir()) == []
    with held(output):
        pass


def test_a_folder_that_was_there_or_is_filled_stays(tmp_path):
    there = tmp_path / "there"
    there.mkdir()
    with folder_held(there):
        pass
    with folder_held(tmp_path / "a" / "b"):
        (tmp_path / "a" / "b" / "result").touch()
    assert [path.name for path in there.iterdir()] == []
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["result"]


HOLDER = "import sys, time; from pathlib import Path; from sayre.files.lock import folder_held\n"
HOLDER += "with folder_held(Path(sys.argv[1])): print('held', flush=True); time.sleep(300)"


def test_the_lock_of_a_killed_command_ends_with_it(tmp_path):
    out = tmp_path / "out"
    command = [sys.executable, "-c", HOLDER, out]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(InputError, match=f"process {process.pid} "), folder_held(out):
            pass
        process.send_signal(signal.SIGKILL)
    assert list(out.iterdir()) == [out / lock.LOCK]
    with folder_held(out):
        pass
    assert list(out.iterdir()) == []


def test_a_lock_that_is_removed_while_it_is_taken_is_taken_anew(tmp_path, monkeypatch):
    """Another command ends between the opening of the file and its locking."""
    original, calls = lock._lock, []

    def late(descriptor):
        if not calls:
            (tmp_path / lock.LOCK).unlink()
        calls.append(descriptor)
        original(descriptor)

    monkeypatch.setattr(lock, "_lock", late)
    with folder_held(tmp_path):
        assert len(calls) == 2
        with pytest.raises(InputError, match="is being written"), folder_held(tmp_path):
            pass


def test_where_there_are_no_locks_nothing_is_held(tmp_path, monkeypatch):
    def none(*_):
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(fcntl, "flock", none)
    with folder_held(tmp_path / "out"), folder_held(tmp_path / "out"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_left_to_who_writes_it(tmp_path):
    (tmp_path / "file").touch()
    with folder_held(tmp_path / "file" / "out"), file_held(tmp_path / "none" / "c.npz"):
        pass
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


@pytest.mark.parametrize(
    "command",
    [
        "run peak.npz -o out",
        "demo -o out",
        "simulate dataset set.toml out",
        "train inpaint train.toml -o out",
        "train phase train.toml -o out",
        "inpaint peak.npz -o out.npz",
        "phase peak.npz -o out.npz",
    ],
)
def test_a_second_command_is_refused_at_once(tmp_path, monkeypatch, capsys, command):
    monkeypatch.chdir(tmp_path)
    counts = np.random.default_rng(0).poisson(20, (24, 24, 24))
    np.savez("peak.npz", intensity=counts, mask=np.arange(24) == 4 + 0 * counts)
    Path("set.toml").write_text("count = 2\nshape = [8, 12, 16]\n[particles]\natoms = [500, 1500]\n")
    Path("train.toml").write_text('network = "shape"\n' if "phase" in command else "steps = 4\n")
    output = Path(command.split()[-1])
    with ExitStack() as stack:
        stack.enter_context(file_held(output) if output.suffix else folder_held(output))
        before = sorted(tmp_path.rglob("*"))
        assert main(command.split()) == 2
        assert sorted(tmp_path.rglob("*")) == before
    told = capsys.readouterr().err.splitlines()
    assert told == [
        f"sayre: {output}: is being written by process {os.getpid()} on {os.uname().nodename}; "
        "wait until that is done, or choose another output"
    ]
