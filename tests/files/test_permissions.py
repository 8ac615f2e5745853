"""Colleagues can read what is written: the umask alone decides, whatever a library's temporary file had."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
import torch
from io_samples import make

from sayre import files
from sayre.errors import InputError
from sayre.files.atomic import check_place, replacing
from sayre.networks import registry


@pytest.fixture(params=[0o022, 0o027, 0o002], ids=lambda umask: f"umask{umask:03o}")
def expected(request):
    """Mode of a new file under a umask."""
    before = os.umask(request.param)
    yield 0o666 & ~request.param
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("ending", [".npz", ".npy", ".cxi", ".h5", ".tif"])
def test_patterns(ending, expected, manifest, tmp_path):
    path = tmp_path / f"filled{ending}"
    files.save(path, make("filled"), manifest)
    assert mode(path) == expected


@pytest.mark.parametrize("levels", [None, 31])
def test_weights(levels, expected, tmp_path):
    path = tmp_path / "weights.safetensors"
    registry.write(path, {"a": torch.ones(2, 3)}, {"network": "slab"}, levels=levels)
    assert mode(path) == expected
    assert list(tmp_path.iterdir()) == [path]


def test_a_private_file_that_is_overwritten_becomes_readable(expected, tmp_path):
    path = tmp_path / "old"
    path.touch(mode=0o600)
    with replacing(path, force=True) as file:
        file.write(b"new")
    assert mode(path) == expected


def test_an_output_that_is_a_link_is_written_through(tmp_path):
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "b.npz", tmp_path / "a.npz"
    target.write_bytes(b"old")
    link.symlink_to(target)
    with replacing(link, force=True) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    lost = tmp_path / "c.npz"
    lost.symlink_to(tmp_path / "nowhere" / "c.npz")
    with pytest.raises(InputError, match="nowhere does not exist"):
        check_place(lost, force=False)  # before any work


def test_temporary_files_of_a_killed_command_are_removed_and_those_of_others_stay(tmp_path):
    path = tmp_path / "a.npz"
    stray, other = tmp_path / ".a.npz.0123abcd.tmp", tmp_path / ".a.npz.mine.tmp"
    for file in (stray, other):
        file.write_bytes(b"x")
    with replacing(path, force=True) as outer, replacing(path, force=True) as inner:
        assert not stray.exists()
        outer.write(b"1")
        inner.write(b"2")
    assert path.read_bytes() == b"1"
    assert sorted(file.name for file in tmp_path.iterdir()) == [".a.npz.mine.tmp", "a.npz"]


@pytest.mark.parametrize(("length", "fits"), [(241, True), (242, False)])
def test_names_that_leave_no_room_for_a_temporary_file_are_refused_at_once(length, fits, tmp_path):
    path = tmp_path / ("a" * (length - 4) + ".npz")
    if not fits:
        with pytest.raises(InputError, match="a name of 242 bytes; one of 241 at most would do"):
            check_place(path, force=False)
        return
    check_place(path, force=False)
    with replacing(path, force=False) as file:
        file.write(b"1")
    assert path.exists()
