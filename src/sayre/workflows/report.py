"""The report of a run: numbers and pictures in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sayre.data import Crystal, FilledPattern
from sayre.data.json_text import to_json
from sayre.data.shown import number
from sayre.figures.crystal import crystal_figure
from sayre.figures.explained import explained_figure
from sayre.figures.filling import filling_figure, save_figure
from sayre.figures.phasing import convergence_figure, resolution_figure, resolution_text
from sayre.numerics.gaps import describe_gaps
from sayre.retrieval.sampling import ratios_text
from sayre.retrieval.settings import Settings
from sayre.workflows.outcome import RunOutcome, values_inside

Row = tuple[str, str]


def draw(outcome: RunOutcome) -> list[str]:
    """Write the pictures of a run to its folder; returns their names."""
    name, found, figures = outcome.pattern.meta.source or "", outcome.result.phased, {}
    if isinstance(outcome.pattern, FilledPattern):
        figures["filling.png"] = filling_figure(outcome.pattern, title=name)
    figures["crystal.png"] = crystal_figure(outcome.result.crystal, title=name)
    settings = Settings(free=outcome.manifest.config["free"], seed=outcome.manifest.config["seed"])
    figures["explained.png"] = explained_figure(found, settings, title=name)
    figures["convergence.png"] = convergence_figure(found.runs, found.selected)
    if outcome.curves:
        figures["resolution.png"] = resolution_figure(outcome.curves)
    for file, figure in figures.items():
        save_figure(figure, outcome.folder / file)
    return list(figures)


def report(outcome: RunOutcome) -> str:
    """Markdown with the pictures beside it."""
    name = outcome.pattern.meta.source or "a pattern"
    parts = [f"# {name}", _opening(outcome), "## Counts", _table(_counts(outcome))]
    parts += _picture(outcome, "filling.png", "as measured, filled, and the stated error")
    parts += ["## Crystal", *_picture(outcome, "crystal.png", "slices and surface")]
    parts += [
        _table(_crystal(outcome.result.crystal)),
        "## Beam and detector",
        *_picture(outcome, "explained.png", "measured and expected counts, and their residuals"),
        _measurement(outcome),
        "## Starts",
    ]
    parts += [*_picture(outcome, "convergence.png", "residuals of all starts"), _starts(outcome)]
    parts += ["## Resolution", *_picture(outcome, "resolution.png", "PRTF and FSC"), _resolution(outcome)]
    if outcome.warnings:
        parts += ["## Warnings", "\n".join(f"- {text}" for text in outcome.warnings)]
    parts += ["## How it was made", _made(outcome)]
    return "\n\n".join(parts) + "\n"


def _opening(outcome: RunOutcome) -> str:
    found = outcome.result.phased
    failed = sum(bool(run.failed) for run in found.runs)
    text = (
        f"{len(found.selected)} of {len(found.runs)} starts averaged"
        f"{f', {failed} failed' if failed else ''}{found.random_text}: R = {number(found.residual, '.3f')}."
    )
    if found.best is not None and len(found.selected) > 1:
        text += (
            f" The object is that of start {found.best}, which explains the counts better than the average."
        )
    if np.isfinite(found.agreement):
        text += f" They agree to {found.agreement:.3f} (complex correlation with the middle one)."
    if np.isfinite(found.modes.scatter):
        text += f" Another set of starts would differ by {100 * found.modes.scatter:.0f} % (‖a − b‖/‖a‖)."
    else:
        text += (
            " From one start it is not known how much another set of starts would differ: that takes two "
            "that are averaged, which more starts may give."
        )
    return text


def _counts(outcome: RunOutcome) -> list[Row]:
    pattern, found = outcome.pattern.measured, outcome.result.phased
    rows = [
        ("voxels (rocking, row, column)" if len(pattern.shape) == 3 else "voxels", _sizes(pattern.shape)),
        ("photons measured", f"{float(pattern.intensity.sum(dtype=float)):.4g}"),
        ("brightest voxel", f"{float(pattern.intensity.max()):.4g}"),
        ("not measured", f"{100 * float(pattern.mask.mean()):.2g} % of the voxels"),
    ]
    if pattern.meta.corrections is not None:
        rows.append(("corrected", pattern.meta.corrections))
    if isinstance(outcome.pattern, FilledPattern):
        shown = describe_gaps(pattern.gaps, 4)
        added = float(outcome.pattern.intensity[pattern.mask].sum(dtype=float))
        share = 100 * added / max(added + float(pattern.intensity.sum(dtype=float)), 1.0)
        photons = f"{added:.4g}, {share:.2g} % of all"
        rows += [("gaps", shown), ("filled by", outcome.pattern.method), ("photons filled in", photons)]
    binning = outcome.manifest.config["binning"]
    if max(binning) > 1:
        rows.append(("binned", f"{_sizes(binning)} to a voxel"))
    return [
        *rows,
        ("phased", f"{_sizes(found.object.shape)}, from voxel {_sizes(found.origin, ', ')} of the file"),
        ("oversampling ratio", ratios_text(found.oversampling)),
    ]


def _crystal(crystal: Crystal) -> list[Row]:
    rows = [(f"voxels of the support ({_frame(crystal)})", f"{int(crystal.support.sum())}")]
    extents = np.ptp(np.argwhere(crystal.support), axis=0) + 1
    if crystal.voxel_size is None:
        rows.append(("extent along the axes", f"{_sizes(extents)} voxels"))
    else:
        size = np.array(crystal.voxel_size)
        rows += [
            ("voxel", f"{' × '.join(f'{s:.3g}' for s in size)} nm"),
            ("extent along the axes", f"{' × '.join(f'{s:.3g}' for s in extents * size)} nm"),
        ]
        frame = np.eye(len(size)) if crystal.axes is None else crystal.axes
        volume = abs(float(np.linalg.det(frame))) * float(size.prod()) * int(crystal.support.sum())
        rows.append(
            ("volume" if len(size) == 3 else "area", f"{volume:.4g} nm{'³' if len(size) == 3 else '²'}")
        )
    if crystal.hkl is not None:
        rows.append(("reflection", " ".join(map(str, crystal.hkl))))
    if crystal.g is not None:
        rows.append(("modulus of G", f"{crystal.g:.4f} 1/Å"))
    displacement, strain = values_inside(crystal, "displacement"), values_inside(crystal, "strain")
    if displacement is not None:
        rows.append(("displacement, 1 to 99 % of the voxels", _spread(displacement, "Å")))
    if strain is not None:
        rms = float(np.sqrt(np.mean(strain**2)))
        rows += [
            ("strain, 1 to 99 % of the voxels", _spread(100 * strain, "%")),
            ("strain, root mean square", f"{100 * rms:.3g} %"),
        ]
    for name in ("vortex_lines", "cut_voxels"):
        if crystal.metrics.get(name):
            rows.append((name.replace("_", " "), str(crystal.metrics[name])))
    return rows


def _frame(crystal: Crystal) -> str:
    """Whose voxels the crystal is on: those that were phased, or cubes of the laboratory or the sample."""
    if crystal.axes is None or not crystal.orthogonal:
        return "as phased"
    of_laboratory = np.allclose(crystal.axes, np.eye(3)[::-1], atol=1e-6)
    return "cubes of the laboratory" if of_laboratory else "cubes of the sample frame"


def _spread(values: Any, unit: str) -> str:
    low, high = np.percentile(values, (1, 99))
    return f"{low:.3g} to {high:.3g} {unit}"


def _starts(outcome: RunOutcome) -> str:
    found = outcome.result.phased
    free = any(np.isfinite(run.free_likelihood) for run in found.runs)
    names = ["start", "R", "−log likelihood", *(["free"] if free else []), "support", ""]
    head = f"| {' | '.join(names)} |\n{'|---' * len(names)}|\n"
    notes = dict.fromkeys(found.selected, "averaged") | {found.selected[0]: "averaged, the middle one"}
    rows = (
        f"| {run.index} | {number(run.residual, '.3f')} | {number(run.likelihood)} | "
        f"{number(run.free_likelihood) + ' | ' if free else ''}"
        f"{int(run.support.sum())} | {run.failed or notes.get(run.index, '')} |"
        for run in found.runs
    )
    unseen = "*free* the same of voxels that phasing never saw; " if free else ""
    recipe = (
        f"Recipe: `{found.recipe}`; the support of the result is where the amplitude exceeds "
        f"{found.threshold:g} times its reference."
    )
    later = "the steps that follow `WIDE` in the recipe, which iterate the averaged starts on a larger array"
    if found.nuisances is not None:
        later += ", and before the refinement under effects of beam and detector"
    legend = (
        "Starts are counted from 0. R is the amplitude residual over the measured voxels; −log likelihood "
        f"half the Poisson deviance a voxel; {unseen}support the voxels that a start was iterated in. The "
        f"table shows the starts before {later}: residuals and likelihoods of the result are others. Its "
        f"support has {int(found.support.sum())} of the same voxels: it is taken of the amplitude as it is, "
        "those of the starts of the smoothed amplitude of shrink-wrap, which is wider."
    )
    if len(found.selected) > 1:
        weights = ", ".join(f"{weight:.3f}" for weight in found.modes.weights)
        legend += (
            f"\n\nWeights of the modes of the averaged starts: {weights}. The first is their average; the "
            "others hold what differs between the starts."
        )
    return f"{recipe}\n\n{head}" + "\n".join(rows) + f"\n\n{legend}"


def _measurement(outcome: RunOutcome) -> str:
    """Return what the measurement did to the counts, a line each."""
    found = outcome.result.phased
    fit = f"Half the Poisson deviance is {number(found.likelihood)} a voxel"
    if np.isfinite(found.free_likelihood):
        fit += f", and {found.free_likelihood:.3g} in voxels that phasing never saw"
    lines = [f"- {fit}; 0.5 is photon noise where counts are high, less in the dark."]
    if found.nuisances is None:
        lines.append(f"- Not refined under effects of beam and detector: {found.unrefined}.")
        return "\n".join(lines)
    told = found.nuisances.sentences() or ["No effect of beam or detector helps to predict unseen voxels."]
    return "\n".join([*lines, *(f"- {sentence}" for sentence in told)])


def _resolution(outcome: RunOutcome) -> str:
    if not outcome.curves:
        return (
            "Not known: PRTF and FSC tell how far starts agree, and take two or more that are averaged. The "
            "PRTF of a single one is 1 everywhere."
        )
    lines = [f"- {name}: {resolution_text(curve)}" for name, curve in outcome.curves.items()]
    lines.append(
        "\nThe resolution is a full period. The FSC compares two halves of the averaged starts, which "
        "share the counts."
    )
    return "\n".join(lines)


def _made(outcome: RunOutcome) -> str:
    manifest = outcome.manifest
    config = to_json(manifest.config, indent=1, sort_keys=True, ensure_ascii=False)
    versions = ", ".join(f"{name} {version}" for name, version in manifest.versions.items())
    return (
        f"`{manifest.command}`, {manifest.seconds} s on {manifest.device}; {versions}. `manifest.json` "
        f"holds all of it.\n\n```json\n{config}\n```"
    )


def _picture(outcome: RunOutcome, file: str, alternative: str) -> list[str]:
    return [f"![{alternative}]({file})"] if file in outcome.files else []


def _table(rows: Sequence[Row]) -> str:
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def _sizes(shape: Any, between: str = " × ") -> str:
    return between.join(str(int(n)) for n in shape)
