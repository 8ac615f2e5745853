"""The crystal: its surface, slices, strain in numbers."""

from __future__ import annotations

from sayre.data import Crystal
from sayre.figures.crystal import crystal_sheet, cut
from sayre.figures.interactive.chart import Chart
from sayre.figures.interactive.crystal import histogram_chart, surface_chart
from sayre.figures.interactive.planes import planes_chart
from sayre.figures.quantities import quantities
from sayre.workflows.outcome import RunOutcome
from sayre.workflows.report.facts import crystal_rows, strain_parts, strain_rows
from sayre.workflows.report.html import Section, figure, grid, paragraph, table

STATISTICS = (
    "part",
    "voxels",
    "mean (%)",
    "standard deviation (%)",
    "rms (%)",
    "5th percentile (%)",
    "95th percentile (%)",
)


def crystal_section(outcome: RunOutcome) -> Section:
    """Surface, slices, and the statistics of the strain."""
    crystal = outcome.result.crystal
    if not crystal.support.any():
        return Section(anchor="crystal", title="Crystal", parts=[paragraph("The support is empty.")])
    shown = cut(crystal.numpy())
    rows = quantities(shown)
    charts: dict[str, Chart] = {}
    parts: list[str] = []
    if shown.object.ndim == 3 and (surface := surface_chart(shown, rows[-1])) is not None:
        charts["surface"] = surface
        parts.append(figure("surface", surface, _surface_caption(shown, rows[-1].label)))
    charts["slices"] = planes_chart(crystal_sheet(shown, rows))
    parts.append(figure("slices", charts["slices"], _slices_caption(shown)))
    histogram = histogram_chart(shown)
    if histogram is not None:
        charts["histogram"] = histogram
        text = (
            "Voxels within the surface: the outermost layer, and the bulk below it. The ends of the "
            "axis leave out "
            "half a per cent of the voxels."
        )
        parts.append(figure("histogram", histogram, text))
    parts.append(_statistics(crystal))
    parts.append(table([*crystal_rows(crystal), *strain_rows(crystal)]))
    return Section(anchor="crystal", title="Crystal", parts=parts, charts=charts)


def _statistics(crystal: Crystal) -> str:
    found = strain_parts(crystal)
    if not found:
        return paragraph(
            "Without a geometry the strain is not known: --geometry, or what the file of the counts "
            "states, gives it."
        )
    rows = [
        (name, str(s.voxels), *(f"{100 * value:.4g}" for value in (s.mean, s.std, s.rms, s.low, s.high)))
        for name, s in found.items()
    ]
    return grid(STATISTICS, rows)


def _surface_caption(crystal: Crystal, label: str) -> str:
    text = (
        f"Where the amplitude passes half of that of the bulk, coloured by {label} just below. Drag "
        "to turn, scroll "
        "to zoom; the same surface is the dark line in the slices, without smoothing."
    )
    return text if crystal.orthogonal else f"{text} The axes are oblique and drawn at right angles."


def _slices_caption(crystal: Crystal) -> str:
    text = (
        "Slices through the middle of the support, all of one scale; coordinates are from the middle "
        "of the box that "
        "is shown. The light line is the support, the dark one the surface. Colours of signed "
        "quantities reach to "
        "what 98 % of the voxels within the surface have, and are the same for positive and negative values."
    )
    if crystal.orthogonal and crystal.axes is not None:
        text += " z points along the beam, y up (in the sample frame: as the sample lies at zero angles)."
    return text
