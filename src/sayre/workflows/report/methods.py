"""The methods paragraph of a paper, of what was done in this run, with the works that it cites."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

from sayre._version import __version__
from sayre.data import FilledPattern
from sayre.numerics.gaps import describe_gaps
from sayre.retrieval.phased import Phased
from sayre.workflows.outcome import RunOutcome
from sayre.workflows.reconstruction import UNSEEN
from sayre.workflows.report.facts import EFFECTS, sizes
from sayre.workflows.report.findings import edges
from sayre.workflows.report.references import ALGORITHMS, bibtex


class Methods(NamedTuple):
    """A paragraph with keys in square brackets, and the BibTeX of these keys."""

    text: str
    bibtex: str


def methods(outcome: RunOutcome) -> Methods:
    """Write the paragraph; numbers and steps are those of the run."""
    sentences = [
        _counts(outcome),
        *_filling(outcome),
        *_phasing(outcome),
        *_selected(outcome.result.phased),
        *_refined(outcome.result.phased),
        *_crystal(outcome),
        *_resolution(outcome),
    ]
    text = " ".join(sentences)
    keys = [key for found in re.findall(r"\[([A-Za-z0-9, ]+)\]", text) for key in found.split(", ")]
    return Methods(text, bibtex(key for key in keys if key != "Sayre"))


def _counts(outcome: RunOutcome) -> str:
    pattern = outcome.pattern.measured
    facts = [f"{float(pattern.intensity.sum(dtype=float)):.3g} photons in {sizes(pattern.shape)} voxels"]
    if pattern.meta.energy is not None:
        facts.append(f"{pattern.meta.energy / 1000:g} keV")
    reflection = outcome.result.scan.hkl
    peak = "The Bragg peak" if reflection is None else f"The {' '.join(map(str, reflection))} Bragg peak"
    return f"{peak} ({', '.join(facts)}) was analysed with Sayre {__version__} [Sayre]."


def _filling(outcome: RunOutcome) -> list[str]:
    filled = outcome.pattern
    if not isinstance(filled, FilledPattern):
        return []
    share = 100 * float(filled.mask.mean())
    text = (
        f"Voxels that were not measured ({describe_gaps(filled.gaps)}; {share:.2g} % of all) were filled by "
    )
    before, after = filled.method, ""
    if outcome.manifest.config.get("method") == "auto" and before.startswith("crystal + "):
        before = before.removeprefix("crystal + ")
        after = "; in the end by the counts that the crystal is expected to scatter there, as far as hidden "
        after += "copies of the gaps confirm them"
    text += f"the method {before}"
    stated = np.isfinite(filled.sigma).all() and outcome.manifest.config.get("gaps") == "bounded"
    if stated:
        sigmas = outcome.manifest.config.get("sigmas")
        text += f", and their amplitudes were bounded by {sigmas:g} of the standard errors that it states"
    return [text + after + "."]


def _phasing(outcome: RunOutcome) -> list[str]:
    found = outcome.result.phased
    left_out = "" if found.middle_shape else r"\bWHOLE\b.*?(\bWIDE\b|$)"
    iterated = re.sub(left_out, "", found.recipe, flags=re.DOTALL)
    words = list(dict.fromkeys(re.findall(r"[A-Z]{2,}", iterated)))
    steps = [_cited(*ALGORITHMS[word]) for word in words if word in ALGORITHMS]
    starts = f"{len(found.runs)} start{'s' if len(found.runs) > 1 else ''}"
    text = f"The phase was retrieved from {starts} by {_listed(steps)}"
    if "SW" in words:
        text += ", with shrink-wrap updates of the support [Marchesini2003]"
    if "PSF" in words:
        text += " and Richardson-Lucy updates of the point spread [Clark2012]"
    told = [f"{text} (recipe {found.recipe}{found.recipe_note})."]
    free = outcome.manifest.config.get("free")
    if free and np.isfinite(found.free_likelihood):
        told.append(f"{100 * free:g} % of the voxels were left free for cross-validation.")
    return told


def _selected(found: Phased) -> list[str]:
    if len(found.selected) < 2:
        return []
    text = (
        f"The {len(found.selected)} starts that predict the free voxels best and agree were aligned "
        "[GuizarSicairos2008]"
    )
    if found.best is None:
        text += " and averaged by their first mode [FavreNicolin2020]"
    else:
        text += (
            f"; the result is that of start {found.best} (counted from 0), which "
            "explains the counts better than their first mode [FavreNicolin2020]"
        )
    text += f"; their complex correlation is {found.agreement:.3f}"
    if np.isfinite(found.modes.scatter):
        text += f", and another set of starts is expected to differ by {100 * found.modes.scatter:.0f} %"
    told = [text + "."]
    if found.of_mean:
        told.append("Their mean was refined by maximum likelihood.")
    return told


def _refined(found: Phased) -> list[str]:
    text = f"The object explains the counts to R = {found.residual:.3f}"
    if found.nuisances is not None and found.nuisances.kinds:
        names = ", ".join(EFFECTS[kind] for kind in found.nuisances.kinds)
        text += f", refined by maximum likelihood under a model of {names}"
    return [text + "."]


def _crystal(outcome: RunOutcome) -> list[str]:
    crystal, told = outcome.result.crystal, []
    if crystal.strain is not None:
        told.append("The strain was taken from wrapped differences of the phase along the scattering vector.")
    if crystal.displacement is not None:
        paths = "by paths sorted by reliability [Herraez2002, AbdulRahman2007]"
        told.append(f"For the displacement the phase was unwrapped {paths}.")
    if crystal.orthogonal and crystal.axes is not None and crystal.voxel_size is not None:
        told.append(f"The crystal was interpolated to cubic voxels of {crystal.voxel_size[0]:.3g} nm.")
    return told


_CURVES = {
    "PRTF": "the phase retrieval transfer function [Chapman2006] against 1/e",
    "FSC": "the Fourier shell correlation [Harauz1986] of two halves of the starts against the half-bit "
    "criterion [vanHeel2005]",
    UNSEEN: "the correlation of counts that phasing never saw with their expectation against 1/2",
}


_ENDS = " (where whole shells end)"


def _resolution(outcome: RunOutcome) -> list[str]:
    told = [
        f"{curve.resolution:.3g} {curve.unit}{_ENDS if curve.limited_by_detector else ''} by {_CURVES[name]}"
        for name, curve in outcome.curves.items()
        if name in _CURVES and np.isfinite(curve.resolution)
    ]
    sentences = [f"The resolution (full period) is {_listed(told)}."] if told else []
    sharp = edges(outcome.result.crystal)
    if sharp:
        unit = "voxels" if outcome.result.crystal.voxel_size is None else "nm"
        widths = ", ".join(edge.text(outcome.result.crystal.voxel_size) for edge in sharp)
        names = ", ".join(edge.name for edge in sharp)
        sentences.append(f"The surface is {widths} {unit} wide (full width at half maximum) along {names}.")
    return sentences


def _cited(name: str, keys: tuple[str, ...]) -> str:
    return f"{name} [{', '.join(keys)}]" if keys else name


def _listed(words: list[str]) -> str:
    if len(words) < 2:
        return "".join(words) or "iterations"
    return f"{', '.join(words[:-1])} and {words[-1]}"
