"""The same patterns, whoever makes them and however often they are stopped."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from sayre.cli import main
from sayre.errors import InputError, SayreWarning
from sayre.simulation import cluster
from sayre.simulation.dataset import DatasetConfig, build, make, read
from sayre.simulation.dataset import patterns as drawing
from sayre.simulation.dataset.shards import write_shard
from sayre.simulation.particles.minimise import RelaxationError


def small(**changes) -> DatasetConfig:
    settings = {
        "count": 10,
        "patterns_per_particle": 2,
        "shard_size": 4,
        "shape": (8, 12, 16),
        "seed": 3,
        "particles": {"atoms": (500, 1500)},
        "detector": {"gaps": ("merlin",), "gap_share": 0.5},
        "coherence": {"fwhm": (0.0, 0.5)},
        "max_counts": (1e3, 1e6),
    }
    return DatasetConfig.model_validate(settings | changes)


def hashes(folder: Path) -> dict[str, str]:
    """Of the bytes of every shard."""
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.glob("shard-*"))}


@pytest.fixture(scope="module")
def reference(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("reference")
    build(small(), folder)
    return folder


def test_shards_hold_every_pattern_once(reference):
    records = list(read(reference))
    assert [r.facts["pattern"] for r in records] == list(range(10))
    assert [r.facts["particle"] for r in records] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert sorted(hashes(reference)) == ["shard-00000.h5", "shard-00001.h5", "shard-00002.h5"]
    assert len({r.counts.tobytes() for r in records}) == 10


def test_processes_write_the_same_bytes(reference, tmp_path):
    fractions: list[float] = []
    build(small(), tmp_path, workers=2, progress=fractions.append)
    assert hashes(tmp_path) == hashes(reference)
    assert fractions == pytest.approx([1 / 3, 2 / 3, 1])


def test_a_dask_cluster_writes_the_same_bytes(reference, tmp_path):
    distributed = pytest.importorskip("distributed")
    dask = pytest.importorskip("dask")
    options = {"processes": False, "n_workers": 1, "threads_per_worker": 2, "dashboard_address": None}
    # The profiler of workers may collect garbage inside sys._current_frames: Python 3.11 then locks up.
    quiet = dask.config.set({"distributed.worker.profile.enabled": False})
    with quiet, distributed.LocalCluster(**options) as cluster:
        build(small(), tmp_path, scheduler=cluster.scheduler.address)
    assert hashes(tmp_path) == hashes(reference)


KILLED = """
import os, signal, sys
sys.path.insert(0, {tests!r})
from test_dataset_build import small
from sayre.simulation.dataset import build
if __name__ == "__main__":
    build(small(), {folder!r}, workers={workers}, progress=lambda _: os.kill(os.getpid(), signal.SIGKILL))
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_run_goes_on_and_nothing_is_doubled_or_lost(reference, tmp_path, workers):
    """SIGKILL after a shard or more; half a file is planted, as a kill in mid-write would leave it."""
    script, folder = tmp_path / "run.py", tmp_path / "set"
    script.write_text(KILLED.format(tests=str(Path(__file__).parent), folder=str(folder), workers=workers))
    assert subprocess.run([sys.executable, script], check=False).returncode == -signal.SIGKILL
    left = hashes(folder)
    assert left
    assert left.items() <= hashes(reference).items()
    (folder / "shard-00002.h5").unlink(missing_ok=True)
    half = folder / ".shard-00002.h5.abcd.tmp"
    half.write_bytes(b"half")
    build(small(), folder)
    assert hashes(folder) == hashes(reference)
    assert not half.exists()


def configuration(folder: Path, **changes) -> Path:
    """`small` as a file."""
    path = folder / "set.toml"
    settings = {"count": 10, "patterns_per_particle": 2, "shard_size": 4, "shape": [8, 12, 16], "seed": 3}
    lines = [f"{key} = {value}" for key, value in (settings | changes).items()]
    path.write_text("\n".join([*lines, "max_counts = [1e3, 1e6]", "[particles]", "atoms = [500, 1500]"]))
    return path


