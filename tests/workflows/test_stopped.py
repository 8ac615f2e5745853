"""Ctrl-C: what is kept, what the user is told of it, and that the same command resumes there."""

from __future__ import annotations

import re
import signal
import subprocess
import sys

import h5py
import numpy as np
import pytest

from sayre.cli import main
from sayre.detectors import masks
from sayre.files import pace
from sayre.files.kept import KeptFolder
from sayre.filling import wiener
from sayre.retrieval.kept import KeptRuns
from sayre.workflows.jobs.stopping import Stopping

PHASING = ["--runs", "2", "--recipe", "HIO*20,ER*10"]

WAITING = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from sayre.files import kept, pace
from sayre.cli import main
pace.PATIENCE, pace.SHARE = -1.0, float("inf")
save, saved = kept.KeptFolder.save, []

def waiting(self, name, /, **arrays):
    if sys.argv[1] in saved:
        print("waiting", flush=True)
        time.sleep(600)
    save(self, name, **arrays)
    saved.append(name)

kept.KeptFolder.save = waiting
sys.exit(main(sys.argv[2:]))
"""
"""Runs a command until the file named first is kept, and waits there for Ctrl-C."""


@pytest.fixture(scope="module")
def peak(tmp_path_factory):
    """Counts of a crystal with a cross of two voxels, in a file."""
    folder = tmp_path_factory.mktemp("stopped")
    options = ["--atoms", "20000", "--shape-px", "40", "--oversampling", "3", "--max-counts", "1e6"]
    assert main(["simulate", str(folder / "whole.npz"), *options, "--quiet"]) == 0
    with np.load(folder / "whole.npz") as file:
        counts, step = file["intensity"], file["grid_step"]
    mask = masks.cross(counts.shape, axes=(1, 2), starts=(25, 12), widths=(2, 2))
    np.savez(folder / "peak.npz", intensity=np.where(mask, 0, counts), mask=mask, grid_step=step)
    return folder / "peak.npz"


def stopped(after, *command):
    """What a command tells that was stopped by SIGINT after it kept the file `after`."""
    line = [sys.executable, "-c", WAITING, after, *map(str, command)]
    pipe = subprocess.PIPE
    with subprocess.Popen(line, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    (told,) = [line for line in err.splitlines() if "do not trust" not in line]
    return told


def same(a, b, *names):
    with np.load(a) as first, np.load(b) as second:
        return all(first[name].tobytes() == second[name].tobytes() for name in names)


@pytest.mark.slow
def test_a_stopped_filling_is_resumed(peak, tmp_path, monkeypatch):
    command = ["inpaint", peak, "--method", "wiener", "-o", tmp_path / "a.npz"]
    kept = tmp_path / "a.npz.runs"
    told = stopped("wiener.checkpoint", *command)
    assert told == f"sayre: stopped; kept in {kept}: the filling so far; the same command resumes"
    assert sorted(path.name for path in kept.iterdir()) == ["resume.json", "wiener.checkpoint"]
    assert not (tmp_path / "a.npz").exists()
    monkeypatch.setattr(wiener, "_calibrate", None)  # not done again
    assert main([*map(str, command), "--quiet"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]
    monkeypatch.undo()
    assert main([*map(str, command[:-1]), str(tmp_path / "b.npz"), "--quiet"]) == 0
    assert same(tmp_path / "a.npz", tmp_path / "b.npz", "intensity", "sigma")


@pytest.mark.usefixtures("refined_soon")
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*do not trust")
def test_stopped_starts_are_resumed(peak, tmp_path):
    command = ["phase", peak, *PHASING, "-o", tmp_path / "a.npz"]
    told = stopped("0000.npz", *command)
    where = tmp_path / "a.npz.runs"
    assert told == f"sayre: stopped; kept in {where}: 1 finished start; the same command resumes"
    told = stopped("running.snapshot", *command)
    assert (
        told
        == f"sayre: stopped; kept in {where}: 1 finished start, the running start; the same command resumes"
    )
    assert main([*map(str, command), "--quiet"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*(do not trust|no displacement)")
@pytest.mark.usefixtures("without_pictures", "refined_soon")
def test_a_stopped_run_is_resumed_in_every_stage(peak, tmp_path, monkeypatch):
    folder = tmp_path / "out"
    command = ["run", peak, *PHASING, "--method", "wiener", "-o", folder]
    told = stopped("wiener.checkpoint", *command)
    assert told == f"sayre: stopped; kept in {folder / 'runs'}: the filling so far; the same command resumes"
    assert [path.name for path in folder.iterdir()] == ["runs"]
    with monkeypatch.context() as counting:
        counting.setattr(wiener, "_calibrate", None)
        counting.setattr(KeptRuns, "write", interrupted)
        assert main([*map(str, command), "--quiet"]) == 130
    assert sorted(path.name for path in (folder / "runs").iterdir()) == ["filled.npz", "resume.json"]
    told = stopped("0000.npz", *command)
    contents = "the filled counts, 1 finished start"
    assert told == f"sayre: stopped; kept in {folder / 'runs'}: {contents}; the same command resumes"
    monkeypatch.setattr("sayre.filling.fill.inpaint", None)
    assert main([*map(str, command), "--quiet"]) == 0
    assert not (folder / "runs").exists()
    assert (folder / "report.md").is_file()


def interrupted(*_, **__):
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    "command", [["inpaint"], ["phase", *PHASING], ["run", *PHASING]], ids=["inpaint", "phase", "run"]
)
def test_stopped_before_anything_is_kept(command, peak, tmp_path, monkeypatch, capsys):
    """While the counts are read; with and without what an earlier command left."""
    out = tmp_path / "out.npz"
    monkeypatch.setattr("sayre.workflows.jobs.input_file.InputFile.load", interrupted)
    line = [command[0], str(peak), *command[1:], "-o", str(out)]
    assert main(line) == 130
    assert capsys.readouterr().err == "sayre: stopped; nothing was kept; the same command begins anew\n"
    assert not any(tmp_path.iterdir())
    kept = out / "runs" if command[0] == "run" else tmp_path / "out.npz.runs"
    KeptFolder(kept, {"seed": 7}).save("wiener.checkpoint", a=np.arange(2))
    assert main([*line, "--force"]) == 130
    told = f"nothing was added to what {kept} holds; the same command begins where this one did"
    assert capsys.readouterr().err == f"sayre: stopped; {told}\n"
    assert len(list(kept.iterdir())) == 2


@pytest.mark.parametrize("place", ["sayre.cli.derive.build", "typer.echo"])
def test_stopped_outside_of_a_job(place, peak, tmp_path, monkeypatch, capsys):
    """Before it is made, and while its outcome is printed."""
    monkeypatch.setattr(place, interrupted)
    assert main(["inpaint", str(peak), "--method", "linear", "-o", str(tmp_path / "a.npz")]) == 130
    assert capsys.readouterr().err == "sayre: stopped; no half-written file was left\n"


@pytest.mark.parametrize("command", ["inpaint", "run"])
def test_a_short_filling_keeps_nothing(command, peak, tmp_path, monkeypatch, capsys):
    """Nor does it count what another command kept there, that --force is to replace."""
    out = tmp_path / "out.npz"
    kept = out / "runs" if command == "run" else tmp_path / "out.npz.runs"
    monkeypatch.setattr("sayre.filling.wiener.steps.resume", None)
    monkeypatch.setattr("sayre.filling.wiener.expectation_of_log", interrupted)
    line = [command, str(peak), "--method", "wiener", "-o", str(out)]
    assert main(line) == 130
    assert capsys.readouterr().err == "sayre: stopped; nothing was kept; the same command begins anew\n"
    assert not any(tmp_path.iterdir())
    KeptFolder(kept, {"seed": 7}).save("wiener.checkpoint", a=np.arange(2))
    assert main(line) == 2
    assert "unfinished run of other options or counts" in capsys.readouterr().err
    assert main([*line, "--force"]) == 130
    assert capsys.readouterr().err == "sayre: stopped; nothing was kept; the same command begins anew\n"


@pytest.fixture
def left(peak, tmp_path, monkeypatch):
    """A command whose filling was stopped after its first step."""
    line = ["inpaint", str(peak), "--method", "wiener", "--quiet", "-o", str(tmp_path / "a.npz")]
    with monkeypatch.context() as stopping:
        stopping.setattr(pace, "PATIENCE", -1.0)
        stopping.setattr("sayre.filling.wiener.expectation_of_log", interrupted)
        assert main(line) == 130
    assert (tmp_path / "a.npz.runs" / "wiener.checkpoint").is_file()
    return line


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (["--method", "unet"], "--method wiener there, unet here"),
        (["--crop", "32"], "other counts"),
        (["--mask", "MASK"], "other counts"),
    ],
)
def test_other_options_do_not_resume_a_filling(left, peak, tmp_path, capsys, other, named):
    np.save(tmp_path / "mask.npy", np.indices((40, 40, 40))[0] == 3)
    other = [str(tmp_path / "mask.npy") if word == "MASK" else word for word in other]
    assert main([*left, *other]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(r"a\.npz\.runs: holds an unfinished run of other options or counts.*--force", line)
    assert named in line
    assert not (tmp_path / "a.npz").exists()
    assert main([*left, *other, "--force"]) == 0
    assert not (tmp_path / "a.npz.runs").exists()
    anew = [word.replace("a.npz", "b.npz") for word in left]
    assert main([*anew, *other]) == 0
    assert same(tmp_path / "a.npz", tmp_path / "b.npz", "intensity", "sigma")


@pytest.mark.parametrize("command", [["inpaint", "--method", "wiener"], ["phase", *PHASING]])
def test_another_data_set_of_the_same_file_is_other_counts(command, peak, tmp_path, monkeypatch, capsys):
    with np.load(peak) as file, h5py.File(tmp_path / "scan.h5", "w") as made:
        made["a"], made["b"] = file["intensity"], file["intensity"][::-1]
        np.save(tmp_path / "mask.npy", file["mask"])
    options = [*command[1:], "--mask", str(tmp_path / "mask.npy"), "-o", str(tmp_path / "o.npz"), "--quiet"]
    monkeypatch.setattr(pace, "PATIENCE", -1.0)
    with monkeypatch.context() as stopping:
        stopping.setattr("sayre.filling.wiener.expectation_of_log", interrupted)
        stopping.setattr(KeptRuns, "write", interrupted)
        assert main([command[0], f"{tmp_path / 'scan.h5'}::/a", *options]) == 130
    capsys.readouterr()
    assert main([command[0], f"{tmp_path / 'scan.h5'}::/b", *options]) == 2
    assert "unfinished run of other options or counts" in capsys.readouterr().err


def test_a_result_that_was_written_is_told(tmp_path):
    output, other = tmp_path / "a.npz", tmp_path / "a.npz.runs"
    output.write_text("of an earlier command")
    stopping = Stopping()
    stopping.begin(output)
    assert stopping.sentence(other) == "nothing was kept; the same command begins anew"
    (tmp_path / "new").write_text("of this one")
    (tmp_path / "new").replace(output)
    assert stopping.sentence(other) == f"{output} is written"
    kept = KeptFolder(other, {})
    stopping.begin(output)
    stopping.kept = kept
    for name in ("0000.npz", "0001.npz", "filled.npz", "running.snapshot"):
        kept.save(name, a=np.arange(2))
    contents = "the filled counts, 2 finished starts, the running start"
    assert stopping.sentence(other) == f"kept in {other}: {contents}; the same command resumes"


def test_stopped_before_a_start_is_finished_leaves_nothing(peak, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(KeptRuns, "write", interrupted)
    assert main(["phase", str(peak), *PHASING, "-o", str(tmp_path / "a.npz"), "--quiet"]) == 130
    assert "nothing was kept" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
