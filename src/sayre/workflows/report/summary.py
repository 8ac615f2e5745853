"""What a user asks first: is it good, how big is it, what is its strain, how fine is it known."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import NamedTuple

import numpy as np

from sayre.crystal.conversion import known_frame
from sayre.crystal.resolution import ShellCurve
from sayre.data import Crystal
from sayre.figures.phasing import resolution_text
from sayre.figures.surface import body
from sayre.workflows.outcome import RunOutcome
from sayre.workflows.report.facts import across, crystal_axes, inside, strain_rms, strain_scatter
from sayre.workflows.report.findings import edges, opening
from sayre.workflows.report.html import items
from sayre.workflows.report.verdict import Level, checks, verdict


class Card(NamedTuple):
    """A question with its answer in a few words, and more in a sentence or two."""

    question: str
    answer: str
    more: str
    level: Level | None = None


def cards(outcome: RunOutcome) -> list[Card]:
    """Return the answers to the first questions."""
    judged = verdict(checks(outcome))
    crystal = outcome.result.crystal
    return [
        Card("Is it good?", judged.name, judged.text, judged.level),
        _size(crystal),
        _strain(outcome),
        _resolution(outcome),
    ]


def opening_html(outcome: RunOutcome) -> str:
    """Return the head of the page: the answers, the warnings, the checks."""
    shown = "".join(
        f'<div class="card {card.level or ""}"><div class="question">{escape(card.question)}</div>'
        f'<div class="answer">{escape(card.answer)}</div><div class="more">{escape(card.more)}</div></div>'
        for card in cards(outcome)
    )
    marks = {"good": "passed", "care": "with care", "bad": "failed"}
    told = "".join(
        f'<li><span class="mark {check.level}">{marks[check.level]}</span>'
        f"<b>{escape(check.name)}</b><span>{escape(check.text)}</span></li>"
        for check in checks(outcome)
    )
    parts = [f'<div class="cards">{shown}</div>', f"<p>{escape(opening(outcome))}</p>"]
    if outcome.warnings:
        parts += ["<h3>Warnings</h3>", items(outcome.warnings, "warnings")]
    if outcome.notes:
        parts += ["<h3>News</h3>", items(outcome.notes)]
    parts.append(f'<h3>Checks</h3><ul class="checks">{told}</ul>')
    return "\n".join(parts)


def _size(crystal: Crystal) -> Card:
    inner = body(crystal.amplitude, crystal.support)
    if not inner.any():
        return Card("How big?", "not known", "No voxel lies within the surface.")
    extents = np.ptp(np.argwhere(inner), axis=0) + 1
    along = f"Along {', '.join(crystal_axes(crystal))}"
    if crystal.voxel_size is None:
        text = " × ".join(str(int(n)) for n in extents)
        return Card("How big?", f"{text} voxels", f"{along}. A geometry (--geometry) gives nm.")
    lengths = extents * np.array(crystal.voxel_size)
    like = f"as much as a {'sphere' if inner.ndim == 3 else 'disc'} of {across(crystal):.3g} nm"
    return Card(
        "How big?", f"{' × '.join(f'{n:.3g}' for n in lengths)} nm", f"{along}; it holds {like} across."
    )


def _strain(outcome: RunOutcome) -> Card:
    crystal, phased = outcome.result.crystal, outcome.result.phased
    inner = body(crystal.amplitude, crystal.support)
    strain = inside(crystal.strain, inner)
    displacement = inside(crystal.displacement, inner)
    rms = strain_rms(crystal)
    if strain is None or rms is None:
        more = "A geometry (--geometry) gives it."
        if displacement is not None:
            low, high = np.percentile(displacement, (1, 99))
            more += f" Displacement {low:.2g} to {high:.2g} Å in 98 % of the voxels."
        return Card("What strain?", "not known", more)
    low, high = 100 * np.percentile(strain, (1, 99))
    more = (
        f"{low:.2g} to {high:.2g} % in 98 % of the voxels within the surface, relative to their mean lattice"
    )
    if displacement is not None:
        low, high = np.percentile(displacement, (1, 99))
        more += f"; displacement {low:.2g} to {high:.2g} Å"
    frame = known_frame(phased.object.shape, outcome.result.scan, phased.pattern.grid)
    scatter = strain_scatter(phased.averaged, frame)
    if scatter is not None:
        more += (
            f". From start to start alone it scatters by {100 * scatter:.2g} % (standard deviation between "
            f"the {len(phased.averaged)} averaged, rms over the voxels as phased); what all starts have "
            "wrong comes on top"
        )
    return Card("What strain?", f"{100 * rms:.2g} % rms", f"{more}.")


def _resolution(outcome: RunOutcome) -> Card:
    """The width of the surface, or what the curves tell."""
    unit = "voxels" if outcome.result.crystal.voxel_size is None else "nm"
    sharp, told = edges(outcome.result.crystal), _periods(outcome.curves)
    if sharp:
        widths = " × ".join(edge.text(outcome.result.crystal.voxel_size) for edge in sharp)
        names = ", ".join(edge.name for edge in sharp)
        return Card("How fine?", f"{widths} {unit}", f"Width of the surface along {names}. {told}".rstrip())
    known = [curve for curve in outcome.curves.values() if np.isfinite(curve.resolution)]
    if not known:
        return Card("How fine?", "not known", told)
    worst = max(known, key=lambda curve: curve.resolution)
    return Card("How fine?", f"{worst.resolution:.3g} {worst.unit}", f"Full period. {told}")


def _periods(curves: Mapping[str, ShellCurve]) -> str:
    """What the curves tell, in a sentence or two."""
    if not curves:
        return ""
    limited = {name: curve for name, curve in curves.items() if curve.limited_by_detector}
    parts = [f"{name}: {resolution_text(curve)}" for name, curve in curves.items() if name not in limited]
    if limited:
        end = max(curve.resolution for curve in limited.values())
        unit = next(iter(limited.values())).unit
        stay = "stay above their thresholds"
        if len(limited) == 1:
            plural = next(iter(limited)).endswith("counts")  # unseen counts
            stay = "stay above their threshold" if plural else "stays above its threshold"
        parts.append(f"{', '.join(limited)} {stay} to where whole shells end, a period of {end:.3g} {unit}")
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."
