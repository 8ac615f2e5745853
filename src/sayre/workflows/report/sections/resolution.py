"""How fine the result can be trusted."""

from __future__ import annotations

from sayre.figures.interactive.resolution import resolution_chart
from sayre.workflows.outcome import RunOutcome
from sayre.workflows.reconstruction import UNSEEN
from sayre.workflows.report.findings import resolution_rows
from sayre.workflows.report.html import Section, figure, paragraph, table

ALONE = (
    "PRTF and FSC are not known: they tell how far starts agree, and take two or more that are "
    "averaged. The PRTF of "
    "a single one is 1 everywhere."
)
MEANING = (
    "Lengths are full periods. The width of the surface is that of a point, as seen where the "
    "amplitude of the "
    "crystal ends. The curves are of whole shells of |q|, which end at the shortest side of what was "
    "measured; "
    "along the other axes the counts reach further, and a part of the counts (--crop) ends them earlier."
)
UNSEEN_COUNTS = (
    "The correlation of counts that phasing never saw with what the object lets expect there falls "
    "below 1/2 where "
    "the counts end to tell of the object, by noise or by wrong details."
)
AGREEMENT = (
    "PRTF and FSC tell how far the starts agree on what they make of the same counts, and not how "
    "far noise limits "
    "them: the FSC compares two halves of the averaged starts. Its half-bit threshold says nothing "
    "in the innermost "
    "shells, of fewer than four independent voxels."
)
ABOVE_ONE = (
    "The PRTF is the root of the ratio of two sums over a shell: what the average of the starts "
    "scatters, over the "
    "counts. It is above 1 where counts are fewer than that: the crystal is freed of blur and of the "
    "response of the "
    "pixels, the counts are not, and photon noise makes few counts fewer."
)


def texts(outcome: RunOutcome) -> list[str]:
    """What the numbers mean, as far as there are such."""
    told = [MEANING]
    if UNSEEN in outcome.curves:
        told.append(UNSEEN_COUNTS)
    return told + ([AGREEMENT, ABOVE_ONE] if "PRTF" in outcome.curves else [ALONE])


def resolution_section(outcome: RunOutcome) -> Section:
    """Widths of the surface, and curves as far as there are such."""
    parts, charts = [table(resolution_rows(outcome))], {}
    if outcome.curves:
        charts["curves"] = resolution_chart(outcome.curves)
        text = "Curves by shells of |q|; dashed are the thresholds that they are read against."
        parts.append(figure("curves", charts["curves"], text))
    parts += [paragraph(text) for text in texts(outcome)]
    return Section(anchor="resolution", title="Resolution", parts=parts, charts=charts)
