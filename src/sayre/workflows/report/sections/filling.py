"""What was filled, and with what error."""

from __future__ import annotations

import numpy as np

from sayre.data import FilledPattern
from sayre.figures.filling import filling_sheet
from sayre.figures.interactive.chart import Chart
from sayre.figures.interactive.gap import profiles_chart
from sayre.figures.interactive.planes import planes_chart
from sayre.figures.profile import gap_profiles
from sayre.workflows.outcome import RunOutcome
from sayre.workflows.report.beside import Beside, lines_beside
from sayre.workflows.report.facts import filling_rows
from sayre.workflows.report.html import Section, code, figure, paragraph, table


def filling_section(outcome: RunOutcome, beside: Beside) -> Section | None:
    """Planes through the gap before and after filling, and lines across it; None where nothing was filled.

    Parameters
    ----------
    outcome
        Of the run.
    beside
        What is known beside it.
    """
    filled = outcome.pattern
    if not isinstance(filled, FilledPattern) or not filled.mask.any():
        return None
    filled = filled.numpy()
    planes = planes_chart(filling_sheet(filled, truth=beside.truth))
    charts: dict[str, Chart] = {"filled": planes}
    caption = (
        "Planes through the brightest voxel that was filled; the line is the border of the gap. A "
        "plane that lies in "
        "the gap was not measured at all. "
    )
    stated = bool(np.isfinite(filled.sigma).all())
    caption += (
        "The stated error σ is the standard error of log(1 + counts), without the photon noise of a count."
        if stated
        else "This method states no error."
    )
    parts = [table(filling_rows(filled)), figure("filled", planes, caption)]
    profiles = gap_profiles(filled, lines_beside(filled, outcome.result.phased, beside))
    if profiles:
        charts["profiles"] = profiles_chart(profiles)
        text = (
            "Counts along lines across the gap (shaded) through its brightest voxels. Beside the "
            "filling stand other "
            "methods, in the gap alone, and what the phased crystal scatters, everywhere: where it "
            "was measured, it "
            "tells how well the crystal is known."
        )
        parts.append(figure("profiles", charts["profiles"], text))
    else:
        parts.append(paragraph("No line crosses the gap from measured voxels to measured ones."))
    if beside.remarks:
        parts.append(code("\n".join(beside.remarks)))
    return Section(anchor="filling", title="Filling", parts=parts, charts=charts)
