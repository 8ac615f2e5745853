"""Snapshots of running starts, saved now and then, so that a stopped call can be resumed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from sayre.errors import InputError, warn
from sayre.files.pace import Pace
from sayre.retrieval.engine.algorithms import State
from sayre.retrieval.engine.coherence import PartialCoherence
from sayre.retrieval.engine.modulus import Modulus

Snapshot = Mapping[str, NDArray[Any]]

_EXTRA = "extra."


class Snapshots:
    """Decides when the state of running starts is saved, and holds what an earlier call saved.

    Parameters
    ----------
    write
        Function that saves a snapshot in place of the one before, at once, since its arrays will change.
        If it raises `InputError`, a warning is issued and the runs continue.
    saved
        The last snapshot of a stopped call.
    """

    def __init__(self, write: Callable[[Snapshot], None], saved: Snapshot | None = None) -> None:
        self._write, self._saved, self._pace = write, saved, Pace()

    @property
    def due(self) -> bool:
        """Whether a snapshot should be saved now."""
        return self._pace.due

    def keep(self, snapshot: Snapshot) -> None:
        """Save a snapshot.

        Warns
        -----
        SayreWarning
            The snapshot cannot be written.
        """
        with self._pace.writing():
            try:
                self._write(snapshot)
            except InputError as error:
                warn(f"the state of running starts was not kept: {error}; phasing continues")

    def of_starts(self, indices: tuple[int, ...]) -> Snapshot | None:
        """Return the snapshot of an earlier call if it is of exactly these starts, else None."""
        if self._saved is None or tuple(self._saved["indices"]) != indices:
            return None
        return self._saved


def arrays_of(state: State, modulus: Modulus) -> dict[str, NDArray[Any]] | None:
    """Return the arrays that the next iteration depends on, with their origin at index 0.

    Parameters
    ----------
    state
        Iterates of a batch; `state.p`, which an iteration overwrites, is left out.
    modulus
        Its point-spread functions are included where there are any.

    Returns
    -------
    dict or None
        None where an algorithm keeps something other than tensors, as AD does: it cannot be resumed.
    """
    tensors = {"x": state.x, "support": state.support}
    tensors |= {_EXTRA + name: value for name, value in state.extra.items()}
    if modulus.coherence is not None:
        tensors |= {"kernel": modulus.coherence.kernel, "transfer": modulus.coherence.transfer}
    if not all(isinstance(value, Tensor) for value in tensors.values()):
        return None
    return {name: value.cpu().numpy() for name, value in tensors.items()}


def restore(snapshot: Snapshot, state: State, modulus: Modulus) -> None:
    """Write the arrays of a snapshot back, in place.

    Parameters
    ----------
    snapshot
        As `arrays_of` returns it.
    state, modulus
        Of the same batch and shape as those that were saved.
    """

    def tensor(name: str) -> Tensor:
        return torch.from_numpy(snapshot[name]).to(state.x.device)

    state.x.copy_(tensor("x"))
    state.support.copy_(tensor("support"))
    extra = [name for name in snapshot if name.startswith(_EXTRA)]
    state.extra = {name.removeprefix(_EXTRA): tensor(name) for name in extra}
    if "kernel" in snapshot:
        modulus.coherence = PartialCoherence(len(state.x), modulus.shape, state.x.device)
        modulus.coherence.kernel, modulus.coherence.transfer = tensor("kernel"), tensor("transfer")
