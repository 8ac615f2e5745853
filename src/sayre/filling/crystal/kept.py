"""The steps of a filling by the crystal that are kept: every start, iterated and refined."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sayre.filling.kept import Kept
from sayre.retrieval.engine.modulus import FitQuality
from sayre.retrieval.engine.packed import Packed
from sayre.retrieval.engine.runs import Run
from sayre.retrieval.measurement.nuisances import KINDS, Nuisances
from sayre.retrieval.measurement.refine import Refined

_SINGLE = ("tails", "background")
_NUMBERS = ("index", "residual", "likelihood", "free_likelihood")


class Prefixed:
    """Steps of one of several fillings that are kept in the same place.

    Parameters
    ----------
    kept
        Where.
    prefix
        Of the names of its steps.
    """

    def __init__(self, kept: Kept, prefix: str) -> None:
        self._kept, self._prefix = kept, prefix

    @property
    def due(self) -> bool:
        """Whether it is time to save again."""
        return self._kept.due

    def load(self, name: str) -> Mapping[str, NDArray[Any]] | None:
        """Return what an earlier, stopped call saved last under a name, if anything."""
        return self._kept.load(self._prefix + name)

    def save(self, name: str, /, **arrays: NDArray[Any]) -> None:
        """Keep arrays in place of those saved before under the name."""
        self._kept.save(self._prefix + name, **arrays)


def prefixed(kept: Kept | None, prefix: str) -> Kept | None:
    """Return a place for the steps of one of several fillings; None where there is none.

    Parameters
    ----------
    kept
        Where.
    prefix
        Of the names of its steps.
    """
    return None if kept is None else Prefixed(kept, prefix)


def keep_run(kept: Kept | None, run: Run) -> None:
    """Keep a start that was iterated.

    Parameters
    ----------
    kept
        Where; None keeps nothing.
    run
        The start.
    """
    if kept is None:
        return
    kept.save(
        f"start {run.index}",
        shape=np.array(run.packed.shape),
        support=run.packed.bits,
        object=run.packed.values,
        failed=np.array(run.failed),
        **{name: np.array(getattr(run, name)) for name in _NUMBERS},
    )


def kept_run(kept: Kept | None, index: int) -> Run | None:
    """Return a start that an earlier, stopped call iterated, if it did.

    Parameters
    ----------
    kept
        Where.
    index
        Number of the start.
    """
    left = None if kept is None else kept.load(f"start {index}")
    if left is None:
        return None
    return Run(
        packed=Packed(tuple(left["shape"].tolist()), left["support"], left["object"]),
        failed=str(left["failed"]),
        **{name: left[name].item() for name in _NUMBERS},
    )


def keep_refined(kept: Kept | None, index: int, refined: Refined) -> None:
    """Keep a start that was refined.

    Parameters
    ----------
    kept
        Where; None keeps nothing.
    index
        Number of the start.
    refined
        The refined start.
    """
    if kept is None:
        return
    effects = {kind: np.asarray(getattr(refined.nuisances, kind)) for kind in refined.nuisances.kinds}
    kept.save(
        f"refined {index}",
        object=refined.object,
        expected=refined.expected,
        dilation=np.array(refined.dilation),
        fit=np.array([float(value[0]) for value in refined.fit]),
        **effects,
    )


def kept_refined(kept: Kept | None, index: int) -> Refined | None:
    """Return a start that an earlier, stopped call refined, if it did.

    Parameters
    ----------
    kept
        Where.
    index
        Number of the start.
    """
    left = None if kept is None else kept.load(f"refined {index}")
    if left is None:
        return None
    effects: dict[str, Any] = {kind: left[kind] for kind in KINDS if kind in left}
    effects |= {kind: float(effects[kind]) for kind in _SINGLE if kind in effects}
    return Refined(
        object=left["object"],
        expected=left["expected"],
        dilation=int(left["dilation"]),
        fit=FitQuality(*(torch.tensor([value], dtype=torch.float64) for value in left["fit"])),
        nuisances=Nuisances(**effects),
    )
