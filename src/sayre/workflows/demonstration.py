"""A simulated peak with a detector gap: filled, phased, drawn and scored against the truth."""

from __future__ import annotations

import shlex
import time
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from sayre import files
from sayre.crystal.scan import Scan
from sayre.data import FilledPattern, Manifest, SimulatedPattern
from sayre.data.elements import element
from sayre.detectors import masks
from sayre.errors import InputError
from sayre.files.atomic import replacing
from sayre.filling.fill import inpaint
from sayre.filling.scores import Score, score
from sayre.filling.settings import METHODS
from sayre.numerics.fourier import to_object
from sayre.retrieval.choice.align import align, correlation
from sayre.retrieval.phasing import Watch
from sayre.retrieval.prepare import around_peak
from sayre.retrieval.settings import Gaps, Settings
from sayre.simulation.peak import simulate
from sayre.workflows.evaluate import table
from sayre.workflows.jobs.job import collected_warnings
from sayre.workflows.jobs.progress import Bar
from sayre.workflows.outcome import RunOutcome
from sayre.workflows.reconstruction import Reconstruction, reconstruct, resolution_curves
from sayre.workflows.report import Beside, draw, html_report, report

SEED, SIZE, RUNS = 7, 64, 4
"""Of the simulation; of the part that is phased, voxels a side; starts."""
FILES = (
    "filled.npz",
    "object.npz",
    "pattern.png",
    "filling.png",
    "profile.png",
    "crystal.png",
    "explained.png",
    "convergence.png",
    "resolution.png",
    "report.md",
    "report.html",
)


class Phasing(NamedTuple):
    """What phasing found with the gap treated in one way; `correlation` is complex, with the truth."""

    gaps: str
    residual: float
    correlation: float
    seconds: float


class Demonstration(NamedTuple):
    """Scores of the fillings and of phasing."""

    fillings: list[Score]
    phasings: list[Phasing]


def demonstrate(folder: Path, bar: Bar) -> Demonstration:
    """Simulate, fill, phase, draw and score; write `FILES` to `folder`.

    Parameters
    ----------
    folder
        Made where it is missing.
    bar
        Shows the progress.

    Raises
    ------
    InputError
        The folder cannot be made or written to.
    """
    started = time.perf_counter()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be made a folder: {error.strerror}; choose another `folder=`"
        ) from None
    truth = _simulated()
    filled, scores = _fillings(truth, bar)
    best = next(iter(filled.values()))
    with collected_warnings() as told:
        found, phasing = _phased(best, truth, "bounded", bar)
    _, without = _phased(best, truth, "zero", bar)
    manifest = Manifest.collect("sayre demo", started=started, seed=SEED)
    files.save(folder / "filled.npz", best, manifest, force=True)
    files.save(folder / "object.npz", found.crystal, manifest, force=True)
    made = Demonstration(scores, [phasing, without])
    outcome = RunOutcome(
        folder=folder,
        pattern=best,
        result=found,
        curves=resolution_curves(found.phased, found.scan.geometry),
        manifest=manifest,
        warnings=tuple(told.warnings),
        notes=tuple(told.notes),
    )
    others = _others(filled, best)
    _report(outcome, Beside(fillings=others, truth=truth.expectation, remarks=remarks(made)))
    return made


def _others(filled: dict[str, FilledPattern], best: FilledPattern) -> dict[str, NDArray[np.float32]]:
    """Two fillings to show beside the best one."""
    names = [name for name in ("wiener", "linear") if name in filled and name != best.method]
    return {name: filled[name].intensity for name in names}


def _report(outcome: RunOutcome, beside: Beside) -> None:
    """Draw the pictures, and write page and Markdown."""
    outcome = replace(outcome, files=tuple(draw(outcome, beside)))
    title = "A simulated Pt nanocrystal, 111 peak, with a cross of 6 voxels that was not measured"
    command = f"sayre demo --out {shlex.quote(str(outcome.folder))}"
    page = html_report(outcome, command, beside=beside, title=title)
    for name, text in (("report.md", report(outcome)), ("report.html", page)):
        with replacing(outcome.folder / name, force=True) as file:
            file.write(text.encode())


def remarks(made: Demonstration) -> tuple[str, ...]:
    """Return the scores against the truth as lines of fixed width."""
    lines = [
        "A 6-voxel cross gap in a simulated Pt(111) peak, scored against the noise-free truth:",
        *table(made.fillings).splitlines(),
        "",
        "Phased, and the complex correlation with the true crystal:",
    ]
    for gap, line in zip(("gap filled", "gap taken as dark"), made.phasings, strict=True):
        lines.append(f"{gap:<18} {line.correlation:.3f}   R = {line.residual:.3f}   {line.seconds:.1f} s")
    return tuple(lines)


def _simulated() -> SimulatedPattern:
    """A Pt crystal on its 111 facet, the rocking axis along G, rows and columns turned about it."""
    up, side = np.array([1, 1, 1]) / np.sqrt(3), np.array([1, -1, 0]) / np.sqrt(2)
    axes = Rotation.from_rotvec(0.35 * up).apply([up, side, np.cross(up, side)])
    return simulate(
        "winterbottom",
        element="Pt",
        oversampling=3.5,
        max_counts=3e6,
        phase_range=1.5,
        rotate=axes,
        generator=np.random.default_rng(SEED),
    )


def _fillings(truth: SimulatedPattern, bar: Bar) -> tuple[dict[str, FilledPattern], list[Score]]:
    """The gap filled by every method, the best one first."""
    cross = masks.cross(truth.pattern.shape, axes=(1, 2), starts=(70, 46), widths=(6, 6))
    gapped = truth.pattern.with_mask(cross)
    filled: dict[str, FilledPattern] = {}
    scores = []
    methods = [name for name in METHODS if name not in ("stack", "crystal", "unet", "biharmonic")]
    with bar("filling") as advance:
        for done, method in enumerate(methods):
            began = time.perf_counter()
            result = inpaint(gapped, method=method)
            seconds = time.perf_counter() - began
            if result.method not in filled:
                filled[result.method] = result
                scores.append(score(result, cross, truth=truth.expectation, seconds=seconds))
            advance((done + 1) / len(methods))
    return filled, scores


def _phased(
    filled: FilledPattern, truth: SimulatedPattern, gaps: Gaps, bar: Bar
) -> tuple[Reconstruction, Phasing]:
    began = time.perf_counter()
    particle = truth.particle
    assert particle is not None
    scan = Scan(lattice_constant=element(particle.species).lattice_constant, along=0)
    settings = Settings(recipe="quick", runs=RUNS, gaps=gaps)
    with bar("phasing") as advance:
        found = reconstruct(
            around_peak(filled, SIZE),
            settings,
            scan,
            watch=Watch(report=lambda now: advance(now.fraction, now.note(RUNS))),
        )
    obj = found.phased.object
    box = tuple(
        slice(n // 2 - m // 2, n // 2 + m // 2) for n, m in zip(truth.amplitude.shape, obj.shape, strict=True)
    )
    right = to_object(truth.amplitude[box]).astype(np.complex64)
    agreement = correlation(align(obj, right), right)
    return found, Phasing(gaps, found.phased.residual, agreement, time.perf_counter() - began)
