"""Finished runs on disk, from which a command that was stopped is resumed."""

from __future__ import annotations

import copy
import hashlib
import re

import numpy as np
from numpy.typing import NDArray

from sayre.files.kept import KeptFolder
from sayre.retrieval.engine.run import Run
from sayre.retrieval.engine.snapshots import Snapshots
from sayre.retrieval.stored import run_arrays, stored_run

_RUN = re.compile(r"\d+(|-[0-9a-f]{8})\.npz")


class KeptRuns(KeptFolder):
    """A folder of runs that belong to one configuration; it is made when the first run is written.

    Callers may keep further files in the folder, whose names do not begin with a digit.
    """

    _which = ""
    """What is added to the names of runs of other counts."""

    def without(self, mask: NDArray[np.bool_]) -> KeptRuns:
        """Return the runs of the same configuration from counts without some voxels, in the same folder.

        Parameters
        ----------
        mask
            bool, the voxels.
        """
        other = copy.copy(self)
        other._which = "-" + hashlib.sha256(np.packbits(mask).tobytes()).hexdigest()[:8]
        return other

    def read(self) -> tuple[Run, ...]:
        """Read the runs of an earlier, stopped command.

        Raises
        ------
        InputError
            The folder holds runs of another configuration.
        """
        self.check()
        if not self.matches:
            return ()
        names = [path.name for path in sorted(self.folder.glob("[0-9]*.npz"))]
        runs = [
            self._run(name) for name in names if (found := _RUN.fullmatch(name)) and found[1] == self._which
        ]
        return tuple(run for run in runs if run is not None)

    def write(self, run: Run) -> None:
        """Write a run; the file appears when it is complete."""
        self.save(f"{run.index:04d}{self._which}.npz", **run_arrays(run))
        (self.folder / self._running).unlink(
            missing_ok=True
        )  # of this run, or of a batch that cannot be resumed

    @property
    def snapshots(self) -> Snapshots:
        """Where the state of running starts is saved, with what an earlier, stopped command saved."""
        return Snapshots(lambda snapshot: self.save(self._running, **snapshot), self.load(self._running))

    @property
    def _running(self) -> str:
        return f"running{self._which}.snapshot"

    def _run(self, name: str) -> Run | None:
        """Read one run; None where its file is damaged."""
        arrays = self.load(name)
        if arrays is None:
            return None
        run = stored_run(arrays)
        if run is None:
            self.discard(name)
        return run
