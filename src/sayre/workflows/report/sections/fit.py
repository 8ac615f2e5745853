"""How well the counts are explained, and what beam and detector did to them."""

from __future__ import annotations

import numpy as np

from sayre.figures.explained import explained_sheet, shell_fit
from sayre.figures.interactive.chart import Chart
from sayre.figures.interactive.fit import frames_chart, shells_chart
from sayre.figures.interactive.planes import planes_chart
from sayre.figures.sheet import Colours, Plane, Sheet
from sayre.figures.style import SHIFTED
from sayre.retrieval.measurement.nuisances import Nuisances
from sayre.retrieval.settings import Settings
from sayre.workflows.outcome import RunOutcome
from sayre.workflows.report.findings import fit_lines
from sayre.workflows.report.html import Section, figure, items


def fit_section(outcome: RunOutcome, settings: Settings) -> Section:
    """Measured beside calculated counts, residuals, the fit by shell, and the effects that were found.

    Parameters
    ----------
    outcome
        Of the run.
    settings
        Which voxels were left free.
    """
    found = outcome.result.phased
    charts: dict[str, Chart] = {
        "explained": planes_chart(explained_sheet(found)),
        "shells": shells_chart(shell_fit(found, settings)),
    }
    parts = [
        items(fit_lines(found)),
        figure(
            "explained",
            charts["explained"],
            "Measured counts n, those λ that the crystal, beam and detector let expect, and the residuals "
            "(n − λ)/√(λ + 1), of spread 1 for photon noise of many counts and less in the dark. "
            "Planes through the "
            "brightest voxel. Patches of one sign mean that something is not in the model.",
        ),
        figure(
            "shells",
            charts["shells"],
            "Half the Poisson deviance by distance from the brightest voxel, and R below. Free "
            "voxels above the "
            "dashed line are not yet explained; used voxels below it are fitted to their noise.",
        ),
    ]
    for name, chart, caption in _effects(found.nuisances):
        charts[name] = chart
        parts.append(figure(name, chart, caption))
    return Section(anchor="fit", title="Measured and calculated", parts=parts, charts=charts)


def _effects(found: Nuisances | None) -> list[tuple[str, Chart, str]]:
    """Charts of the flux of the frames and the response of the pixels, with their captions."""
    if found is None:
        return []
    shown = []
    frames = frames_chart(found)
    if frames is not None:
        shown.append(
            ("frames", frames, "What was found of each frame; grey is where it would be without the effect.")
        )
    maps = (("gains", found.gains, "response of the pixels"), ("waves", found.background_waves, "background"))
    for name, values, what in maps:
        if values is not None:
            caption = f"The {what} that was found, relative to its mean."
            shown.append((name, planes_chart(_map(np.asarray(values), what)), caption))
    return shown


def _map(values: np.ndarray, what: str) -> Sheet:
    plane = values if values.ndim == 2 else values.reshape(-1, *values.shape[-2:]).mean(0)
    apart = max(float(np.percentile(np.abs(plane - 1), 99.5)), 0.01)
    colours = Colours(label="relative to the mean", cmap=SHIFTED, low=1 - apart, high=1 + apart)
    down, across = "row, as phased", "column, as phased"
    return Sheet(rows=[[Plane(values=plane, colours=colours, title=what, down=down, across=across)]])
