"""How fine the result can be trusted."""

from __future__ import annotations

from sayre.figures.interactive.resolution import resolution_chart
from sayre.figures.phasing import resolution_text
from sayre.workflows.outcome import RunOutcome
from sayre.workflows.report.html import Section, figure, items, paragraph

NOT_KNOWN = (
    "Not known: PRTF and FSC tell how far starts agree, and take two or more that are averaged. The "
    "PRTF of a single "
    "one is 1 everywhere."
)
MEANING = (
    "The resolution is a full period. PRTF and FSC tell how far the starts agree on what they make "
    "of the same counts, "
    "and not how far noise limits them: the FSC compares two halves of the averaged starts, which "
    "share the counts."
)
ABOVE_ONE = (
    "The PRTF is the root of the ratio of two sums over a shell: what the average of the starts "
    "scatters, over the "
    "counts. It is above 1 where counts are fewer than that, as in shells of blurred fringes (the "
    "crystal is freed of "
    "the blur, the counts are not), of pixels that respond less, or by photon noise where counts are few."
)


def resolution_section(outcome: RunOutcome) -> Section:
    """PRTF and FSC, or why there are none."""
    if not outcome.curves:
        return Section(anchor="resolution", title="Resolution", parts=[paragraph(NOT_KNOWN)])
    chart = resolution_chart(outcome.curves)
    lines = [f"{name}: {resolution_text(curve)}" for name, curve in outcome.curves.items()]
    parts = [
        items(lines),
        figure(
            "curves", chart, "Curves by shells of |q|; dashed are the thresholds that they are read against."
        ),
        paragraph(MEANING),
        paragraph(ABOVE_ONE),
    ]
    return Section(anchor="resolution", title="Resolution", parts=parts, charts={"curves": chart})
