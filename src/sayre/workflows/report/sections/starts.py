"""The starts: how they went, and how far they agree."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sayre.figures.interactive.chart import Chart
from sayre.figures.interactive.starts import agreement_chart, convergence_chart
from sayre.retrieval.choice.align import align, correlation
from sayre.retrieval.phased import Phased
from sayre.workflows.outcome import RunOutcome
from sayre.workflows.report.findings import STARTS, starts_legend, starts_rows
from sayre.workflows.report.html import Section, figure, grid, paragraph

MOST_VOXELS = 2**23
"""Of all starts together, up to which all are aligned and compared; of more, those that were averaged."""


class Agreement(NamedTuple):
    """Complex correlations of starts with each other, their numbers, and which objects they are of."""

    matrix: NDArray[np.float64]
    numbers: list[int]
    of: str


def starts_section(outcome: RunOutcome) -> Section:
    """Convergence, the table of the starts, and their agreement."""
    found = outcome.result.phased
    charts: dict[str, Chart] = {}
    parts = [
        paragraph(
            f"Recipe: {found.recipe}{found.recipe_note}; the support of the result is where the amplitude "
            f"exceeds {found.threshold:g} times its reference."
        )
    ]
    if found.runs:
        charts["convergence"] = convergence_chart(found.runs, found.selected)
        text = (
            "R of every start against its iterations, and where the starts end: the lower left is "
            "best. The scale "
            "shows the better three quarters in full; a start that failed or is far worse may leave it."
        )
        parts.append(figure("convergence", charts["convergence"], text))
        marked = [i for i, run in enumerate(found.runs) if run.index in found.selected]
        parts += [grid(STARTS, starts_rows(found), marked), paragraph(starts_legend(found))]
    agreed = agreement(found)
    if len(agreed.numbers) > 1:
        charts["agreement"] = agreement_chart(agreed.matrix, agreed.numbers)
        parts.append(figure("agreement", charts["agreement"], f"Complex correlation of {agreed.of}."))
    if len(found.selected) > 1:
        weights = ", ".join(f"{weight:.3f}" for weight in found.modes.weights)
        text = (
            f"Weights of the modes of the averaged starts: {weights}. The "
            "first is their average; the others hold what differs between them."
        )
        parts.append(paragraph(text))
    return Section(anchor="starts", title="Starts", parts=parts, charts=charts)


def agreement(found: Phased) -> Agreement:
    """Correlations of the starts that did not fail, or of large arrays of those that were averaged.

    Parameters
    ----------
    found
        Result of phase retrieval.
    """
    runs = [run for run in found.runs if not run.failed]
    if len(runs) * found.object.size > MOST_VOXELS:
        objects, numbers = list(found.averaged), list(found.selected)
        of = "the averaged starts, after the whole recipe"
    else:
        middle = next((run for run in runs if run.index == found.selected[0]), runs[0])
        fixed = middle.object
        objects = [run.object if run is middle else align(run.object, fixed) for run in runs]
        numbers = [run.index for run in runs]
        of = "the starts, aligned on the middle one (shift, twin, phase), before the steps after WIDE"
    return Agreement(np.array([[correlation(a, b) for b in objects] for a in objects]), numbers, of)
