"""Finished runs on disk, so that a killed command goes on where it stopped."""

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
    """A folder of runs that belong to one configuration; made with the first run written.

    Parameters
    ----------
    config
        What the runs depend on, as JSON can hold it.
    replace
        Remove runs of another configuration when the first one is written, rather than refuse them.

    Notes
    -----
    What else a caller puts in the folder, by a name that begins with no digit, goes with it.
    """

    def __init__(self, folder: Path, config: Mapping[str, Any], *, replace: bool = False) -> None:
        self.folder, self.replace = folder, replace
        self.config = to_json(config, sort_keys=True)

    @property
    def matches(self) -> bool:
        """Whether the folder is there and of this configuration."""
        known = self.folder / _CONFIG
        return known.is_file() and known.read_text() == self.config

    def read(self) -> tuple[Run, ...]:
        """Runs of an earlier, stopped command.

        Raises
        ------
        InputError
            The folder holds runs of another configuration.
        """
        found = sorted(self.folder.glob("[0-9]*.npz"))
        if self.matches:
            return tuple(self._run(path) for path in found)
        if found and not self.replace:
            raise InputError(
                f"{self.folder}: holds runs of another command; give the same options to go on with them, "
                "--force to start anew, or delete the folder"
            )
        return ()

    def begin(self) -> None:
        """Make the folder, which tells a later command that this one was not finished.

        Raises
        ------
        InputError
            It cannot be made or written to.
        """
        if self.matches:
            return
        if self.replace:
            self.remove()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{self.folder}: cannot be made ({error.strerror}); choose another") from None
        with replacing(self.folder / _CONFIG, force=True) as file:
            file.write(self.config.encode())

    def write(self, run: Run) -> None:
        """Keep a run; the file appears whole or not at all."""
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
        """Where running starts are kept beside, and what an earlier, stopped command left of them."""
        path, left = self.folder / _RUNNING, None
        if self.matches and path.is_file():
            with np.load(path) as file:
                left = {name: file[name] for name in file.files}

        def write(snapshot: Snapshot) -> None:
            self.begin()
            with replacing(path, force=True) as file:
                np.savez(file, **snapshot)  # type: ignore[arg-type]

        return Snapshots(write, left)

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @staticmethod
    def _run(path: Path) -> Run:
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
