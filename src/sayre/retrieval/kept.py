"""Finished runs on disk, from which a command that was stopped is resumed."""

from __future__ import annotations

import numpy as np

from sayre.files.kept import KeptFolder
from sayre.retrieval.engine.packed import Packed
from sayre.retrieval.engine.runs import Run
from sayre.retrieval.engine.snapshots import Snapshots

_RUNNING = "running.snapshot"
_NUMBERS = ("index", "residual", "likelihood", "free_likelihood")


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
        numbers = {name: np.array(getattr(run, name)) for name in _NUMBERS}
        self.save(
            f"{run.index:04d}.npz",
            shape=np.array(run.packed.shape),
            support=run.packed.bits,
            object=run.packed.values,
            history=np.array(run.history),
            failed=np.array(run.failed),
            point_spread=np.zeros(0, np.float32) if run.point_spread is None else run.point_spread,
            **numbers,
        )
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
        if not {"shape", "support", "object", "history", "failed", "point_spread", *_NUMBERS} <= set(arrays):
            self.discard(name)
            return None
        numbers = {name: arrays[name].item() for name in _NUMBERS}
        history = tuple((int(i), float(r)) for i, r in arrays["history"].reshape(-1, 2))
        return Run(
            packed=Packed(tuple(arrays["shape"].tolist()), arrays["support"], arrays["object"]),
            history=history,
            failed=str(arrays["failed"]),
            point_spread=arrays["point_spread"] if arrays["point_spread"].size else None,
            **numbers,
        )
