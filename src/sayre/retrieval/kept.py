"""Finished runs on disk, from which a command that was stopped is resumed."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sayre.data.json_text import to_json
from sayre.errors import InputError
from sayre.files.atomic import replacing
from sayre.retrieval.engine.packed import Packed
from sayre.retrieval.engine.runs import Run
from sayre.retrieval.engine.snapshots import Snapshot, Snapshots

_CONFIG = "config.json"
_RUNNING = "running.snapshot"
_NUMBERS = ("index", "residual", "likelihood", "free_likelihood")


class KeptRuns:
    """A folder of runs that belong to one configuration; it is made when the first run is written.

    Parameters
    ----------
    folder
        Folder of the runs.
    config
        Settings and inputs that the runs depend on, as JSON can hold them.
    replace
        Delete runs of another configuration when the first run is written; otherwise they are refused.

    Notes
    -----
    Callers may keep further files in the folder, whose names do not begin with a digit; they are deleted with
    it.
    """

    def __init__(self, folder: Path, config: Mapping[str, Any], *, replace: bool = False) -> None:
        self.folder, self.replace = folder, replace
        self.config = to_json(config, sort_keys=True)

    @property
    def matches(self) -> bool:
        """Whether the folder exists and belongs to this configuration."""
        known = self.folder / _CONFIG
        return known.is_file() and known.read_text() == self.config

    def read(self) -> tuple[Run, ...]:
        """Read the runs of an earlier, stopped command.

        Raises
        ------
        InputError
            The folder holds runs of another configuration.
        """
        files = sorted(self.folder.glob("[0-9]*.npz"))
        if self.matches:
            return tuple(self._run(path) for path in files)
        if files and not self.replace:
            raise InputError(
                f"{self.folder}: holds runs with other inputs or options; give the same options to resume "
                "them, give --force to delete them and begin anew, or delete the folder"
            )
        return ()

    def begin(self) -> None:
        """Make the folder, whose existence shows a later command that this one did not finish.

        Raises
        ------
        InputError
            The folder cannot be made or written to.
        """
        if self.matches:
            return
        if self.replace:
            self.remove()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"{self.folder}: cannot be made ({error.strerror}); choose another output"
            ) from None
        with replacing(self.folder / _CONFIG, force=True) as file:
            file.write(self.config.encode())

    def write(self, run: Run) -> None:
        """Write a run; the file appears when it is complete."""
        self.begin()
        path = self.folder / f"{run.index:04d}.npz"
        numbers = {name: getattr(run, name) for name in _NUMBERS}
        with replacing(path, force=True) as file:
            np.savez(
                file,
                shape=np.array(run.packed.shape),
                support=run.packed.bits,
                object=run.packed.values,
                history=np.array(run.history),
                failed=np.array(run.failed),
                point_spread=np.zeros(0, np.float32) if run.point_spread is None else run.point_spread,
                **numbers,
            )

    @property
    def snapshots(self) -> Snapshots:
        """Where the state of running starts is saved, with what an earlier, stopped command saved."""
        path, saved = self.folder / _RUNNING, None
        if self.matches and path.is_file():
            with np.load(path) as file:
                saved = {name: file[name] for name in file.files}

        def write(snapshot: Snapshot) -> None:
            self.begin()
            with replacing(path, force=True) as file:
                np.savez(file, **snapshot)  # type: ignore[arg-type]

        return Snapshots(write, saved)

    def remove(self) -> None:
        """Delete the folder and everything in it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @staticmethod
    def _run(path: Path) -> Run:
        """Read one run."""
        with np.load(path) as file:
            numbers = {name: file[name].item() for name in _NUMBERS}
            history = tuple((int(i), float(r)) for i, r in file["history"].reshape(-1, 2))
            return Run(
                packed=Packed(tuple(file["shape"].tolist()), file["support"], file["object"]),
                history=history,
                failed=str(file["failed"]),
                point_spread=file["point_spread"] if file["point_spread"].size else None,
                **numbers,
            )
