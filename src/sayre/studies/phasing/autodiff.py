"""Section 5.10: phase retrieval by automatic differentiation, beside iterations."""

from __future__ import annotations

import time
from itertools import count, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sayre.errors import InputError
from sayre.figures.studies.phasing import classes_figure
from sayre.numerics.progress import Advance, Part
from sayre.simulation.strained.testset import CLASSES
from sayre.studies.phasing.compared import Claim, Form, claims_of, compare, crystals_of, summary_of, table_of
from sayre.studies.phasing.drawn import case
from sayre.studies.phasing.ways import Ways, phased
from sayre.studies.study import StudyResult, StudySettings, Table

LEARNED = "HIO(ceiling=1)*140, SW, (HIO(ceiling=1)*40, SW)**4, ER(ceiling=1)*20"
ITERATED = "(HIO*20 + SW)**10, (RAAR*20 + SW)**10, ER*20"
GRADIENTS, ALONE = "AD(phase=displacement)*150", "AD(phase=displacement)*400"
FULL, QUICK = Form(tuple(CLASSES), 20, 20), Form(("0-1", "2-4"), 1, 2)
MODEL = "AD(support=convex, amplitude=uniform, phase=displacement, loss=mae, optimiser={}, lr={})*{}"
TRIALS = {"Adam": ((0.02, 0.05, 0.1), 300, 0.02), "LBFGS": ((0.001, 0.02, 0.5), 15, 0.09)}
"""Rates, steps, and the loss reported of the author's program; a step of L-BFGS is up to 20 of Adam."""
CRYSTALS, QUICK_CRYSTALS, BESIDE = 8, 1, "0-1"
"""Crystals without a dislocation or a misfit that every optimiser is tried with, and their class."""
OPTIMISERS = (
    "optimiser",
    "rate",
    "steps",
    "crystals",
    "failed",
    "loss",
    "least",
    "loss_of_truth",
    "published",
    "seconds",
)


def make(settings: StudySettings, advance: Advance) -> StudyResult:
    """Phase 2D crystals by iterations, by gradients after them, and by gradients alone.

    Parameters
    ----------
    settings
        The quick form has fewer crystals and starts.
    advance
        Called with the fraction done.
    """
    form = QUICK if settings.quick else FULL
    found = compare("phase-autodiff", settings, 2, form, ways_of(form.starts), Part(advance, 0.0, 0.8))
    optimisers = _optimisers(settings, Part(advance, 0.8, 1.0))
    table, crystals = table_of(found), crystals_of(found)
    claims = claims_of(
        found, [Claim("gradients", "iterated", ()), Claim("random, gradients", "gradients alone", ())]
    )
    lines = [
        f"{row['optimiser']} at {row['rate']}: loss {row['loss']:.3f}, reported {row['published']}"
        for row in optimisers.records
    ]
    return StudyResult(
        tables={"": table, "claims": claims, "optimisers": optimisers, "crystals": crystals},
        figures={"": classes_figure(crystals.records)},
        summary="\n  ".join([summary_of(table, claims), *lines]),
    )


def ways_of(starts: int) -> Ways:
    """Return the ways that are compared.

    Parameters
    ----------
    starts
        Starts without a network.
    """
    return {
        "iterated": {"init": "network", "recipe": LEARNED},
        "gradients": {"init": "network", "recipe": f"{LEARNED}, {GRADIENTS}"},
        "random, gradients": {"runs": starts, "recipe": f"{ITERATED}, {GRADIENTS}"},
        "gradients alone": {"runs": starts, "recipe": ALONE},
    }


def _optimisers(settings: StudySettings, advance: Advance) -> Table:
    """Fit convex polyhedra with a displacement by each optimiser, after the same iterations."""
    rows: list[tuple[Any, ...]] = []
    drawn = (case(2, BESIDE, n, seed=settings.seed, quick=settings.quick) for n in count())
    smooth = (one for one in drawn if one.crystal.crystal.kind == "smooth")
    crystals = list(islice(smooth, QUICK_CRYSTALS if settings.quick else CRYSTALS))
    truth = float(np.median([loss_of(one.crystal.counts, np.abs(one.amplitude) ** 2) for one in crystals]))
    trials = [(name, rate, *told) for name, (rates, *told) in TRIALS.items() for rate in rates]
    for place, (name, rate, steps, published) in enumerate(trials):
        losses, began = [], time.process_time()
        recipe = f"{LEARNED}, {MODEL.format(name, rate, steps)}"
        for number, one in enumerate(crystals):
            try:
                found = phased(one.pattern, {"init": "network", "runs": 1, "recipe": recipe}, settings.device)
                losses.append(loss_of(found.pattern.intensity, found.expected))
            except InputError:  # not finite
                losses.append(float("nan"))
            advance((place + (number + 1) / len(crystals)) / len(trials), f"{name} at {rate}")
        known = [loss for loss in losses if np.isfinite(loss)]
        middle, least = (float(np.median(known)), min(known)) if known else (float("nan"),) * 2
        seconds, failed = (time.process_time() - began) / len(losses), len(losses) - len(known)
        rows.append((name, rate, steps, len(losses), failed, middle, least, truth, published, seconds))
    return Table(OPTIMISERS, rows)


def loss_of(counts: NDArray[np.floating], expected: NDArray[np.floating]) -> float:
    """Return the mean absolute error of the amplitudes over their mean.

    Parameters
    ----------
    counts
        As measured.
    expected
        Of an object.
    """
    measured = np.sqrt(np.asarray(counts, np.float64))
    return float(np.abs(np.sqrt(expected) - measured).sum() / measured.sum())
