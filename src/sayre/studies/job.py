"""`sayre study`: makes tables and figures of the thesis, and lists those that it knows."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from sayre.data.option import Option, check_settings
from sayre.errors import InputError
from sayre.studies.catalogue import STUDIES, find, function_of
from sayre.studies.study import TRAINED, Study, StudyResult, StudySettings
from sayre.workflows.jobs.access import Within, reads_within
from sayre.workflows.jobs.job import config_of
from sayre.workflows.jobs.options import Device
from sayre.workflows.jobs.progress import Bar, notebook_bar

ALL = "all"


@dataclass(frozen=True, kw_only=True)
class StudyJob:
    """Make a figure or table of the thesis: numbers, picture, and manifest, in a folder.

    `sayre study list` shows the names. What is there already is replaced, except trained networks and the
    scores of phased crystals: the same command goes on from those.
    """

    study: Annotated[str, Option(help="A name of `sayre study list`, or all.", metavar="NAME", argument=True)]
    folder: Annotated[Path, Option(help="Folder for the results.", flags=("-o", "--out"), metavar="DIR")] = (
        Path("studies")
    )
    quick: Annotated[
        bool, Option(help="Make the reduced form: fewer patterns, narrower networks, shorter training.")
    ] = False
    seed: Annotated[int, Option(help="Seed of every random number.", least=0, whole=True)] = 0
    device: Device = "auto"
    processes: Annotated[
        int, Option(help="Networks that are trained at a time.", least=1, most=64, whole=True)
    ] = 1
    object: Annotated[
        str | None,
        Option(
            help="A measured object (.npz, .cxi), which studies of objects take beside a simulated one.",
            metavar="FILE",
        ),
    ] = None
    pattern: Annotated[
        str | None,
        Option(
            help="A measured pattern, which studies of patterns take beside a simulated one.", metavar="FILE"
        ),
    ] = None
    minutes: Annotated[
        float | None,
        Option(
            help="Stop training, phasing further crystals or making finer steps after this time; results are "
            "of what was done.",
            above=0,
        ),
    ] = None
    within: Within = None

    def __post_init__(self) -> None:
        check_settings(self)
        if self.study != ALL:
            find(self.study)

    @property
    def resuming(self) -> str:
        """What is kept when the job is stopped."""
        kept = self.folder / TRAINED
        return f"trained networks and scores of phased crystals are kept in {kept}; the same command goes on"

    @reads_within
    def run(self, bar: Bar = notebook_bar) -> StudyOutcome:
        """Make the study, or all.

        Raises
        ------
        InputError
            The folder cannot be made or written to, or another command writes to it; a package that the study
            needs is not installed.
        """
        from sayre.files.lock import folder_held

        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"{self.folder}: cannot be made ({error.strerror}); choose another folder"
            ) from None
        settings = StudySettings(
            folder=self.folder,
            quick=self.quick,
            seed=self.seed,
            device=self.device,
            processes=self.processes,
            object=self.object,
            pattern=self.pattern,
            until=None if self.minutes is None else time.monotonic() + 60 * self.minutes,
        )
        results: dict[str, StudyResult] = {}
        files: list[str] = []
        with folder_held(self.folder):
            for study in STUDIES.values() if self.study == ALL else [find(self.study)]:
                started = time.perf_counter()
                with bar(study.name) as advance:
                    results[study.name] = function_of(study)(settings, advance)
                files += self._write(study, results[study.name], started)
        return StudyOutcome(folder=self.folder, results=results, files=tuple(files))

    def _write(self, study: Study, result: StudyResult, started: float) -> list[str]:
        """Write tables, pictures and manifest of a study, and return the names of the files."""
        from sayre.data import Manifest
        from sayre.data.manifest import hashes
        from sayre.figures.filling import save_figure
        from sayre.files.atomic import replacing
        from sayre.numerics.device import find_device

        texts = {f"{_named(study, ending)}.csv": table.csv for ending, table in result.tables.items()}
        manifest = Manifest.collect(
            f"sayre study {study.name}",
            started=started,
            config={**config_of(self), "study": study.name},
            seed=self.seed,
            inputs=hashes(self.object, self.pattern),
            device=str(find_device(self.device)),
        )
        pictures = {f"{_named(study, ending)}.png": figure for ending, figure in result.figures.items()}
        for name, figure in pictures.items():
            save_figure(figure, self.folder / name)
        texts[f"{study.name}.json"] = manifest.to_json() + "\n"
        for name, text in texts.items():
            with replacing(self.folder / name, force=True) as file:
                file.write(text.encode())
        return [*texts, *pictures]


@dataclass(frozen=True, kw_only=True)
class StudyOutcome:
    """What studies found, and the files that they wrote."""

    folder: Path
    results: Mapping[str, StudyResult]
    files: tuple[str, ...]

    @property
    def numbers(self) -> dict[str, Any]:
        return {
            name: {ending or "table": table.records for ending, table in result.tables.items()}
            for name, result in self.results.items()
        }

    @property
    def sentence(self) -> str:
        lines = [f"{name}: {result.summary}" for name, result in self.results.items()]
        return "\n".join([*lines, f"{self.folder}/: {', '.join(self.files)}"])


@dataclass(frozen=True, kw_only=True)
class ListStudiesJob:
    """List the studies, and which figure or table of the thesis each makes."""

    resuming = ""

    def run(self, bar: Bar = notebook_bar) -> StudyList:
        """Read the catalogue."""
        return StudyList()


@dataclass(frozen=True)
class StudyList:
    """Every study, as numbers for scripts and as sentences."""

    @property
    def numbers(self) -> list[dict[str, str]]:
        return [{"name": s.name, "shows": s.shows, "title": s.title} for s in STUDIES.values()]

    @property
    def sentence(self) -> str:
        wide = max(map(len, STUDIES))
        return "\n".join(f"{s.name:<{wide}}  {s.shows}: {s.title}" for s in STUDIES.values())


def _named(study: Study, ending: str) -> str:
    return f"{study.name}-{ending}" if ending else study.name
