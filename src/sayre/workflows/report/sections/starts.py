"""The starts: how they went, and how far they agree."""

from __future__ import annotations

import numpy as np

from sayre.figures.interactive.chart import Chart
from sayre.figures.interactive.starts import agreement_chart, convergence_chart
from sayre.retrieval.choice.align import align, correlation
from sayre.retrieval.phased import Phased
from sayre.workflows.outcome import RunOutcome
from sayre.workflows.report.facts import STARTS, starts_legend, starts_rows
from sayre.workflows.report.html import Section, figure, grid, paragraph

MOST_VOXELS = 2**26
"""Of all starts together, up to which all are compared; of more, only those that were averaged."""


def starts_section(outcome: RunOutcome) -> Section:
    """Convergence, the table of the starts, and their agreement."""
    found = outcome.result.phased
    charts: dict[str, Chart] = {}
    parts = [
        paragraph(
            f"Recipe: {found.recipe}; the support of the result is where the amplitude exceeds "
            f"{found.threshold:g} times its reference."
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
    matrix, numbers = agreement(found)
    if len(numbers) > 1:
        charts["agreement"] = agreement_chart(matrix, numbers)
        text = (
            "Complex correlation of the starts, aligned on the "
            "middle one (shift, twin, phase), before the steps after WIDE."
        )
        parts.append(figure("agreement", charts["agreement"], text))
    if len(found.selected) > 1:
        weights = ", ".join(f"{weight:.3f}" for weight in found.modes.weights)
        text = (
            f"Weights of the modes of the averaged starts: {weights}. The "
            "first is their average; the others hold what differs between them."
        )
        parts.append(paragraph(text))
    return Section(anchor="starts", title="Starts", parts=parts, charts=charts)


def agreement(found: Phased) -> tuple[np.ndarray, list[int]]:
    """Complex correlations of the starts that did not fail, and their numbers.

    Of very large arrays only those that were averaged are compared.

    Parameters
    ----------
    found
        Result of phase retrieval.
    """
    runs = [run for run in found.runs if not run.failed]
    if len(runs) * found.object.size > MOST_VOXELS:
        runs = [run for run in runs if run.index in found.selected]
    if len(runs) < 2 or len(runs) * found.object.size > MOST_VOXELS:
        return np.ones((len(runs), len(runs))), []
    middle = next((run for run in runs if run.index == found.selected[0]), runs[0])
    fixed = middle.object
    objects = [run.object if run is middle else align(run.object, fixed) for run in runs]
    matrix = np.array([[correlation(a, b) for b in objects] for a in objects])
    return matrix, [run.index for run in runs]
