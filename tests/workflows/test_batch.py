"""Many scans: each is what `sayre run` makes of it, what is done is left out, what fails stops no other."""

from __future__ import annotations

import contextlib
import csv
import json
import pickle
import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from batch_samples import OPTIONS, result_of, write_scan

from sayre.cli import main
from sayre.cli.flags import in_flags
from sayre.crystal.scan import Scan
from sayre.data.option import SettingError
from sayre.errors import InputError, warn, warnings_worded, wordings
from sayre.figures.series import series_figure
from sayre.figures.surface import body
from sayre.retrieval import kept as kept_runs
from sayre.retrieval.settings import Settings
from sayre.workflows.batch import scan as one_scan
from sayre.workflows.batch.along import curves, least_ranges
from sayre.workflows.batch.job import BatchJob
from sayre.workflows.batch.places import folder_name, folder_names
from sayre.workflows.batch.row import COLUMNS, Row, plain_row
from sayre.workflows.batch.slurm import SlurmConfig
from sayre.workflows.batch.table import page
from sayre.workflows.jobs.job import collected_warnings

pytest.importorskip("distributed")
pytestmark = pytest.mark.filterwarnings("ignore::sayre.errors.SayreWarning")

SETTINGS = Settings(runs=2, recipe="(HIO*20 + SW)**4, ER*20", refine="none")
SCAN = Scan(lattice_constant=4.08, along=0)


