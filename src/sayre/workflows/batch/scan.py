"""One scan of a batch: what is done is known by its options and counts, the rest is run."""

from __future__ import annotations

import contextlib
import json
import traceback
import warnings
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sayre._version import __version__
from sayre.data.json_text import to_json
from sayre.data.manifest import hashes
from sayre.errors import InputError, SayreWarning, Wording, warnings_worded
from sayre.files.atomic import replacing
from sayre.workflows.batch.row import BEFORE, FAILED, Row, plain_row, row_of
from sayre.workflows.jobs.job import config_of
from sayre.workflows.run import RUNS, RunJob

if TYPE_CHECKING:
    from sayre.data import AnyPattern

RECORD = "batch.json"
"""In the folder of a scan: of which options and counts the result is, and its row."""


def do_scan(job: RunJob, folder: str, wordings: Sequence[Wording] = ()) -> Row:
    """Do one scan unless it is done; what goes wrong is in the row, and what was kept stays.

    Parameters
    ----------
    job
        What is to be done.
    folder
        Folder that names of files are relative to.
    wordings
        In which the warnings of the report are told: those of the process that asks for the scan.
    """
    with contextlib.chdir(folder), _silent(), warnings_worded(*wordings):
        try:
            return _done(job)
        except InputError as error:
            return failed(job, str(error))
        except MemoryError:
            return failed(job, "there is not enough memory; fewer workers, or `crop=`, take less")
        except OSError as error:
            return failed(job, f"{error.filename or job.input.source}: {error.strerror or error}")
        except Exception as error:  # a defect of the program in one scan does not stop the others
            text = " ".join(f"{type(error).__name__}: {error}".split())
            return failed(job, f"{text}, a defect; {_traceback_file(job)} tells where")


def failed(job: RunJob, error: str) -> Row:
    """Return the row of a scan that could not be done; no folder is left where nothing is kept in it.

    Parameters
    ----------
    job
        Of the scan.
    error
        Why, in one line.
    """
    with contextlib.suppress(OSError):
        if [path.name for path in job.folder.iterdir()] == [RECORD]:  # nothing was kept
            (job.folder / RECORD).unlink()
            job.folder.rmdir()
    return Row(scan=job.folder.name, source=job.input.source, status=FAILED, error=error)


def _done(job: RunJob) -> Row:
    record, options = _record(job), json.loads(to_json(config_of(job)))
    ours = record is not None and record["options"] == options
    if record is not None and not ours and not (job.force or _only_starts_differ(job, record, options)):
        raise InputError(
            f"{job.folder}: holds {_others(record['options'], options)}; `force=True` overwrites"
        )
    if ours and record is not None and record["row"] is not None and not job.force:
        counts = job.input.load(keep_filling=job.filling.method == "auto")
        if record["made_of"] != _made_of(job, counts):
            raise InputError(
                f"{job.folder}: is of other counts than {job.input.source}; `force=True` overwrites"
            )
        if not record["keep_starts"]:
            _remove_starts(job)  # of a command that was killed when all was done
        return replace(plain_row(record["row"]), status=BEFORE)
    unknown = record is None and job.folder.is_dir() and any(job.folder.iterdir())
    if unknown and not job.force and not (job.folder / RUNS).is_dir():
        raise InputError(f"{job.folder}: is not empty and of no batch; `force=True` overwrites")
    _write(job, options)
    own = ours or not (job.folder / RUNS).is_dir()
    outcome = replace(job, force=job.force or own, keep_starts=True).run()
    row = row_of(job.folder.name, job.input.source, outcome)
    _write(job, options, _made_of(job, outcome.pattern), row)
    if not job.keep_starts:
        _remove_starts(job)
    return row


def _made_of(job: RunJob, counts: AnyPattern) -> dict[str, Any]:
    """What tells the counts and files of a scan from others."""
    weights = (job.filling.weights, job.settings.init_weights)
    files = (job.settings.init_file, *(name for name in weights if name and Path(name).is_file()))
    return {
        "counts": counts.measured.digest(),
        "inputs": dict(sorted(hashes(*files, beside=job.input.hashes(counts)).items())),
    }


def _only_starts_differ(job: RunJob, record: dict[str, Any], options: dict[str, Any]) -> bool:
    """Whether starts are to be added to those that were kept."""
    others = [{**config, "runs": None} for config in (record["options"], options)]
    return others[0] == others[1] and (job.folder / RUNS).is_dir()


def _others(before: dict[str, Any], now: dict[str, Any]) -> str:
    """What another result is of, in words."""
    differ = [name for name in now if before.get(name) != now[name]]
    shown = [f"{name} {before.get(name)}, now {now[name]}" for name in differ[:3]]
    return f"a result of other options ({'; '.join(shown)}{'; …' if len(differ) > 3 else ''})"


def _remove_starts(job: RunJob) -> None:
    from sayre.retrieval.kept import KeptRuns

    KeptRuns(job.folder / RUNS, {}).remove()


def _record(job: RunJob) -> dict[str, Any] | None:
    """The record of the folder of a scan; None where there is none that can be read."""
    try:
        found = json.loads((job.folder / RECORD).read_text(encoding="utf-8"))
        return {name: found[name] for name in ("options", "made_of", "row", "keep_starts")}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(
    job: RunJob, options: dict[str, Any], made_of: dict[str, Any] | None = None, row: Row | None = None
) -> None:
    """Write the record; with no row the scan is begun."""
    record = {
        "sayre": __version__,
        "options": options,
        "made_of": made_of,
        "keep_starts": job.keep_starts,
        "row": None if row is None else asdict(row),
    }
    job.folder.mkdir(parents=True, exist_ok=True)
    with replacing(job.folder / RECORD, force=True) as file:
        file.write(to_json(record, indent=1).encode())


def _traceback_file(job: RunJob) -> Path:
    """Where the traceback of the error that is handled was written."""
    path = job.folder.with_name(f"{job.folder.name}.error.txt")
    with replacing(path, force=True) as file:
        file.write(traceback.format_exc().encode())
    return path


@contextlib.contextmanager
def _silent() -> Any:
    """Show no warning; reports repeat those of Sayre."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", SayreWarning)
        warnings.showwarning = lambda *_, **__: None
        yield
