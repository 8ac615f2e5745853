"""How it was made: methods, the command that repeats it, the manifest."""

from __future__ import annotations

from collections.abc import Mapping

from sayre.crystal.geometry import Geometry
from sayre.crystal.stated import StatedGeometry
from sayre.workflows.jobs.repeating import GEOMETRY
from sayre.workflows.outcome import RunOutcome
from sayre.workflows.report.html import Section, code, folded, paragraph
from sayre.workflows.report.methods import methods


def making_section(outcome: RunOutcome, command: str) -> Section:
    """The methods paragraph with its BibTeX, the command, the manifest.

    Parameters
    ----------
    outcome
        Of the run.
    command
        That repeats it.
    """
    written, manifest = methods(outcome), outcome.manifest
    versions = ", ".join(f"{name} {version}" for name, version in manifest.versions.items())
    parts = [
        "<h3>Methods, for a paper</h3>",
        paragraph(written.text),
        folded("BibTeX of what was used", code(written.bibtex)),
        "<h3>The command that repeats it</h3>",
        code(command),
    ]
    if f" {GEOMETRY}" in command and (text := geometry_text(outcome)):
        parts.append(folded(f"{GEOMETRY}, which the command reads", code(text)))
    parts += [
        paragraph(f"{manifest.command}, {manifest.seconds} s on {manifest.device}; {versions}."),
        folded("Manifest: every option, versions, digests of inputs and weights", code(manifest.to_json())),
    ]
    return Section(anchor="making", title="How it was made", parts=parts)


def geometry_text(outcome: RunOutcome) -> str:
    """The geometry of the run as a TOML file; empty where it has none."""
    given = outcome.manifest.config.get("geometry")
    if isinstance(given, Mapping):
        given = Geometry(**given)
    return StatedGeometry.of(given).toml() if isinstance(given, Geometry) else ""
