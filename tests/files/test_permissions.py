"""Colleagues can read what is written: the umask alone decides, whatever a library's temporary file had."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
import torch
from io_samples import make

from sayre import files
from sayre.files.atomic import replacing
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
