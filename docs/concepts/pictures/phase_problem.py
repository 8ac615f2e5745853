"""Figures of the page on the phase problem: what counts cannot tell, and what starts and curves do tell."""

from __future__ import annotations

import warnings
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

import sayre
from sayre.crystal.resolution import ShellCurve, fsc, prtf
from sayre.data import Pattern
from sayre.errors import SayreWarning
from sayre.numerics.fourier import to_detector
from sayre.retrieval.choice.align import align, aligned, correlation, twin
from sayre.simulation.strained.voxels import VoxelCrystal, VoxelPopulation
from sayre.simulation.strained.voxels import draw as draw_crystal

from .style import COLOURS, EMPTY, STYLE, figure, plain, save, simple_ticks

Objects = NDArray[np.complex64]
SIDE = 96
STARTS = 12
ALGORITHMS = ("ER", "HIO", "RAAR")
HIO = "(HIO*20 + SW)**12, ER*20"
BLUR = 0.7
"""Standard deviation, in voxels, of a point spread that phase retrieval is not told of."""


def crystal(phase_range: float, seed: int) -> VoxelCrystal:
    """A 2D crystal with a smooth displacement of a phase range in rad."""
    population = VoxelPopulation(
        side=SIDE,
        dimensions=2,
        oversampling=(2.9, 3.1),
        anisotropy=1.2,
        phase_range=(phase_range, phase_range),
        dislocation=0,
        misfit=0,
        max_counts=(1e7, 1e7),
    )
    return draw_crystal(population, np.random.default_rng(seed))


def alike(obj: Objects) -> dict[str, Objects]:
    """Objects that scatter the same counts as one."""
    return {
        "an object": obj,
        "moved": np.roll(obj, (5, -7), (0, 1)),
        "global phase": (obj * np.exp(2j)).astype(np.complex64),
        "conjugate twin": twin(obj),
    }


class Descent(NamedTuple):
    """Residuals R of starts by iteration, of each algorithm, and how their objects agree with the truth."""

    iterations: NDArray[np.intp]
    residuals: dict[str, NDArray[np.float64]]
    right: dict[str, NDArray[np.float64]]


def counted(expected: NDArray[np.floating[Any]], seed: int) -> Pattern:
    """Photons of expected counts."""
    return Pattern.from_counts(np.random.default_rng(seed).poisson(expected).astype(np.float32))


