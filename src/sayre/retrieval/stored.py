"""Runs and refined objects as named arrays, the form in which they are kept in files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sayre.retrieval.engine.modulus import FitQuality
from sayre.retrieval.engine.packed import Packed
from sayre.retrieval.engine.run import Run
from sayre.retrieval.measurement.nuisances import KINDS, Nuisances
from sayre.retrieval.measurement.refine import Refined

Arrays = Mapping[str, NDArray[Any]]

_NUMBERS = ("index", "residual", "likelihood", "free_likelihood")
_OF_A_RUN = frozenset({"shape", "support", "object", "history", "failed", "point_spread", *_NUMBERS})
_SINGLE = ("tails", "background")
_NOTHING = np.zeros(0, np.float32)


def run_arrays(run: Run) -> dict[str, NDArray[Any]]:
    """Return the arrays that `stored_run` makes a run of again."""
    return {
        "shape": np.array(run.packed.shape),
        "support": run.packed.bits,
        "object": run.packed.values,
        "history": np.array(run.history),
        "failed": np.array(run.failed),
        "point_spread": _NOTHING if run.point_spread is None else run.point_spread,
        **{name: np.array(getattr(run, name)) for name in _NUMBERS},
    }


def stored_run(arrays: Arrays) -> Run | None:
    """Return the run that arrays stand for; None where some are missing."""
    if not set(arrays) >= _OF_A_RUN:
        return None
    return Run(
        packed=Packed(tuple(arrays["shape"].tolist()), arrays["support"], arrays["object"]),
        history=tuple((int(i), float(r)) for i, r in arrays["history"].reshape(-1, 2)),
        failed=str(arrays["failed"]),
        point_spread=arrays["point_spread"] if arrays["point_spread"].size else None,
        **{name: arrays[name].item() for name in _NUMBERS},
    )


def refined_arrays(refined: Refined) -> dict[str, NDArray[Any]]:
    """Return the arrays that `stored_refined` makes a refined object of again."""
    effects = refined.nuisances
    return {
        "object": refined.object,
        "expected": refined.expected,
        "dilation": np.array(refined.dilation),
        "threshold": np.array(np.nan if refined.threshold is None else refined.threshold),
        "fit": np.array([float(value[0]) for value in refined.fit]),
        "moved": _NOTHING if refined.moved is None else refined.moved,
        **{kind: np.asarray(getattr(effects, kind)) for kind in effects.kinds},
    }


def stored_refined(arrays: Arrays) -> Refined:
    """Return the refined object that arrays stand for."""
    effects: dict[str, Any] = {kind: arrays[kind] for kind in KINDS if kind in arrays}
    effects |= {kind: float(effects[kind]) for kind in _SINGLE if kind in effects}
    threshold = float(arrays["threshold"])
    return Refined(
        object=arrays["object"],
        expected=arrays["expected"],
        dilation=int(arrays["dilation"]),
        threshold=None if np.isnan(threshold) else threshold,
        fit=FitQuality(*(torch.tensor([value], dtype=torch.float64) for value in arrays["fit"])),
        moved=arrays["moved"] if arrays["moved"].size else None,
        nuisances=Nuisances(**effects),
    )
