"""Is it good? The checks of a result, the worst of which is the verdict."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

import numpy as np

from sayre.data import FilledPattern
from sayre.data.shown import number
from sayre.retrieval.choice.modes import TRUSTED
from sayre.retrieval.choice.select import most_selected
from sayre.retrieval.doubts import ABOVE_NOISE, OVERFIT, UNEXPLAINED, UNLIKELY, noise_residual, two_of
from sayre.retrieval.phased import Phased
from sayre.workflows.outcome import RunOutcome
from sayre.workflows.report.facts import AXES, EFFECTS, filled_share

Level = Literal["good", "care", "bad"]
LEVELS: tuple[Level, ...] = ("good", "care", "bad")
WORDS: dict[Level, str] = {"good": "Good", "care": "Usable with care", "bad": "Do not trust it"}

SURE, DIFFERENT = 0.95, 0.2
"""Starts agree if their agreement is at least the first and their scatter at most the second."""
EXPLAINED, USUAL = 1.0, 2.0
"""Half deviance up to which counts are explained almost to photon noise; that of unseen voxels over that of
the used ones up to which they are predicted as well as is usual."""
MOSTLY_MEASURED = 0.1
"""Of the photons, up to which what was filled in is little."""


class Check(NamedTuple):
    """One check of a result: what is looked at, how it came out, and the numbers in a sentence."""

    name: str
    level: Level
    text: str


def checks(outcome: RunOutcome) -> list[Check]:
    """Return the checks of a run, the most telling first."""
    found = outcome.result.phased
    made = [
        _agreement(found, outcome.manifest.config.get("keep")),
        _explained(found),
        _predicted(found),
        _effects(found),
        _sampled(found),
    ]
    if isinstance(outcome.pattern, FilledPattern):
        made.append(_filled(outcome.pattern))
    made.append(_one_valued(outcome))
    return [check for check in made if check is not None]


def verdict(made: list[Check]) -> Check:
    """Return the worst level, in words, with what led to it."""
    worst = max((check.level for check in made), key=LEVELS.index)
    reasons = [check.name for check in made if check.level == worst]
    if worst == "good":
        return Check(WORDS[worst], worst, "It passes every check.")
    told = ", ".join(reason[0].lower() + reason[1:] for reason in reasons)
    how = "These checks fail" if worst == "bad" else "Look at"
    return Check(WORDS[worst], worst, f"{how}: {told}.")


def _agreement(found: Phased, keep: object = None) -> Check:
    """How far the averaged starts agree; `keep` is the fraction of the starts to average at most."""
    name, agreement, scatter = "Agreement of the starts", found.agreement, found.modes.scatter
    if not np.isfinite(agreement):
        made = len(found.runs)
        text = f"One start of {made} is kept and no other confirms it: another may give another crystal."
        finished = sum(not run.failed for run in found.runs)
        if isinstance(keep, float | int) and finished and most_selected(finished, keep) < 2:
            more = re.sub(r"`(\w+)=([^`]*)`", r"--\1 \2", two_of(keep, made, finished))
            text += f" It is one by the settings (--keep {keep:g}): {more}."
        return Check(name, "bad" if made > 1 else "care", text)
    text = f"Complex correlation {agreement:.3f} of those averaged"
    if np.isfinite(scatter):
        text += f"; another set of starts would differ by {100 * scatter:.0f} %"
    level: Level = "bad" if agreement < TRUSTED else "good"
    if level == "good" and (agreement < SURE or scatter > DIFFERENT):
        level = "care"
    return Check(
        name,
        level,
        f"{text} (to trust: {TRUSTED:g} and more; good: {SURE:g}, and {100 * DIFFERENT:.0f} % at most).",
    )


def _explained(found: Phased) -> Check:
    noise = noise_residual(found.expected, found.pattern.measured)
    text = (
        f"R = {number(found.residual, '.3f')}, photon noise alone gives {noise:.2g}; half the Poisson "
        "deviance is "
        f"{number(found.likelihood)} a voxel, noise alone about 0.5."
    )
    level: Level = "good" if found.likelihood <= EXPLAINED else "care"
    if found.residual > max(UNEXPLAINED, ABOVE_NOISE * noise):
        level = "bad"
    return Check("Fit to the counts", level, text)


def _predicted(found: Phased) -> Check | None:
    free, used = found.free_likelihood, found.likelihood
    if not np.isfinite(free):
        return None
    ratio = free / max(used, 0.5)
    level: Level = "good" if ratio <= USUAL else "bad" if ratio > OVERFIT else "care"
    text = f"Half deviance of voxels that phasing never saw: {free:.3g}, against {used:.3g} of those used."
    return Check("Prediction of unseen counts", level, text)


def _effects(found: Phased) -> Check | None:
    name, model = "Beam and detector", found.nuisances
    if model is None:
        return None
    for what, factors in (("flux of the frames", model.frames), ("response of the pixels", model.gains)):
        scatter = 0.0 if factors is None else float(np.log(factors).std())
        if scatter > UNLIKELY:
            return Check(
                name, "bad", f"The {what} is found to scatter by {100 * scatter:.0f} %, which is unlikely."
            )
    noticed = ", ".join(EFFECTS[kind] for kind in model.noticed)
    return Check(name, "good", f"Noticed and taken out: {noticed}." if noticed else "None to be noticed.")


def _sampled(found: Phased) -> Check:
    names = AXES[-len(found.oversampling) :]
    unknown = [name for name, ratio in zip(names, found.oversampling, strict=True) if np.isnan(ratio)]
    if unknown:
        text = (
            "The oversampling ratio cannot be told from the counts "
            f"along {', '.join(unknown)}: noise, a gap, or too coarse."
        )
        return Check("Sampling", "care", text)
    least = min(found.oversampling)
    return Check("Sampling", "good", f"Least oversampling ratio {least:.2f}; 2 is needed.")


def _filled(filled: FilledPattern) -> Check:
    share = filled_share(filled)
    text = f"{100 * share:.2g} % of the photons are estimates in gaps, filled by {filled.method}."
    return Check("What was filled in", "good" if share <= MOSTLY_MEASURED else "care", text)


def _one_valued(outcome: RunOutcome) -> Check | None:
    cut = outcome.result.crystal.metrics.get("cut_voxels", 0)
    lines = outcome.result.crystal.metrics.get("vortex_lines", 0)
    if not cut:
        return Check("Jumps of the displacement", "good", "The phase has no jump that cannot be unwrapped.")
    text = (
        f"The displacement jumps at {cut} voxels, from {lines} "
        "phase vortices (dislocations or noise); the strain does not."
    )
    return Check("Jumps of the displacement", "care", text)
