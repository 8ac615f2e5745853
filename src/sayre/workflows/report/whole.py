"""The page of a run, of all its sections."""

from __future__ import annotations

from sayre.workflows.outcome import RunOutcome
from sayre.workflows.report.beside import Beside
from sayre.workflows.report.page import page
from sayre.workflows.report.sections import settings_of
from sayre.workflows.report.sections.crystal import crystal_section
from sayre.workflows.report.sections.filling import filling_section
from sayre.workflows.report.sections.fit import fit_section
from sayre.workflows.report.sections.making import making_section
from sayre.workflows.report.sections.pattern import pattern_section
from sayre.workflows.report.sections.resolution import resolution_section
from sayre.workflows.report.sections.starts import starts_section
from sayre.workflows.report.summary import opening_html


def html_report(outcome: RunOutcome, command: str, *, beside: Beside | None = None, title: str = "") -> str:
    """One page of HTML with everything in it.

    Parameters
    ----------
    outcome
        Of the run.
    command
        That repeats it.
    beside
        What is known beside it.
    title
        By default the name of the pattern.
    """
    found = outcome.result
    peak = "" if found.scan.hkl is None else f", {' '.join(map(str, found.scan.hkl))} peak"
    made = f"{outcome.manifest.command}, {outcome.manifest.created}"
    sections = [
        crystal_section(outcome),
        pattern_section(outcome),
        filling_section(outcome, beside or Beside()),
        fit_section(outcome, settings_of(outcome)),
        starts_section(outcome),
        resolution_section(outcome),
        making_section(outcome, command),
    ]
    return page(
        title or outcome.pattern.meta.source or "A pattern",
        f"Bragg coherent diffraction imaging{peak}; {made}",
        opening_html(outcome),
        [section for section in sections if section is not None],
    )
