"""What every study has: its settings, its name and claim, and its result."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sayre.numerics.progress import Advance

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TRAINED = "trained"
"""Folder of trained networks, and of scores of phased crystals, beside the results."""


@dataclass(frozen=True, kw_only=True)
class StudySettings:
    """How a study is made.

    Attributes
    ----------
    folder
        Where results go; `trained` in it keeps trained networks.
    quick
        Whether to make the reduced form, for a processor.
    seed
        Seed of every random number.
    device
        `auto`, `cpu` or `cuda`.
    processes
        Trainings at a time.
    object
        File of a measured object, beside the simulated one of a study of objects; None is none.
    pattern
        File of a measured pattern, beside the simulated one of a study of patterns; None is none.
    until
        Reading of `time.monotonic()` from which on no training goes on, no further crystal is phased and no
        finer step is made; None is no limit.
    """

    folder: Path
    quick: bool = False
    seed: int = 0
    device: str = "auto"
    processes: int = 1
    object: str | None = None
    pattern: str | None = None
    until: float | None = None

    @property
    def trained(self) -> Path:
        """Folder of trained networks."""
        return self.folder / TRAINED

    @property
    def out_of_time(self) -> bool:
        """Whether no training goes on and no further crystal is phased."""
        return self.until is not None and time.monotonic() >= self.until


class Table(NamedTuple):
    """Named columns and rows of numbers and texts; NaN and None are shown as empty cells."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]

    @property
    def csv(self) -> str:
        """Return the table as comma-separated values, numbers with six significant digits."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows([_cell(value) for value in row] for row in self.rows)
        return text.getvalue()

    @property
    def records(self) -> list[dict[str, Any]]:
        """Return the rows as mappings from the names of the columns."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


@dataclass(frozen=True, kw_only=True)
class StudyResult:
    """What a study found.

    Attributes
    ----------
    tables, figures
        By the ending of their name: the one called "" has the name of the study.
    summary
        What was found, in a sentence or a few lines.
    """

    tables: Mapping[str, Table]
    figures: Mapping[str, Figure] = field(default_factory=dict)
    summary: str = ""


Make = Callable[[StudySettings, Advance], StudyResult]


class Study(NamedTuple):
    """A study by name.

    Attributes
    ----------
    name
        What `sayre study` calls it.
    shows
        Figures and tables of the thesis.
    title
        What it is about, in a few words.
    make
        `module:function`, imported when it is asked for; the function is a `Make`.
    """

    name: str
    shows: str
    title: str
    make: str


def _cell(value: Any) -> Any:
    if value is None or value != value:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else value
