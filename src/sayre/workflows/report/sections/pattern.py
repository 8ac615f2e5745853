"""What was measured."""

from __future__ import annotations

from sayre.figures.counts import counts_sheet
from sayre.figures.interactive.planes import planes_chart
from sayre.workflows.outcome import RunOutcome
from sayre.workflows.report.facts import SAMPLING, counts_rows, phased_rows
from sayre.workflows.report.html import Section, figure, paragraph, table


def pattern_section(outcome: RunOutcome) -> Section:
    """The measured pattern, with a gap or without."""
    chart = planes_chart(counts_sheet(outcome.pattern.measured))
    caption = (
        "Measured counts in planes through their brightest voxel, on a logarithmic scale. Grey-blue "
        "voxels were not "
        "measured. Frames, rows and columns are numbered as in the file, row 0 at the top."
    )
    parts = [
        figure("measured", chart, caption),
        table([*counts_rows(outcome), *phased_rows(outcome)]),
        paragraph(SAMPLING),
    ]
    return Section(anchor="pattern", title="Pattern", parts=parts, charts={"measured": chart})
