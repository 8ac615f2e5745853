"""Which files a job may read besides those that are named: files in one folder, where the user names one."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Concatenate, ParamSpec, TypeVar

from sayre.data.option import Option
from sayre.workflows.jobs.job import leaves

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")

Within = Annotated[
    Path | None,
    Option(
        help="The only folder to which files may lead: links, virtual datasets and pages elsewhere "
        "are refused.",
        metavar="DIR",
    ),
]


def reads_within(run: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Let the files of a job lead to its folder `within` only, while it runs.

    Parameters
    ----------
    run
        Method `run` of a job one of whose options is `within`, its own or of a group.
    """

    @functools.wraps(run)
    def limited(job: S, /, *args: P.args, **known: P.kwargs) -> R:
        from sayre.files.safety.within import only_within

        with only_within(folder_of(job)):
            return run(job, *args, **known)

    return limited


def folder_of(job: Any) -> Path | None:
    """Return the only folder to which the files of a job may lead; None where it names none."""
    leaf = next(leaf for leaf in leaves(job.__class__) if leaf.name == "within")
    folder: Path | None = getattr(job if leaf.group is None else getattr(job, leaf.group), leaf.name)
    return folder
