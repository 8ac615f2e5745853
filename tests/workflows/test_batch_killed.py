"""Many scans whose processes are killed in mid-run, and Ctrl-C: what is lost is made again, and no more."""

from __future__ import annotations

import contextlib
import csv
import os
import re
import signal
import subprocess
import sys
import time

import pytest
import torch
from batch_samples import OPTIONS, crystal_of, write_scan

from sayre.cli import main

pytest.importorskip("distributed")
pytestmark = pytest.mark.slow

SCRIPT = """
import os, sys, time
from sayre.cli import main
from sayre.retrieval.kept import KeptRuns
from sayre.workflows import report
from sayre.workflows.batch import cluster

cluster.TRIES = 2
report.draw = lambda outcome: []
write = KeptRuns.write

def written(self, run):
    scan, batch = self.folder.parent.name, self.folder.parent.parent
    if scan == os.environ["DEADLY"]:
        os._exit(1)
    write(self, run)
    with open(batch / f"{scan}.starts", "a") as file:
        print(run.index, file=file)
    if scan == os.environ["WAITS"] and not (batch / "waited").exists():
        (batch / "waited").touch()
        time.sleep(600)

KeptRuns.write = written
if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
"""
"""Its processes import it too, and draw nothing. A scan waits after its first start, once, or always ends its
process."""

PATIENCE = 240.0
RUNS = "2"


@pytest.fixture
def scans(tmp_path):
    for seed in (0, 1, 2):
        write_scan(tmp_path / f"s{seed}.npz", seed)
    (tmp_path / "script.py").write_text(SCRIPT)
    return tmp_path


def batch(folder, out, *sources, waits="", deadly=""):
    """Begin a batch in a session of its own."""
    line = [
        sys.executable,
        "script.py",
        "batch",
        *sources,
        "-o",
        out,
        "--workers",
        "2",
        "--runs",
        "2",
        *OPTIONS,
    ]
    environment = {**os.environ, "WAITS": waits, "DEADLY": deadly, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        line,
        cwd=folder,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=interruptible,
    )


def interruptible():
    """Take Ctrl-C, which a process ignores whose parent was begun in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def ended(running):
    """What a batch printed; one that does not end is killed."""
    try:
        return running.communicate(timeout=PATIENCE)
    finally:
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
            running.communicate()


def wait_for(path):
    end = time.monotonic() + PATIENCE
    while not path.exists():
        assert time.monotonic() < end, f"{path} did not appear"
        time.sleep(0.05)


def holder(folder):
    """Process that writes to the folder of a scan."""
    return int(re.match(r"process (\d+)", (folder / ".lock").read_text())[1])


@contextlib.contextmanager
def one_thread():
    """Compute as the processes of a batch do, to the last bit."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def lives(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_killed_process_costs_no_scan(scans, without_pictures):
    """One is killed in mid-run and its scan resumed by another; one that ends every process is told of."""
    names = ("s0.npz", "s1.npz", "s2.npz")
    running = batch(scans, "out", *names, waits="s0", deadly="s1")
    wait_for(scans / "out" / "waited")
    os.kill(holder(scans / "out" / "s0"), signal.SIGKILL)
    told, errors = ended(running)
    assert running.returncode == 1, errors
    with open(scans / "out" / "scans.csv", newline="", encoding="utf-8") as file:
        rows = {row["scan"]: row for row in csv.DictReader(file)}
    assert {name: row["status"] for name, row in rows.items()} == {"s0": "done", "s1": "failed", "s2": "done"}
    assert rows["s1"]["error"].startswith("ended every process that tried it")
    assert "2 of 3 scans are done, 1 failed" in told
    assert (scans / "out" / "s0.starts").read_text().split() == ["0", "1"]

    with one_thread():
        given = ["-o", str(scans / "alone"), "--runs", RUNS, *OPTIONS, "--quiet"]
        assert main(["run", str(scans / "s0.npz"), *given]) == 0
    assert crystal_of(scans / "out" / "s0") == crystal_of(scans / "alone")


@pytest.mark.skipif(
    "SAYRE_KILLS" not in os.environ, reason="`make crash` runs this test, which kills processes of Dask"
)
@pytest.mark.parametrize("presses", [1, 3])
def test_ctrl_c_ends_every_process_and_loses_nothing(scans, presses):
    """The terminal sends it to the whole group; who presses it again changes nothing."""
    running = batch(scans, "out", "s0.npz", waits="s0")
    wait_for(scans / "out" / "waited")
    worker = holder(scans / "out" / "s0")
    for _ in range(presses):
        os.killpg(running.pid, signal.SIGINT)
        time.sleep(0.2)
    _, errors = ended(running)
    assert running.returncode == 130
    assert [line for line in errors.splitlines() if "scans" not in line] == [
        "sayre: stopped; out/report.md tells what is done; the same command resumes, and begins no scan "
        "again that is done or half done"
    ]
    end = time.monotonic() + 20
    while lives(worker) and time.monotonic() < end:
        time.sleep(0.05)
    assert not lives(worker)
    again = batch(scans, "out", "s0.npz")
    ended(again)
    assert again.returncode == 0
    assert (scans / "out" / "s0.starts").read_text().split() == ["0", "1"]
