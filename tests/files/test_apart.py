"""Files of others are read in a process of their own first."""

from __future__ import annotations

import os
import signal
import time
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

import sayre
from sayre.errors import InputError, SayreWarning
from sayre.files.safety import apart
from sayre.files.safety.apart import is_due, tried_apart
from sayre.scans import load
from sayre.workflows.info import found_in

COUNTS = np.arange(256, dtype=np.uint16).reshape(4, 8, 8)


@tried_apart
def reader(path, *, status=None, asleep=0.0):
    """Ends the process that it is called in, but not the one of the test."""
    if os.environ.get("SAYRE_SAFE_READ") == "0" or status is None:
        time.sleep(asleep if os.environ.get("SAYRE_SAFE_READ") == "0" else 0)
        if status is not None and status < 0:
            os.kill(os.getpid(), -status)
        if status is not None:
            os._exit(status)
    return "read"


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setenv("SAYRE_SAFE_READ", "1")
    np.savez(tmp_path / "a.npz", intensity=COUNTS, mask=COUNTS == 3)
    return tmp_path / "a.npz"


@pytest.mark.parametrize("status", [0, 1, -signal.SIGSEGV])
def test_what_ends_the_process_is_refused(file, status):
    """A filter that calls exit(0), for one."""
    with pytest.raises(
        InputError, match=rf"a\.npz: ended the process that tried to read it \(status {status}\)"
    ):
        reader(file, status=status)


def test_what_takes_too_long_is_refused(file, monkeypatch):
    monkeypatch.setenv("SAYRE_SAFE_SECONDS", "3")
    with pytest.raises(InputError, match=r"a\.npz: is not read within 3 s"):
        reader(file, asleep=60.0)


def test_counts_are_those_that_are_read_without(file, monkeypatch):
    """With their warnings, once; a mask is an array or a file."""
    np.save(file.parent / "mask.npy", COUNTS == 9)
    for mask in (COUNTS == 9, file.parent / "mask.npy"):
        found = load(file, mask=mask)
        with monkeypatch.context() as trusting:
            trusting.setenv("SAYRE_SAFE_READ", "0")
            assert found == load(file, mask=mask)
    np.savez(file, intensity=COUNTS + 0.37)
    with pytest.warns(SayreWarning, match="values are not integers") as caught:
        sayre.load(file)
    assert len(caught) == 1


def test_the_child_says_what_is_wrong(file):
    file.write_bytes(b"no archive")
    for reading in (load, found_in, sayre.load_crystal):
        with pytest.raises(InputError, match=r"a\.npz: not an npz, or cut short"):
            reading(str(file))


def test_scans_are_described_in_a_child(file, monkeypatch):
    tried = []
    monkeypatch.setattr(apart, "_try", lambda function, path, options: tried.append((function, options)))
    with h5py.File(file.parent / "a.h5", "w") as made:
        made["data"] = COUNTS
    found_in(str(file.parent / "a.h5"))
    load(file.parent / "a.h5", frames=None, mask=COUNTS == 3)
    assert tried == [("sayre.workflows.info:found_in", {}), ("sayre.scans.loading:load", {"frames": None})]


def test_whose_files_are_tried(file, monkeypatch):
    monkeypatch.delenv("SAYRE_SAFE_READ")
    for owner, due in ((os.geteuid(), False), (0, False), (12345, True)):
        monkeypatch.setattr(os, "stat", lambda *_, owner=owner, **__: SimpleNamespace(st_uid=owner))
        assert is_due(f"{file}::intensity") == due
        monkeypatch.undo()
        monkeypatch.delenv("SAYRE_SAFE_READ", raising=False)
    assert not is_due(str(file.with_name("missing.npz")))