@pytest.fixture
def scans(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for seed in (0, 1):
        write_scan(tmp_path / f"s{seed}.npz", seed)
    return tmp_path


@pytest.fixture
def here(monkeypatch, without_pictures):
    """Scans are done by this process, one after the other, in place of a cluster."""

    def done(client, jobs, raise_noted):
        for job in jobs:
            raise_noted()
            yield one_scan.do_scan(job, str(Path.cwd()))

    monkeypatch.setattr(BatchJob, "_cluster", lambda self, count: contextlib.nullcontext())
    monkeypatch.setattr("sayre.workflows.batch.job._done", done)


@contextlib.contextmanager
def cluster():
    """The address of a cluster that runs elsewhere."""
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": None, "silence_logs": "CRITICAL"}
    with distributed.LocalCluster(**options, host="127.0.0.1", memory_limit=0) as made:
        yield made.scheduler_address


def test_a_scheduler_that_does_not_answer_is_one_line(scans, capsys, monkeypatch):
    monkeypatch.setattr("sayre.simulation.cluster.PATIENCE", "0.3s")
    assert main(["batch", "s0.npz", "-o", "out", "--scheduler", "nowhere:1"]) == 2
    assert capsys.readouterr().err.startswith("sayre: --scheduler: nowhere:1 does not answer")


def batch(*sources, **options):
    how = {"settings": SETTINGS, "scan": SCAN, "folder": Path("out"), **options}
    return BatchJob(sources=sources, **how).run()


def table():
    with open("out/scans.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def warnings_of(folder):
    """The warnings in the report of a scan."""
    text = (folder / "report.html").read_text()
    (told,) = re.findall(r'<ul class="warnings">(.*?)</ul>', text, re.DOTALL)
    return re.findall("<li>(.*?)</li>", told, re.DOTALL)


@pytest.mark.slow
def test_each_scan_is_what_a_run_makes_of_it(scans, without_pictures, capsys):
    """With real processes, by the command line; a second time nothing is done again."""
    given = ["--runs", "2", *OPTIONS, "--quiet"]
    (scans / "bad.npz").write_text("no")
    sources = ["s0.npz", "bad.npz", "s1.npz"]
    assert main(["batch", *sources, "-o", "out", "--workers", "2", *given]) == 1
    rows = {row["scan"]: row for row in table()}
    assert [row["status"] for row in rows.values()] == ["done", "failed", "done"]
    assert rows["bad"]["error"].startswith("bad.npz: not an npz")
    assert not (scans / "out" / "bad").exists()
    for name in ("s0", "s1"):
        assert main(["run", f"{name}.npz", "-o", f"alone/{name}", *given]) == 0
        assert result_of(scans / "out" / name) == result_of(scans / "alone" / name)
        assert warnings_of(scans / "out" / name) == warnings_of(scans / "alone" / name) != []
        assert not (scans / "out" / name / "runs").exists()
        with np.load(scans / "out" / name / "object.npz") as file:
            surface = body(np.abs(file["object"]), file["support"])
            inside = file["strain"][surface]
            voxel = float(np.prod(file["voxel_size"]))
        assert float(rows[name]["strain_rms"]) == pytest.approx(np.sqrt(np.nanmean(inside**2)))
        assert int(rows[name]["voxels"]) == surface.sum()
        assert float(rows[name]["volume_nm3"]) == pytest.approx(voxel * surface.sum(), rel=1e-6)
    assert json.loads((scans / "out" / "manifest.json").read_text())["config"]["sources"] == sources
    assert (scans / "out" / "series.png").stat().st_size > 10_000
    before = (scans / "out" / "s0" / "object.npz").stat().st_mtime_ns
    with cluster() as address:
        assert main(["batch", "s0.npz", "s1.npz", "-o", "out", "--scheduler", address, *given]) == 0
    assert [row["status"] for row in table()] == ["done before"] * 2
    assert (scans / "out" / "s0" / "object.npz").stat().st_mtime_ns == before


def test_the_table_tells_what_the_reports_tell(scans, here):
    """Verdict, strain and size are those that the report of the scan gives."""
    (row,) = batch("s0.npz").rows
    text = (scans / "out" / "s0" / "report.html").read_text()
    assert f'<div class="answer">{row.verdict}</div>' in text
    assert f'<div class="answer">{100 * row.strain_rms:.2g} % rms</div>' in text
    assert f"as much as a sphere of {row.size_nm:.3g} nm across" in text
    with np.load(scans / "out" / "s0" / "object.npz") as file:
        assert row.voxels == body(np.abs(file["object"]), file["support"]).sum() < file["support"].sum()
    assert f"| [s0](s0/report.html) | {row.verdict} |" in (scans / "out" / "report.md").read_text()
    assert table()[0]["verdict"] == row.verdict


def test_a_row_of_the_earlier_definition_is_not_mixed_in():
    earlier = {"scan": "a", "source": "a", "residual": 0.1, "strain_rms": 0.0107, "size_nm": 17.94}
    assert plain_row(earlier) == Row(scan="a", source="a", residual=0.1)
    assert plain_row({**earlier, "verdict": "Good"}).size_nm == 17.94


def test_progress_is_told_without_a_full_stop(scans, monkeypatch):
    """A percentage follows it in logs."""
    rows = [Row(scan="s0", source="s0.npz"), Row(scan="s1", source="s1.npz", status="failed", error="no")]
    monkeypatch.setattr(BatchJob, "_cluster", lambda self, count: contextlib.nullcontext())
    monkeypatch.setattr("sayre.workflows.batch.job._done", lambda *_: iter(rows))
    notes = []

    @contextlib.contextmanager
    def bar(title):
        yield lambda fraction, note="": notes.append(note)

    done = BatchJob(sources=("s0.npz", "s1.npz"), folder=Path("out")).run(bar)
    assert notes == ["1 of 2 scans are done, 1 not yet", "1 of 2 scans are done, 1 failed"]
    assert done.sentence.startswith("out: 1 of 2 scans are done, 1 failed. report.md")


def test_scans_that_are_not_trusted_are_hollow():
    rows = [
        Row(scan=name, source=name, verdict=word, strain_rms=strain)
        for name, word, strain in (("a", "Good", 1e-3), ("b", "Do not trust it", 4e-3))
    ]
    hollow = [row.doubted for row in rows]
    (panel,) = series_figure(["a", "b"], curves(rows), hollow=hollow).axes
    filled = {
        (float(x), float(y)): line.get_markerfacecolor() != "white"
        for line in panel.lines
        if line.get_marker() == "o"
        for x, y in line.get_xydata()
    }
    assert filled == {(0.0, 0.1): True, (1.0, 0.4): False}
    assert "Hollow points" in page(rows, Path("out"), picture=True)
    assert "Hollow points" not in page(rows[:1], Path("out"), picture=True)


def test_a_process_tells_warnings_in_the_flags_of_the_command(scans, monkeypatch):
    """What a process is given is pickled; Python, which has no flags, is told the arguments."""

    def done(job):
        with collected_warnings() as told:
            warn("two starts agree; `runs=3` tells more")
        return Row(scan=" ".join(told.warnings), source="s0.npz")

    monkeypatch.setattr(one_scan, "_done", done)
    (job,) = BatchJob(sources=("s0.npz",), folder=Path("out")).jobs
    with warnings_worded(partial(in_flags, flags={"runs": ("--runs",)})):
        given = pickle.loads(pickle.dumps(wordings()))
    assert one_scan.do_scan(job, ".", given).scan == "two starts agree; --runs 3 tells more"
    assert one_scan.do_scan(job, ".").scan == "two starts agree; `runs=3` tells more"


def test_what_is_done_is_known_by_options_and_counts(scans, here):
    assert batch("s0.npz").status == 0
    first = result_of(scans / "out" / "s0")
    assert batch("s0.npz").rows[0].status == "done before"

    (row,) = batch("s0.npz", settings=replace(SETTINGS, seed=1)).rows
    assert row.error == "out/s0: holds a result of other options (seed 0, now 1); `force=True` overwrites"
    write_scan(scans / "s0.npz", 5)
    (row,) = batch("s0.npz").rows
    assert row.error == "out/s0: is of other counts than s0.npz; `force=True` overwrites"
    assert result_of(scans / "out" / "s0") == first
    (row,) = batch("s0.npz", force=True).rows
    assert row.status == "done"
    assert result_of(scans / "out" / "s0") != first


def test_the_place_of_the_peak_is_that_in_the_file(scans, here):
    """A scan whose counts are the same, two frames later and three rows before, within a larger array."""
    with np.load("s0.npz") as file:
        counts, rest = file["data"], {name: file[name] for name in ("grid_step", "hkl")}
    for name, at in (("a", (4, 6, 5)), ("b", (6, 3, 5))):
        array = np.zeros((32, 32, 32), counts.dtype)
        array[tuple(slice(first, first + side) for first, side in zip(at, counts.shape, strict=True))] = (
            counts
        )
        np.savez(f"{name}.npz", data=array, **rest)
    a, b = batch("a.npz", "b.npz", settings=replace(SETTINGS, runs=1)).rows
    weight = counts.astype(float) ** 2
    for axis, (name, first) in enumerate(zip(("frame", "row", "column"), (4, 6, 5), strict=True)):
        along = weight.sum(axis=tuple(other for other in range(3) if other != axis))
        place = first + along @ np.arange(len(along)) / along.sum()
        assert getattr(a, f"peak_{name}") == pytest.approx(place, abs=0.02)
    moved = [getattr(b, f"peak_{name}") - getattr(a, f"peak_{name}") for name in ("frame", "row", "column")]
    assert moved == pytest.approx([2, -3, 0], abs=0.02)


def test_a_folder_of_the_user_is_left_alone(scans, here):
    (scans / "out" / "s0").mkdir(parents=True)
    (scans / "out" / "s0" / "mine.txt").write_text("mine")
    rows = batch("s0.npz", "s1.npz").rows
    assert rows[0].error == "out/s0: is not empty and of no batch; `force=True` overwrites"
    assert rows[1].status == "done"
    assert [path.name for path in (scans / "out" / "s0").iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("name", ["scans.csv", "report.md", "series.png", "manifest.json"])
def test_a_file_of_the_user_is_left_alone(scans, here, name):
    (scans / "out").mkdir()
    (scans / "out" / name).write_text("mine")
    with pytest.raises(InputError, match=rf"out/{name}: is of no batch; `force=True` overwrites"):
        batch("s0.npz")
    assert (scans / "out" / name).read_text() == "mine"
    assert [path.name for path in (scans / "out").iterdir() if not path.name.startswith(".")] == [name]


def test_starts_are_added_to_finished_scans(scans, here, monkeypatch):
    batch("s0.npz", keep_starts=True)
    written, write = [], kept_runs.KeptRuns.write
    monkeypatch.setattr(
        kept_runs.KeptRuns, "write", lambda self, run: (write(self, run), written.append(run.index))
    )
    (row,) = batch("s0.npz", keep_starts=True, settings=replace(SETTINGS, runs=3)).rows
    assert (row.status, row.runs, written) == ("done", 3, [2])
    anew = batch("s0.npz", folder=Path("anew"), settings=replace(SETTINGS, runs=3))
    assert anew.rows[0].residual == row.residual
    assert result_of(scans / "out" / "s0") == result_of(scans / "anew" / "s0")


@pytest.mark.parametrize("at", ["write", "record"])
def test_a_scan_that_was_stopped_is_resumed(scans, here, monkeypatch, at):
    """After its first start, and after its result but before the record of it: no start is made twice."""
    with monkeypatch.context() as stopping:
        if at == "write":
            write = kept_runs.KeptRuns.write

            def stopped(self, run):
                write(self, run)
                raise KeyboardInterrupt

            stopping.setattr(kept_runs.KeptRuns, "write", stopped)
        else:
            stopping.setattr(one_scan, "row_of", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            batch("s0.npz")
    written, write = [], kept_runs.KeptRuns.write
    monkeypatch.setattr(
        kept_runs.KeptRuns, "write", lambda self, run: (write(self, run), written.append(run.index))
    )
    assert batch("s0.npz").rows[0].status == "done"
    assert written == ([1] if at == "write" else [])
    batch("s0.npz", folder=Path("anew"))
    assert result_of(scans / "out" / "s0") == result_of(scans / "anew" / "s0")


def test_a_defect_in_one_scan_is_in_its_row(scans, here, monkeypatch):
    monkeypatch.setattr(one_scan, "_made_of", lambda job, counts: 1 // len(job.input.source.strip("s0.npz")))
    rows = batch("s0.npz", "s1.npz").rows
    assert rows[0].error.startswith("ZeroDivisionError: ")
    assert "1 // len" in (scans / "out" / "s0.error.txt").read_text()
    assert rows[1].status == "done"


def test_names_of_folders():
    assert folder_name("/data/a.b/scan.h5::/entry/data") == "scan_entry_data"
    assert folder_name("example.spec::54") == "example_54"
    assert folder_names(["a/x.npz", "x.npz::b"]) == ["x", "x_b"]
    with pytest.raises(InputError, match=r"^a/x.npz and b/X.npz: both would be written to the folder X; "):
        folder_names(["a/x.npz", "b/X.npz"])


def test_one_place_at_a_time():
    with pytest.raises(SettingError, match="scheduler: and workers exclude each other"):
        BatchJob(sources=("a",), folder=Path("b"), workers=2, scheduler="tcp://x:1")


def test_curves_are_relative_to_the_first_scan_that_is_known():
    rows = [
        Row(scan="a", source="a", status="failed", error="no"),
        Row(scan="b", source="b", spacing_angstrom=2.0, peak_row=3.5, strain_rms=1e-3),
        Row(scan="c", source="c", spacing_angstrom=2.002, peak_row=3.0),
    ]
    found = curves(rows)
    assert found["Δd/d (%)"][""] == [None, 0.0, pytest.approx(0.1)]
    assert found["shift of the peak (voxels)"]["row"] == [None, 0.0, -0.5]
    assert found["strain, rms (%)"][""] == [None, 0.1, None]
    same = curves([replace(row, spacing_angstrom=2.0) for row in rows])
    assert same["Δd/d (%)"][""] == [None] * 3
    assert set(COLUMNS) == set(Row.__dataclass_fields__)


def test_a_tiny_change_is_not_drawn_at_full_scale():
    """A shift of 0.0004 voxels is flat on its axis; one of 10 voxels fills it, and nothing is cut off."""
    for shift, share in ((0.0004, 0.0004), (10.0, 1 / 1.16)):
        rows = [Row(scan="a", source="a", peak_row=3.0, size_nm=50.0)]
        rows.append(Row(scan="b", source="b", peak_row=3.0 + shift, size_nm=50.1))
        drawn = curves(rows)
        size, place = series_figure(["a", "b"], drawn, least=least_ranges(drawn)).axes
        low, high = place.get_ylim()
        assert low <= 0 < shift <= high
        assert shift / (high - low) == pytest.approx(share, rel=1e-3)
        assert np.ptp(size.get_ylim()) == pytest.approx(5.005)


SLURM = """
jobs = 4
cores = 8
processes = 2
memory = "32GB"
walltime = "02:00:00"
queue = "bcdi"
job_script_prologue = ["module load cuda"]
job_extra_directives = ["--gres=gpu:1"]
"""


def test_the_job_of_slurm():
    jobqueue = pytest.importorskip("dask_jobqueue")
    config = SlurmConfig.from_text(SLURM, "slurm.toml")
    with jobqueue.SLURMCluster(**config.of_cluster) as cluster:
        script = cluster.job_script()
    lines = script.splitlines()
    for line in (
        "#SBATCH -p bcdi",
        "#SBATCH --cpus-per-task=8",
        "#SBATCH -t 02:00:00",
        "#SBATCH --gres=gpu:1",
    ):
        assert line in lines
    assert "module load cuda" in lines
    (worker,) = [line for line in lines if "distributed.cli.dask_worker" in line]
    assert re.findall(r"--nthreads (\d+)", worker)[-1] == "1"
    assert "--nworkers 2" in worker


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (SLURM.replace("queue", "quueue"), r"quueue: is not known; .*did you mean queue\?"),
        (SLURM.replace("cores = 8", ""), "cores: is missing"),
        (SLURM.replace("jobs = 4", "jobs = 0"), "jobs: Input should be greater"),
    ],
)
def test_what_is_wrong_with_the_file_of_slurm(scans, text, wrong, capsys):
    (scans / "slurm.toml").write_text(text)
    assert main(["batch", "s0.npz", "-o", "out", "--slurm", "slurm.toml"]) == 2
    assert re.search(f"^sayre: slurm.toml: {wrong}", capsys.readouterr().err)
