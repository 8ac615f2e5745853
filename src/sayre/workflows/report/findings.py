"""What phase retrieval found: starts, fit and resolution, on the page and in Markdown alike."""

from __future__ import annotations

import numpy as np

from sayre.crystal.analysis.edges import EdgeWidth, edge_widths
from sayre.crystal.conversion import known_frame
from sayre.crystal.resolution import finest_periods
from sayre.crystal.scan import Scan
from sayre.data import Crystal
from sayre.data.shown import number
from sayre.figures.phasing import resolution_text
from sayre.figures.surface import body
from sayre.retrieval.phased import Phased
from sayre.workflows.outcome import RunOutcome
from sayre.workflows.report.facts import AXES, Row, crystal_axes

STARTS = ("start", "R", "−log likelihood", "free", "support", "")


def starts_rows(found: Phased) -> list[tuple[str, ...]]:
    """A row for each start, as `STARTS` names them."""
    notes = dict.fromkeys(found.selected, "averaged") | {found.selected[0]: "averaged, the middle one"}
    return [
        (
            str(run.index),
            number(run.residual, ".3f"),
            number(run.likelihood),
            number(run.free_likelihood),
            str(int(run.support.sum())),
            f"failed: {run.failed}" if run.failed else notes.get(run.index, ""),
        )
        for run in found.runs
    ]


def starts_legend(found: Phased) -> str:
    """What the columns of the starts mean, and why the result has other numbers."""
    whose = "the mean of the averaged starts" if found.of_mean else "the averaged starts"
    later = f"the steps that follow WIDE in the recipe, which iterate {whose} on a larger array"
    if found.nuisances is not None:
        later += ", and before the refinement under effects of beam and detector"
    return (
        "Starts are counted from 0. R is the amplitude residual over the measured voxels; −log "
        "likelihood half the "
        "Poisson deviance a voxel; free the same of voxels that phasing never saw; support the "
        "voxels that a start "
        f"was iterated in. The table shows the starts before {later}: residuals and likelihoods of "
        "the result are "
        f"others. Its support has {int(found.support.sum())} of the same voxels: it is taken of the "
        "amplitude as it "
        "is, those of the starts of the smoothed amplitude of shrink-wrap, which is wider."
    )


def fit_lines(found: Phased) -> list[str]:
    """How well the counts are explained, and what the measurement did to them."""
    fit = f"Half the Poisson deviance is {number(found.likelihood)} a voxel"
    if np.isfinite(found.free_likelihood):
        fit += f", and {found.free_likelihood:.3g} in voxels that phasing never saw"
    lines = [f"{fit}; 0.5 is photon noise where counts are high, less in the dark."]
    if found.nuisances is None:
        return [*lines, f"Not refined under effects of beam and detector: {found.unrefined}."]
    told = found.nuisances.sentences() or ["No effect of beam or detector helps to predict unseen voxels."]
    return lines + told


def opening(outcome: RunOutcome) -> str:
    """How many starts were averaged, how far they agree, and how much another set would differ."""
    found = outcome.result.phased
    failed = sum(bool(run.failed) for run in found.runs)
    text = (
        f"{len(found.selected)} of {len(found.runs)} starts averaged"
        f"{f', {failed} failed' if failed else ''}{found.random_text}: R = {number(found.residual, '.3f')}."
    )
    if found.best is not None and len(found.selected) > 1:
        text += (
            f" The object is that of start {found.best} (counted from 0), which explains the counts better "
            "than the average."
        )
    if np.isfinite(found.agreement):
        when = ", before their mean was refined" if found.of_mean else ""
        text += f" They agree to {found.agreement:.3f} (complex correlation with the middle one{when})."
    if np.isfinite(found.modes.scatter):
        text += f" Another set of starts would differ by {100 * found.modes.scatter:.0f} % (‖a − b‖/‖a‖)."
    else:
        text += (
            " From one start it is not known how much another set of starts would differ: that takes two "
            "that are averaged, which more starts may give."
        )
    return text


def edges(crystal: Crystal) -> list[EdgeWidth]:
    """How sharp the surface is along the axes, as far as it is known: width of the point spread, FWHM."""
    inner = body(crystal.amplitude, crystal.support)
    if crystal.object.ndim != 3 or not crystal.orthogonal or not inner.any():
        return []
    axes = np.eye(3) if crystal.axes is None else crystal.axes
    basis = np.array(crystal.voxel_size or (1.0,) * 3)[:, None] * axes
    return edge_widths(crystal.amplitude, inner, basis, list(zip(crystal_axes(crystal), axes, strict=True)))


def resolution_rows(outcome: RunOutcome) -> list[Row]:
    """Resolution by direction: the width of the surface, and the finest periods that were measured."""
    found, crystal = outcome.result.phased, outcome.result.crystal
    unit, rows = "voxels" if crystal.voxel_size is None else "nm", []
    sharp = edges(crystal)
    if sharp:
        names = ", ".join(edge.name for edge in sharp)
        widths = ", ".join(edge.text(crystal.voxel_size) for edge in sharp)
        rows.append((f"width of the surface (full width at half maximum) along {names}", f"{widths} {unit}"))
    grid = found.pattern.grid
    basis = known_frame(found.object.shape, Scan(geometry=outcome.result.scan.geometry), grid).basis
    periods = ", ".join(f"{period:.3g}" for period in finest_periods(found.object.shape, basis))
    names = ", ".join(AXES[-found.object.ndim :])
    rows.append(
        (f"finest period that was measured along {names}", f"{periods} {'voxels' if basis is None else 'nm'}")
    )
    rows += [(f"{name}, in whole shells", resolution_text(curve)) for name, curve in outcome.curves.items()]
    return rows
