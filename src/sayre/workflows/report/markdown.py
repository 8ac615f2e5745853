"""The report of a run in Markdown, with the pictures beside it."""

from __future__ import annotations

from collections.abc import Sequence

from sayre.data import FilledPattern
from sayre.workflows.outcome import RunOutcome
from sayre.workflows.report.escaped import in_markdown
from sayre.workflows.report.facts import (
    SAMPLING,
    Row,
    counts_rows,
    crystal_rows,
    filling_rows,
    phased_rows,
    strain_rows,
)
from sayre.workflows.report.findings import (
    STARTS,
    fit_lines,
    opening,
    resolution_rows,
    starts_legend,
    starts_rows,
)
from sayre.workflows.report.methods import methods
from sayre.workflows.report.sections.resolution import texts
from sayre.workflows.report.summary import cards


def report(outcome: RunOutcome) -> str:
    """Markdown with the pictures beside it."""
    name, found = outcome.pattern.meta.source or "a pattern", outcome.result.phased
    first = "\n".join(f"- **{card.question}** {card.answer}. {card.more}" for card in cards(outcome))
    parts = [f"# {in_markdown(name)}", first, opening(outcome)]
    if outcome.warnings:
        parts += ["## Warnings", "\n".join(f"- {in_markdown(text)}" for text in outcome.warnings)]
    if outcome.notes:
        parts += ["## News", "\n".join(f"- {in_markdown(text)}" for text in outcome.notes)]
    parts += ["## Pattern", *_picture(outcome, "pattern.png", "planes of the measured counts")]
    parts += [_table([*counts_rows(outcome), *phased_rows(outcome)]), SAMPLING]
    if isinstance(outcome.pattern, FilledPattern):
        parts += ["## Filling", _table(filling_rows(outcome.pattern))]
        parts += _picture(outcome, "filling.png", "as measured, filled, and the stated error")
        parts += _picture(outcome, "profile.png", "counts along lines across the gap")
    parts += [
        "## Crystal",
        *_picture(outcome, "crystal.png", "slices and surface"),
        _table([*crystal_rows(outcome.result.crystal), *strain_rows(outcome.result.crystal)]),
        "## Measured and calculated",
        *_picture(outcome, "explained.png", "measured and expected counts, and their residuals"),
        "\n".join(f"- {line}" for line in fit_lines(found)),
        "## Starts",
        *_picture(outcome, "convergence.png", "residuals of all starts"),
        _starts(outcome),
        "## Resolution",
        *_picture(outcome, "resolution.png", "PRTF and FSC"),
        _resolution(outcome),
        "## How it was made",
        methods(outcome).text,
        _made(outcome),
    ]
    return "\n\n".join(parts) + "\n"


def _starts(outcome: RunOutcome) -> str:
    found = outcome.result.phased
    recipe = (
        f"Recipe: `{found.recipe}`{found.recipe_note}; the support of the result is where the amplitude "
        f"exceeds {found.threshold:g} times its reference."
    )
    head = f"| {' | '.join(STARTS)} |\n{'|---' * len(STARTS)}|\n"
    rows = "\n".join(f"| {' | '.join(row)} |" for row in starts_rows(found))
    text = f"{recipe}\n\n{head}{rows}\n\n{starts_legend(found)}"
    if len(found.selected) > 1:
        weights = ", ".join(f"{weight:.3f}" for weight in found.modes.weights)
        text += (
            f"\n\nWeights of the modes of the averaged starts: {weights}. The first is their average; the "
            "others hold what differs between the starts."
        )
    return text


def _resolution(outcome: RunOutcome) -> str:
    return "\n\n".join([_table(resolution_rows(outcome)), *texts(outcome)])


def _made(outcome: RunOutcome) -> str:
    manifest = outcome.manifest
    versions = ", ".join(f"{name} {version}" for name, version in manifest.versions.items())
    return (
        f"`{manifest.command}`, {manifest.seconds} s on {manifest.device}; {versions}. "
        "`manifest.json` holds every "
        "option; `report.html` has all of this to turn and zoom, with the command that repeats it."
    )


def _picture(outcome: RunOutcome, file: str, alternative: str) -> list[str]:
    return [f"![{alternative}]({file})"] if file in outcome.files else []


def _table(rows: Sequence[Row]) -> str:
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])
