"""A filling by several methods, and how it is kept."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sayre.filling.kept import Kept
from sayre.filling.stacking.experts import Estimate
from sayre.filling.stacking.pieces import Copies

Log = NDArray[np.float32]
Mask = NDArray[np.bool_]

_NAME = "stack"


class Stacked(NamedTuple):
    """A filling by several methods.

    Attributes
    ----------
    gap
        What they expect together; measured voxels as they were, with sigma 0.
    hidden
        The same of the copies, which was made without the counts there.
    copies
        Of the mask.
    names
        Of the methods that were asked.
    beyond
        Masked voxels that the network was asked for and cannot reach.
    """

    gap: Estimate
    hidden: Estimate
    copies: Copies
    names: list[str]
    beyond: int


def keep(kept: Kept | None, stacked: Stacked, mask: Mask) -> None:
    """Keep a filling in the masked voxels and in the copies.

    Parameters
    ----------
    kept
        Where; None keeps nothing.
    stacked
        The filling.
    mask
        True where not measured.
    """
    if kept is None:
        return
    gap, hidden, copies = stacked.gap, stacked.hidden, stacked.copies.mask
    kept.finish(
        _NAME,
        gap=np.stack([gap.log[mask], gap.sigma[mask]]),
        hidden=np.stack([hidden.log[copies], hidden.sigma[copies]]),
        names=np.array(stacked.names),
        beyond=np.array(stacked.beyond),
    )


def resume(kept: Kept | None, values: Log, mask: Mask, copies: Copies) -> Stacked | None:
    """Undo `keep`; None where nothing was kept.

    Parameters
    ----------
    kept
        Where an earlier call may have kept the filling.
    values
        `log(1 + I)`, float32.
    mask
        As it was given to `keep`.
    copies
        Of the mask.
    """
    left = None if kept is None else kept.load(_NAME)
    if left is None:
        return None
    gap, hidden = _estimate(values, mask, left["gap"]), _estimate(values, copies.mask, left["hidden"])
    names, beyond = left["names"].tolist(), int(left["beyond"])
    return Stacked(gap=gap, hidden=hidden, copies=copies, names=names, beyond=beyond)


def _estimate(values: Log, at: Mask, found: Log) -> Estimate:
    """Values and errors of the voxels `at`, and beside them what was measured."""
    log, sigma = values.copy(), np.zeros(values.shape, np.float32)
    log[at], sigma[at] = found
    return Estimate(log=log, sigma=sigma)
