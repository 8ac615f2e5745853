"""`sayre batch`: many scans, each as `sayre run` does it, and what changes from one to the next."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated, Any

from sayre.crystal.scan import Scan
from sayre.data.json_text import plain
from sayre.data.option import Option, SettingError, check_settings
from sayre.errors import InputError, worded, wordings
from sayre.filling.settings import FillingSettings
from sayre.retrieval.settings import Settings
from sayre.workflows.batch.along import curves, label, least_ranges
from sayre.workflows.batch.places import folder_names
from sayre.workflows.batch.row import Row
from sayre.workflows.batch.scan import do_scan, failed
from sayre.workflows.batch.table import PICTURE, REPORT, TABLE, csv_text, page, so_far, told, why
from sayre.workflows.jobs.access import reads_within
from sayre.workflows.jobs.input_file import InputFile, Reading
from sayre.workflows.jobs.job import config_of
from sayre.workflows.jobs.options import Device
from sayre.workflows.jobs.progress import Bar, notebook_bar
from sayre.workflows.run import KeepStarts, RunJob

ANSWER, POLL = 10.0, 0.1
"""Seconds that a scheduler is given to take its scans back, and between two looks for what is done."""


@dataclass(frozen=True, kw_only=True)
class BatchJob:
    """Do many scans as `sayre run` does one, and tell how strain, size and peak change along them.

    Each scan has its own folder in DIR. The same command resumes a batch that was stopped, and leaves out
    what is done of the same counts by the same options. A scan that cannot be done is in the table with the
    reason, and the others are done.
    """

    sources: Annotated[
        tuple[str, ...],
        Option(help="Counts of each scan, as `sayre run` takes them.", metavar="SCANS…", argument=True),
    ]
    folder: Annotated[Path, Option(help="Folder for the results.", flags=("-o", "--output"), metavar="DIR")]
    reading: Reading = field(default_factory=Reading)
    filling: FillingSettings = field(default_factory=FillingSettings)
    settings: Settings = field(default_factory=Settings)
    scan: Scan = field(default_factory=Scan)
    device: Device = "auto"
    workers: Annotated[
        int | None,
        Option(
            help="Processes on this machine; by default one for each core, but no more than scans.",
            least=1,
            whole=True,
            metavar="COUNT",
        ),
    ] = None
    scheduler: Annotated[
        str | None,
        Option(
            help="Address of a Dask scheduler whose workers do the scans; they must see all files by the "
            "same names.",
            metavar="ADDRESS",
        ),
    ] = None
    slurm: Annotated[
        Path | None,
        Option(help="TOML file of what jobs of SLURM ask for, which do the scans.", metavar="CONFIG"),
    ] = None
    keep_starts: KeepStarts = False
    force: Annotated[bool, Option(help="Begin every scan anew.")] = False

    def __post_init__(self) -> None:
        check_settings(self)
        given = [name for name in ("workers", "scheduler", "slurm") if getattr(self, name) is not None]
        if len(given) > 1:
            raise SettingError(given[1], f"and {given[0]} exclude each other; give one of them")

    @property
    def resuming(self) -> str:
        """What is kept when the batch is stopped, and how to resume it."""
        return (
            f"{self.folder / REPORT} tells what is done; the same command resumes, and begins no scan again "
            "that is done or half done"
        )

    @property
    def jobs(self) -> list[RunJob]:
        """The run of each scan.

        Raises
        ------
        InputError
            Two scans would be written to one folder.
        """
        how = {item.name: getattr(self.reading, item.name) for item in fields(self.reading)}
        shared = ("filling", "settings", "scan", "device", "keep_starts", "force")
        return [
            RunJob(
                input=InputFile(source=source, **how),
                folder=self.folder / name,
                **{item: getattr(self, item) for item in shared},
            )
            for source, name in zip(self.sources, folder_names(self.sources), strict=True)
        ]

    @reads_within
    def run(self, bar: Bar = notebook_bar) -> BatchOutcome:
        """Do the scans that are not done, and write the table after each.

        Raises
        ------
        InputError
            Two scans of one folder, no cluster, or a folder that cannot be written to or holds files of
            others by the names of the table, the page, the picture and the manifest.
        """
        from sayre.files.lock import folder_held
        from sayre.simulation.processes import interrupts_noted

        started, jobs = time.perf_counter(), self.jobs
        self._check_folder()
        with folder_held(self.folder):
            self._require_own()
            rows: dict[str, Row] = {}
            with (
                interrupts_noted() as raise_noted,
                bar(f"{len(jobs)} scans") as advance,
                self._cluster(len(jobs)) as client,
            ):
                for row in _done(client, jobs, raise_noted):
                    rows[row.scan] = row
                    self._write([rows[job.folder.name] for job in jobs if job.folder.name in rows], len(jobs))
                    advance(len(rows) / len(jobs), so_far(list(rows.values()), len(jobs) - len(rows)))
            ordered = [rows[job.folder.name] for job in jobs]
            self._draw(ordered)
            self._write(ordered, len(jobs), picture=True)
            self._keep_manifest(started)
        return BatchOutcome(folder=self.folder, rows=tuple(ordered))

    def _check_folder(self) -> None:
        if self.folder.exists() and not self.folder.is_dir():
            raise InputError(f"{self.folder}: is a file; name a folder")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{self.folder}: cannot be made ({error.strerror}); choose another") from None

    def _require_own(self) -> None:
        """Refuse a table, page, picture or manifest of others; the table of a batch is written first."""
        table = self.folder / TABLE
        if self.force or (table.is_file() and table.read_bytes().startswith(csv_text(()).encode().strip())):
            return
        for name in (TABLE, REPORT, PICTURE, "manifest.json"):
            if (self.folder / name).exists():
                raise InputError(f"{self.folder / name}: is of no batch; `force=True` overwrites")

    @contextlib.contextmanager
    def _cluster(self, count: int) -> Iterator[Any]:
        """Yield a client of the processes that do the scans."""
        from sayre.numerics.slabs import cores
        from sayre.simulation.cluster import connected
        from sayre.workflows.batch.cluster import by_slurm, on_this_machine
        from sayre.workflows.batch.slurm import SlurmConfig

        if self.scheduler is not None:
            where: Any = connected(self.scheduler)
        elif self.slurm is not None:
            where = by_slurm(SlurmConfig.from_toml(self.slurm), self.folder)
        else:
            where = on_this_machine(min(self.workers or cores(), count))
        with where as client:
            yield client

    def _write(self, rows: Sequence[Row], count: int, *, picture: bool = False) -> None:
        """Write the table and the page of what is done so far."""
        from sayre.files.atomic import replacing

        rows = [replace(row, error=worded(row.error)) for row in rows]
        texts = {
            TABLE: csv_text(rows),
            REPORT: page(rows, self.folder, waiting=count - len(rows), picture=picture),
        }
        for name, text in texts.items():
            with replacing(self.folder / name, force=True) as file:
                file.write(text.encode())

    def _draw(self, rows: Sequence[Row]) -> None:
        from sayre.figures.filling import save_figure
        from sayre.figures.series import series_figure

        hollow = [row.doubted for row in rows]
        drawn = curves(rows)
        figure = series_figure([label(row) for row in rows], drawn, hollow=hollow, least=least_ranges(drawn))
        save_figure(figure, self.folder / PICTURE)

    def _keep_manifest(self, started: float) -> None:
        from sayre.data import Manifest
        from sayre.files.atomic import replacing

        manifest = Manifest.collect(
            "sayre batch", started=started, config=config_of(self), seed=self.settings.seed
        )
        with replacing(self.folder / "manifest.json", force=True) as file:
            file.write((manifest.to_json() + "\n").encode())


@dataclass(frozen=True, kw_only=True)
class BatchOutcome:
    """The rows of a batch; `status` is the exit status, 1 where a scan failed."""

    folder: Path
    rows: tuple[Row, ...]

    @property
    def status(self) -> int:
        return int(any(row.failed for row in self.rows))

    @property
    def numbers(self) -> dict[str, Any]:
        return {"folder": str(self.folder), "scans": [plain(row) for row in self.rows]}

    @property
    def sentence(self) -> str:
        lines = [f"{self.folder}: {told(self.rows)} {REPORT}, {TABLE}, {PICTURE}"]
        lines += [f"failed: {worded(why(row))}" for row in self.rows if row.failed]
        return "\n".join(lines)


def _done(client: Any, jobs: Sequence[RunJob], raise_noted: Callable[[], None]) -> Iterator[Row]:
    """Yield the row of each scan as it is done; one whose process died is done by another.

    Ctrl-C is raised between the rows and while they are waited for, and nowhere inside Dask.
    """
    import distributed

    where, of_future = os.getcwd(), {}
    for job in jobs:
        key = f"sayre batch {job.folder.absolute()}"
        future = client.submit(do_scan, job, where, wordings(), key=key, pure=False)
        of_future[future] = job
    try:
        as_completed: Any = distributed.as_completed  # it has no types
        waiting = as_completed(of_future, loop=client.loop)
        while not waiting.is_empty():
            raise_noted()
            if not waiting.has_ready():
                time.sleep(POLL)
                continue
            future = next(waiting)
            job = of_future[future]
            if future.status == "finished":
                yield future.result()
            elif future.cancelled():
                raise InputError(f"{job.folder}: the scheduler was lost; the same command resumes")
            else:
                yield failed(job, _why(future.exception()))
    except BaseException:
        _given_up(client, list(of_future))
        raise


def _given_up(client: Any, futures: list[Any]) -> None:
    """Cancel what is not done; a scheduler that does not answer is not waited for."""

    def cancel() -> None:
        with contextlib.suppress(Exception):
            client.cancel(futures, force=True)

    asked = threading.Thread(target=cancel, daemon=True)
    asked.start()
    asked.join(ANSWER)


def _why(error: BaseException) -> str:
    """Why a scan came back without a row, in one line."""
    if type(error).__name__ == "KilledWorker":
        return (
            "ended every process that tried it, as one does that needs more memory than there is; `crop=` "
            "and `binning=` take less"
        )
    return " ".join(f"{type(error).__name__}: {error}".split())