def test_ctrl_c_counts_what_is_kept_and_the_same_command_resumes(tmp_path, capsys, monkeypatch):
    command = ["simulate", "dataset", str(configuration(tmp_path)), str(tmp_path / "set"), "--quiet"]
    original = make.write_shard

    def stop(config, folder, number):
        if number == 2:
            raise KeyboardInterrupt
        return original(config, folder, number)

    monkeypatch.setattr(make, "write_shard", stop)
    assert main(command) == 130
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert f"2 of 3 shards are finished and kept in {tmp_path / 'set'}; the same command resumes" in told[0]
    before = hashes(tmp_path / "set")
    assert len(before) == 2
    monkeypatch.undo()
    assert main(command) == 0
    assert hashes(tmp_path / "set").items() > before.items()


@pytest.mark.slow
def test_ctrl_c_ends_every_process_without_a_traceback(tmp_path):
    """A terminal interrupts the processes of a command all at once.

    A test run in the background has SIGINT ignored, which the command would inherit.
    """
    out = tmp_path / "set"
    path = configuration(tmp_path, count=4000, patterns_per_particle=1, shard_size=1)
    command = [sys.executable, "-m", "sayre", "simulate", "dataset", path, out, "--workers", "2"]
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    options = {"stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    with subprocess.Popen(command, preexec_fn=heard, **options) as process:
        while not hashes(out) and process.poll() is None:
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)
        told = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    last = told.splitlines()[-1]
    assert f"sayre: stopped; {len(hashes(out))} of 4000 shards are finished" in last
    assert "Traceback" not in told
    assert not list(out.glob(".*"))


def test_an_interrupt_that_reaches_workers_first_breaks_nothing(reference, tmp_path):
    """A terminal interrupts one process after the other; the command decides what becomes of the others."""
    interrupted = []

    def interrupt(_):
        for worker in multiprocessing.active_children():
            os.kill(worker.pid, signal.SIGINT)
            interrupted.append(worker.pid)

    build(small(), tmp_path, workers=2, progress=interrupt)
    assert interrupted
    assert hashes(tmp_path) == hashes(reference)


def test_what_is_there_is_not_made_again(reference, tmp_path, monkeypatch):
    build(small(), tmp_path)
    monkeypatch.setattr("sayre.simulation.dataset.make.write_shard", None)
    build(small(), tmp_path)
    assert hashes(tmp_path) == hashes(reference)