def quietly(pattern: Pattern, **settings: Any) -> sayre.Phased:
    """Phase retrieval without warnings of what is shown here on purpose."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SayreWarning)
        return sayre.phase(pattern, **{"seed": 0, "refine": "none", "device": "cpu"} | settings)


@cache
def descents() -> Descent:
    """What each of three algorithms makes of the same starts, each with shrink-wrap."""
    one = crystal(2.0, 5)
    pattern = counted(np.abs(one.amplitude) ** 2, 1)
    residuals, right, iterations = {}, {}, np.zeros(0, np.intp)
    for name in ALGORITHMS:
        found = quietly(pattern, runs=STARTS, recipe=HIO.replace("HIO", name))
        histories = [np.array(run.history) for run in found.runs]
        iterations = histories[0][:, 0].astype(np.intp)
        residuals[name] = np.array([history[:, 1] for history in histories])
        right[name] = np.array([correlation(align(run.object, one.object), one.object) for run in found.runs])
    return Descent(iterations, residuals, right)


class Judged(NamedTuple):
    """The better half of the starts: how they agree, with each other and their mean with the truth."""

    agreement: float
    right: float
    free_likelihood: float
    prtf: ShellCurve
    halves: ShellCurve
    truth: ShellCurve


def blurred(blur: float) -> Pattern:
    """Counts of the crystal under a Gaussian point spread of a standard deviation in voxels."""
    expected = np.abs(crystal(2.0, 5).amplitude) ** 2
    return counted(gaussian_filter(expected, blur) if blur else expected, 1)


@cache
def with_and_without() -> dict[str, tuple[sayre.Phased, float]]:
    """Results for blurred counts by effects that are fitted, and their correlation with the truth."""
    one = crystal(2.0, 5)
    found = {
        effects: quietly(blurred(BLUR), runs=STARTS, recipe=HIO, refine=effects)
        for effects in ("none", "spread")
    }
    return {
        effects: (one_of, correlation(align(one_of.object, one.object), one.object))
        for effects, one_of in found.items()
    }


@cache
def judged(blur: float) -> Judged:
    """Phase a crystal whose counts are blurred, without a model of the blur, and judge the better starts."""
    one = crystal(2.0, 5)
    found = quietly(blurred(blur), runs=STARTS, recipe=HIO)
    best = sorted(found.runs, key=lambda run: run.free_likelihood)[: STARTS // 2]
    objects = aligned(run.object for run in best)
    first, second = (np.mean(objects[start::2], axis=0).astype(np.complex64) for start in (0, 1))
    result = align(np.mean(objects, axis=0).astype(np.complex64), one.object)
    share = float(best[0].support.mean())
    return Judged(
        agreement=float(np.median([correlation(obj, objects[0]) for obj in objects[1:]])),
        right=correlation(result, one.object),
        free_likelihood=best[0].free_likelihood,
        prtf=prtf(objects, found.pattern),
        halves=fsc(first, align(second, first), support_fraction=share),
        truth=fsc(result, one.object, support_fraction=share),
    )


def draw(folder: Path) -> None:
    """Draw both figures."""
    with matplotlib.rc_context(STYLE):
        save(_symmetries(crystal(4.0, 3).object), folder, "symmetries")
        save(_judgement(), folder, "judgement")


def _symmetries(obj: Objects) -> Any:
    drawn = figure(5.3)
    same = alike(obj)
    panels = drawn.subplots(3, len(same))
    middle = slice(SIDE // 4, 3 * SIDE // 4)
    box = (middle, middle)
    top = float(np.abs(obj).max())
    shown: list[Any] = []
    for column, (name, one) in zip(panels.T, same.items(), strict=True):
        column[0].set_title(name)
        angle = np.where(np.abs(one) > 0.3 * top, np.angle(one), np.nan)[box]
        counts = np.log10(1 + np.abs(to_detector(one)) ** 2)
        shown = [
            column[0].imshow(np.abs(one)[box] / top, cmap="gray", vmin=0, vmax=1),
            column[1].imshow(angle, cmap="twilight", vmin=-np.pi, vmax=np.pi, interpolation="nearest"),
            column[2].imshow(counts, cmap="magma", vmin=0, vmax=7),
        ]
        for panel in column:
            plain(panel)
            panel.set_facecolor(EMPTY)
    for row, image, name in zip(
        panels, shown, ("amplitude", "phase (rad)", "log₁₀ (1 + counts)"), strict=True
    ):
        row[0].set_ylabel(name)
        drawn.colorbar(image, ax=row)
    return drawn


def _judgement() -> Any:
    drawn = figure(6.0)
    above, below = drawn.subplots(2, 2)
    found = descents()
    for name, colour in zip(ALGORITHMS, COLOURS[1:], strict=False):
        for number, history in enumerate(found.residuals[name]):
            label = name if number == 0 else None
            above[0].semilogy(found.iterations, history, color=colour, lw=0.8, alpha=0.8, label=label)
        above[1].plot(
            found.residuals[name][:, -1], found.right[name], "o", ms=5, color=colour, alpha=0.7, label=name
        )
    simple_ticks(above[0].yaxis, (0.01, 0.02, 0.05, 0.1, 0.2))
    above[0].set_xlabel("iteration")
    above[0].set_ylabel("residual R")
    above[0].set_title(f"{STARTS} starts of each algorithm")
    above[0].legend(loc="upper right", fontsize=9)
    above[1].set_xscale("log")
    simple_ticks(above[1].xaxis, (0.01, 0.02, 0.03, 0.05, 0.1))
    above[1].set_xlabel("R at the end")
    above[1].set_ylabel("correlation with the truth")
    above[1].set_title("does R tell what is right?")
    above[1].legend(loc="lower left", fontsize=9)
    for panel, blur in zip(below, (0.0, BLUR), strict=True):
        curves = judged(blur)
        for curve, name, colour in (
            (curves.prtf, "PRTF of the starts", COLOURS[1]),
            (curves.halves, "FSC of two halves", COLOURS[2]),
            (curves.truth, "FSC with the truth", COLOURS[0]),
        ):
            panel.plot(curve.q, curve.value, color=colour, label=name)
        panel.plot(curves.prtf.q, curves.prtf.threshold, ":", color=COLOURS[1], lw=1, label="1/e")
        panel.set_ylim(0, 1.05)
        panel.set_xlabel("|q| (rad per voxel of the object)")
        panel.set_title("coherent beam" if not blur else f"point spread of {blur:g} voxels, not modelled")
    below[0].legend(loc="lower left", fontsize=9)
    return drawn
