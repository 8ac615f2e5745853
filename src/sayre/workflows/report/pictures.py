"""The pictures of a run, for a paper."""

from __future__ import annotations

from sayre.data import FilledPattern
from sayre.figures.counts import counts_figure
from sayre.figures.crystal import crystal_figure
from sayre.figures.explained import explained_figure
from sayre.figures.filling import filling_figure, save_figure
from sayre.figures.phasing import convergence_figure, resolution_figure
from sayre.figures.profile import gap_profiles, profiles_figure
from sayre.workflows.outcome import RunOutcome
from sayre.workflows.report.beside import Beside, lines_beside
from sayre.workflows.report.sections import settings_of


def draw(outcome: RunOutcome, beside: Beside | None = None) -> list[str]:
    """Write the pictures of a run to its folder; return their names.

    Parameters
    ----------
    outcome
        Of the run.
    beside
        What is known beside it.
    """
    found, figures, beside = outcome.result.phased, {}, beside or Beside()
    figures["pattern.png"] = counts_figure(outcome.pattern.measured)
    if isinstance(outcome.pattern, FilledPattern) and outcome.pattern.mask.any():
        figures["filling.png"] = filling_figure(outcome.pattern, truth=beside.truth)
        profiles = gap_profiles(outcome.pattern, lines_beside(outcome.pattern, found, beside))
        if profiles:
            figures["profile.png"] = profiles_figure(profiles)
    figures["crystal.png"] = crystal_figure(outcome.result.crystal)
    figures["explained.png"] = explained_figure(found, settings_of(outcome))
    figures["convergence.png"] = convergence_figure(found.runs, found.selected)
    if outcome.curves:
        figures["resolution.png"] = resolution_figure(outcome.curves)
    for file, figure in figures.items():
        save_figure(figure, outcome.folder / file)
    return list(figures)
