"""Running starts as arrays, put away now and then, so that a killed call goes on from there."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from sayre.errors import InputError, warn
from sayre.retrieval.engine.algorithms import State
from sayre.retrieval.engine.coherence import PartialCoherence
from sayre.retrieval.engine.modulus import Modulus

Snapshot = Mapping[str, NDArray[Any]]

PATIENCE = 30.0
"""Seconds between snapshots at least."""
SHARE = 0.02
"""Of the time that they may take."""
_EXTRA = "extra."


class Snapshots:
    """When to keep running starts, and those that an earlier call left.

    Parameters
    ----------
    write
        Puts a snapshot, whose arrays will go on changing, away in place of the one before. Where it
        cannot, that is said, and the runs go on.
    left
        The last one of a stopped call.
    """

    def __init__(self, write: Callable[[Snapshot], None], left: Snapshot | None = None) -> None:
        self._write, self._left = write, left
        self._kept, self._cost = time.monotonic(), 0.0

    @property
    def due(self) -> bool:
        """Whether it is time for one."""
        return time.monotonic() - self._kept > max(PATIENCE, self._cost / SHARE)

    def keep(self, snapshot: Snapshot) -> None:
        """Put one away."""
        began = time.monotonic()
        try:
            self._write(snapshot)
        except InputError as error:
            warn(f"running starts were not kept: {error}")
        self._kept = time.monotonic()
        self._cost = self._kept - began

    def left(self, indices: tuple[int, ...]) -> Snapshot | None:
        """What was left of just these starts."""
        if self._left is None or tuple(self._left["indices"]) != indices:
            return None
        return self._left


def arrays_of(state: State, modulus: Modulus) -> dict[str, NDArray[Any]] | None:
    """What an iteration starts from, origin at index 0; not `state.p`, which it overwrites.

    None where an algorithm carries something else than tensors.
    """
    tensors = {"x": state.x, "support": state.support}
    tensors |= {_EXTRA + name: value for name, value in state.extra.items()}
    if modulus.coherence is not None:
        tensors |= {"kernel": modulus.coherence.kernel, "transfer": modulus.coherence.transfer}
    if not all(isinstance(value, Tensor) for value in tensors.values()):
        return None
    return {name: value.cpu().numpy() for name, value in tensors.items()}


def restore(snapshot: Snapshot, state: State, modulus: Modulus) -> None:
    """Undo `arrays_of`, in place."""

    def tensor(name: str) -> Tensor:
        return torch.from_numpy(snapshot[name]).to(state.x.device)

    state.x.copy_(tensor("x"))
    state.support.copy_(tensor("support"))
    extra = [name for name in snapshot if name.startswith(_EXTRA)]
    state.extra = {name.removeprefix(_EXTRA): tensor(name) for name in extra}
    if "kernel" in snapshot:
        modulus.coherence = PartialCoherence(len(state.x), modulus.shape, state.x.device)
        modulus.coherence.kernel, modulus.coherence.transfer = tensor("kernel"), tensor("transfer")
