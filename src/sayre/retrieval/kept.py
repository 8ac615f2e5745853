"""Finished runs on disk, from which a command that was stopped is resumed."""

from __future__ import annotations

from sayre.files.kept import KeptFolder
from sayre.retrieval.engine.runs import Run
from sayre.retrieval.engine.snapshots import Snapshots
from sayre.retrieval.stored import run_arrays, stored_run

_RUNNING = "running.snapshot"


class KeptRuns(KeptFolder):
    """A folder of runs that belong to one configuration; it is made when the first run is written.

    Callers may keep further files in the folder, whose names do not begin with a digit.
    """

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
        runs = [self._run(path.name) for path in sorted(self.folder.glob("[0-9]*.npz"))]
        return tuple(run for run in runs if run is not None)

    def write(self, run: Run) -> None:
        """Write a run; the file appears when it is complete."""
        self.save(f"{run.index:04d}.npz", **run_arrays(run))
        (self.folder / _RUNNING).unlink(missing_ok=True)  # of this run, or of a batch that cannot be resumed

    @property
    def snapshots(self) -> Snapshots:
        """Where the state of running starts is saved, with what an earlier, stopped command saved."""
        return Snapshots(lambda snapshot: self.save(_RUNNING, **snapshot), self.load(_RUNNING))

    def _run(self, name: str) -> Run | None:
        """Read one run; None where its file is damaged."""
        arrays = self.load(name)
        if arrays is None:
            return None
        run = stored_run(arrays)
        if run is None:
            self.discard(name)
        return run
