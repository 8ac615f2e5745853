from __future__ import annotations

import hashlib
import json
import time
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

import sayre
from sayre.data import Manifest
from sayre.data import manifest as module
from sayre.data.manifest import hashes, sha256_of


def test_round_trip():
    manifest = Manifest.collect(
        "inpaint",
        started=time.perf_counter(),
        seed=3,
        config={"stride": 2, "n": [1, 2]},
        inputs={"a.npz": "f0"},
    )
    assert Manifest.from_json(manifest.to_json()) == manifest


def test_what_json_lacks_becomes_plain():
    config = {"path": Path("a/b"), "n": np.int64(4), "x": np.float32(0.5), "v": np.arange(2)}
    assert json.loads(Manifest(command="x", config=config).to_json())["config"] == {
        "path": str(Path("a/b")),
        "n": 4,
        "x": 0.5,
        "v": [0, 1],
    }


def test_collects_versions_time_and_memory():
    started = time.perf_counter() - 2
    manifest = Manifest.collect("x", started=started)
    assert manifest.versions["sayre"] == sayre.__version__
    assert manifest.versions["numpy"] == metadata.version("numpy")
    assert manifest.seconds == pytest.approx(2, abs=1)
    resource = pytest.importorskip("resource")
    assert manifest.peak_memory_mib is not None
    assert 10 < manifest.peak_memory_mib < 1e6
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 0
    time.strptime(manifest.created, "%Y-%m-%dT%H:%M:%SZ")
    assert Manifest.collect("x").seconds is None


def test_commit_is_that_of_git_or_none(monkeypatch):
    root = Path(module.__file__).resolve().parents[3]
    commit = Manifest.collect("x").git_commit
    if (root / ".git").exists():
        assert commit is not None
        assert len(commit) == 40
    else:
        assert commit is None

    def absent(*_, **__):
        raise FileNotFoundError("git")

    monkeypatch.setattr(module.subprocess, "run", absent)
    assert Manifest.collect("x").git_commit is None


def test_sha256(tmp_path):
    file = tmp_path / "x.bin"
    file.write_bytes(b"abc")
    assert sha256_of(file) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    file.write_bytes(bytes(range(256)) * 10_000)
    assert sha256_of(file) == hashlib.sha256(file.read_bytes()).hexdigest()


def test_files_of_one_name_are_all_named(tmp_path):
    (tmp_path / "masks").mkdir()
    counts, mask = tmp_path / "a.npz", tmp_path / "masks" / "a.npz"
    counts.write_bytes(b"counts")
    mask.write_bytes(b"mask")
    found = hashes(counts, mask)
    assert found == {"a.npz": sha256_of(counts), str(mask): sha256_of(mask)}
    assert hashes(mask, beside={"a.npz": sha256_of(counts)}) == found
