"""The steps of a wiener filling that are kept: its calibration, and every box that was filled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sayre.filling.kept import Kept
from sayre.filling.wiener.calibration import ErrorTable
from sayre.filling.wiener.posterior import Solution
from sayre.filling.wiener.spectrum import Fringes, Local

Log = NDArray[np.float32]

_NAME, _HIDDEN = "wiener", "hidden"


@dataclass(frozen=True, kw_only=True)
class Calibrated:
    """What was learnt of a pattern before it is filled.

    Attributes
    ----------
    fringes
        Statistics of the fringes in the main box.
    table
        Standard error by depth and brightness.
    solution
        Fringes of the main box under the shifted mask, from which its filling starts.
    plain, hidden
        Models of the voxels of the main box without what is masked, and without the shifted mask besides.
        They are not kept: None are made anew.
    """

    fringes: Fringes
    table: ErrorTable
    solution: Solution | None
    plain: Local | None = None
    hidden: Local | None = None


def keep(
    kept: Kept | None,
    calibrated: Calibrated,
    boxes: int,
    filled: Log,
    sigma: Log,
    mask: NDArray[np.bool_],
    *,
    last: bool = False,
) -> None:
    """Keep a calibration and the masked voxels after so many boxes, if it is time or they are all.

    Parameters
    ----------
    kept
        Where; None keeps nothing.
    calibrated
        What the boxes are filled by.
    boxes
        How many are filled.
    filled, sigma
        Values and standard errors of the whole pattern, float32.
    mask
        True in the voxels to keep.
    last
        Whether these are all boxes.
    """
    if kept is None or not (last or kept.due):
        return
    solution = calibrated.solution
    arrays = {
        "boxes": np.array(boxes),
        "filled": filled[mask],
        "sigma": sigma[mask],
        **_learnt(calibrated),
    }
    if boxes == 0 and solution is not None:  # large, and of use to the first box alone
        arrays |= solution._asdict()
    (kept.finish if last else kept.save)(_NAME, **arrays)


def resume(
    kept: Kept | None, filled: Log, sigma: Log, mask: NDArray[np.bool_]
) -> tuple[Calibrated, int] | None:
    """Undo `keep`: write the kept voxels to `filled` and `sigma`, return the calibration and number of boxes.

    Parameters
    ----------
    kept
        Where an earlier call may have kept steps.
    filled, sigma
        Of the whole pattern, float32; changed where `mask` is True.
    mask
        As it was given to `keep`.
    """
    left = None if kept is None else kept.load(_NAME)
    if left is None:
        return None
    filled[mask], sigma[mask] = left["filled"], left["sigma"]
    return _calibrated(left), int(left["boxes"])


def keep_hidden(
    kept: Kept | None, calibrated: Calibrated, filled: Log, sigma: Log, both: NDArray[np.bool_]
) -> None:
    """Save the filling of the hidden copies.

    Parameters
    ----------
    kept
        Where; None keeps nothing.
    calibrated
        What was learnt.
    filled, sigma
        Values and standard errors of the whole pattern, float32.
    both
        True in the masked voxels and the copies.
    """
    if kept is None:
        return
    kept.finish(
        _HIDDEN,
        filled=filled[both],
        sigma=sigma[both],
        **_learnt(calibrated),
        **({} if calibrated.solution is None else calibrated.solution._asdict()),
    )


def resume_hidden(kept: Kept | None, filled: Log, sigma: Log, both: NDArray[np.bool_]) -> Calibrated | None:
    """Undo `keep_hidden`: write the kept voxels to `filled` and `sigma`, return what was learnt.

    Parameters
    ----------
    kept
        Where an earlier call may have kept them.
    filled, sigma
        Of the whole pattern, float32; changed where `both` is True.
    both
        As it was given to `keep_hidden`.
    """
    left = None if kept is None else kept.load(_HIDDEN)
    if left is None:
        return None
    filled[both], sigma[both] = left["filled"], left["sigma"]
    return _calibrated(left)


def _learnt(calibrated: Calibrated) -> dict[str, NDArray[Any]]:
    """Return what `_calibrated` makes a calibration of, less the solution."""
    fringes = calibrated.fringes
    return {
        "table": calibrated.table.sigma,
        "covariance": fringes.covariance,
        "symmetry": np.array(fringes.symmetry),
        "twice_centre": np.array(fringes.twice_centre),
    }


def _calibrated(left: Mapping[str, NDArray[Any]]) -> Calibrated:
    fringes = Fringes(
        covariance=left["covariance"],
        symmetry=float(left["symmetry"]),
        twice_centre=tuple(left["twice_centre"].tolist()),
    )
    solution = Solution(left["g"], left["prior"]) if "g" in left else None
    return Calibrated(fringes=fringes, table=ErrorTable(sigma=left["table"]), solution=solution)