@pytest.mark.parametrize("damage", ["cut short", "empty", "no HDF5", "of other patterns"])
def test_a_damaged_shard_is_made_again(reference, tmp_path, damage):
    for path in reference.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    path = tmp_path / "shard-00001.h5"
    whole = path.read_bytes()
    texts = {"cut short": whole[: len(whole) * 2 // 3], "empty": b"", "no HDF5": b"no shard" * 200}
    path.write_bytes(texts.get(damage, (reference / "shard-00002.h5").read_bytes()))
    with pytest.warns(SayreWarning, match="shard-00001.h5: is damaged and removed; it is made again"):
        build(small(), tmp_path)
    assert hashes(tmp_path) == hashes(reference)


def test_a_shard_that_fails_leaves_nothing(tmp_path, monkeypatch):
    """Stopped while the third pattern of a shard is made."""
    made, original = [], drawing.detect

    def stop(*arguments):
        made.append(1)
        if len(made) == 3:
            raise KeyboardInterrupt
        return original(*arguments)

    monkeypatch.setattr(drawing, "detect", stop)
    with pytest.raises(KeyboardInterrupt):
        write_shard(small(), tmp_path, 0)
    assert list(tmp_path.iterdir()) == []


def test_particles_that_diverge_are_skipped_logged_and_replaced(reference, tmp_path, monkeypatch):
    original, seen = drawing._isolated, []

    def diverge(recipe, seed):
        seen.append(seed)
        if seed[1] == 2 and seed[3] < 2:
            raise RelaxationError("relaxation: diverged")
        return original(recipe, seed)

    monkeypatch.setattr(drawing, "_isolated", diverge)
    build(small(), tmp_path)
    replaced, kept = list(read(tmp_path)), list(read(reference))
    for new, old in zip(replaced, kept, strict=True):
        same = new.facts["particle"] != 2
        assert np.array_equal(new.counts, old.counts) is same
        assert new.facts["attempt"] == (0 if same else 2)
    from sayre.simulation.dataset.datasheet import summary

    skipped = summary(tmp_path)["skipped"]
    assert [(s["particle"], s["attempt"]) for s in skipped] == [(2, 0), (2, 1)]
    assert skipped[0]["reason"] == "relaxation: diverged"
    monkeypatch.setattr(drawing, "_isolated", lambda *_: (_ for _ in ()).throw(RelaxationError("no")))
    with pytest.raises(InputError, match="10 draws in a row failed, the last one with: no"):
        build(small(seed=4), tmp_path / "other")


def end_the_process(*_):
    os._exit(1)


def test_a_process_that_lammps_ends_is_a_draw_to_skip(monkeypatch):
    recipe = small(particles={"atoms": (500, 600), "relaxation": {"share": 1.0}}).particles
    monkeypatch.setattr(drawing, "random_particle", end_the_process)
    with pytest.raises(RelaxationError, match="LAMMPS ended its process"):
        drawing._isolated(recipe, (0, 0, 0, 0))


def test_a_process_that_does_not_start_is_no_particle_to_skip(monkeypatch):
    recipe = small(particles={"atoms": (500, 600), "relaxation": {"share": 1.0}}).particles
    monkeypatch.setattr("sayre.simulation.processes._serve", end_the_process)
    with pytest.raises(InputError, match="does not start") as caught:
        drawing._isolated(recipe, (0, 0, 0, 0))
    assert not isinstance(caught.value, RelaxationError)


def test_another_data_set_is_not_mixed_in(tmp_path):
    build(small(count=2), tmp_path)
    before = hashes(tmp_path)
    with pytest.raises(InputError, match="holds another data set"):
        build(small(count=2, seed=9), tmp_path)
    assert hashes(tmp_path) == before
    build(small(count=2, seed=9), tmp_path, force=True)
    assert hashes(tmp_path) != before
    description = json.loads((tmp_path / "dataset.json").read_text())
    assert description["config"]["seed"] == 9
    (tmp_path / "dataset.json").write_text(json.dumps(description | {"sayre": "0.0.0"}))
    with pytest.warns(SayreWarning, match=r"begun by sayre 0\.0\.0"):
        build(small(count=2, seed=9), tmp_path)
    (tmp_path / "dataset.json").write_text("{")
    with pytest.raises(InputError, match="holds another data set"):
        build(small(count=2, seed=9), tmp_path)


def test_files_of_others_with_the_names_of_shards_are_not_removed(tmp_path):
    foreign = tmp_path / "shard-00007.h5"
    foreign.write_bytes(b"of another program")
    for description in (None, "{}"):
        if description is not None:
            (tmp_path / "dataset.json").write_text(description)
        with pytest.raises(InputError, match=r"shard-00007\.h5: is no shard that Sayre made; move it"):
            build(small(count=2), tmp_path, force=True)
        assert foreign.read_bytes() == b"of another program"
    foreign.unlink()
    build(small(count=2), tmp_path, force=True)
    (tmp_path / "dataset.json").write_text("{")  # its own shards are known by what is in them
    build(small(count=2, seed=9), tmp_path, force=True)


def test_requests_that_cannot_be_met(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="workers"):
        build(small(), tmp_path, workers=0)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="folder cannot be made"):
        build(small(), tmp_path / "file" / "set")
    pytest.importorskip("distributed")
    monkeypatch.setattr(cluster, "PATIENCE", "0.3s")
    with pytest.raises(InputError, match="`scheduler=`: nowhere:1 does not answer"):
        build(small(), tmp_path / "set", scheduler="nowhere:1")
