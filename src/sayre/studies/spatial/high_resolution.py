"""Section 4.8.1: large patterns that cross the gaps of a detector at high q, and their resolution."""

from __future__ import annotations

import time
import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sayre.crystal.analysis.edges import edge_widths
from sayre.crystal.resolution import fsc, prtf
from sayre.crystal.strain import wrapped_gradient
from sayre.data import AnyPattern, Pattern
from sayre.data.manifest import peak_memory_mib
from sayre.errors import SayreWarning
from sayre.figures.studies.high_resolution_3d import Curves, resolution_figure
from sayre.figures.studies.spatial import Column, slices_figure
from sayre.filling.fill import inpaint
from sayre.numerics.fourier import to_detector
from sayre.numerics.progress import Advance, Part
from sayre.retrieval.choice.align import align, correlation
from sayre.retrieval.choice.margin import resampled
from sayre.retrieval.phasing import phase
from sayre.retrieval.settings import Gaps
from sayre.studies.spatial.faceted import Faceted, faceted
from sayre.studies.spatial.patterns import cross, pattern_of
from sayre.studies.study import StudyResult, StudySettings, Table

COLUMNS = (
    "side",
    "gap_width",
    "gap",
    "fsc_truth",
    "fsc_halves",
    "prtf",
    "edge_width",
    "field_correlation_in_gap",
    "phase_gradient_rmse",
    "fill_cpu_seconds",
    "phase_cpu_seconds",
    "peak_memory_gib",
)
SIDES, QUICK_SIDES = (96, 128, 192, 256, 400), (96,)
WIDTH = 6
"""Voxels across each plane of the cross, whose first is a quarter of the array from the peak."""
MAX_COUNTS = 1e9
FIRST, STARTS = 48, 3
"""Voxels around the peak that random starts are made of, which no gap crosses, and their number."""
ENOUGH = 0.98
"""Complex correlation of two random starts from which on no more are made."""
RECIPE = "(RAAR*10 + SW)**3, ER*10"
"""Iterated each time that twice as much of the pattern is taken."""
AXIS = 1
"""Of the strain: across one of the planes of the gap."""
AROUND = 8
"""Voxels around the crystal that profiles across its surface reach."""


class Scene(NamedTuple):
    """A pattern of one size: the truth, all counts, two halves of the photons, the cross, a first object."""

    truth: Faceted
    counts: NDArray[np.float32]
    halves: tuple[NDArray[np.float32], NDArray[np.float32]]
    mask: NDArray[np.bool_]
    start: NDArray[np.complex64]


class Way(NamedTuple):
    """What is made of the cross, by name, with a method where it is filled."""

    name: str
    masked: bool = True
    gaps: Gaps = "bounded"
    method: str | None = None


WAYS = (
    Way("no gap", masked=False),
    Way("zeros", gaps="zero"),
    Way("free", gaps="free"),
    Way("wiener", method="wiener"),
)


def make(settings: StudySettings, advance: Advance) -> StudyResult:
    """Phase ever larger patterns with a cross at high q, and measure the resolution.

    A pattern is left out for which the time of `--minutes` would not do, as that of the one before tells.

    Parameters
    ----------
    settings
        The quick form makes the smallest pattern alone.
    advance
        Called with the fraction done.
    """
    rows: list[tuple[Any, ...]] = []
    curves: list[Curves] = []
    columns: list[Column] = []
    sides = QUICK_SIDES if settings.quick else SIDES
    work, took = np.cumsum(np.array(sides, float) ** 3), 0.0
    for number, side in enumerate(sides):
        began = time.monotonic()
        expected = took * (side / sides[max(number - 1, 0)]) ** 3
        if number and settings.until is not None and began + expected > settings.until:
            break
        before, after = (float(done / work[-1]) for done in (work[number] - side**3, work[number]))
        found, curves, columns = _size(side, settings, Part(advance, before, after))
        rows += found
        took = time.monotonic() - began
    advance(1.0)
    table = Table(COLUMNS, rows)
    return StudyResult(
        tables={"": table},
        figures={"": resolution_figure(curves), "slices": slices_figure(columns)},
        summary=_summary(table),
    )


def _size(
    side: int, settings: StudySettings, part: Advance
) -> tuple[list[tuple[Any, ...]], list[Curves], list[Column]]:
    """Phase the pattern of one size in every way."""
    scene = _scene(side, settings)
    rows, curves, columns = [], [], []
    for number, way in enumerate(WAYS):
        objects, seconds = [], np.zeros(2)
        for counts in scene.halves:
            began = time.process_time()
            pattern = _filled(_pattern(counts, scene.mask, way), way, settings)
            filled = time.process_time()
            found = _phased(pattern, way, scene.start, settings)
            seconds += filled - began, time.process_time() - filled
            objects.append(align(found, scene.truth.object))
        both = (objects[0] + objects[1]) / np.float32(np.sqrt(2))
        shells = (
            fsc(both, scene.truth.object, criterion="1/2"),
            fsc(*objects, criterion="1/7"),
            prtf([both], _pattern(scene.counts, scene.mask, way)),
        )
        resolutions = (shell.resolution for shell in shells)
        times = (float(value) / len(objects) for value in seconds)
        memory = (peak_memory_mib() or float("nan")) / 1024
        rows.append((side, WIDTH * way.masked, way.name, *resolutions, *_scores(both, scene), *times, memory))
        curves.append(Curves(way.name, shells))
        columns.append(_column(way, pattern, both, scene))
        part((number + 1) / len(WAYS), f"{side}³")
    return rows, curves, columns


def _scene(side: int, settings: StudySettings) -> Scene:
    generator = np.random.default_rng((settings.seed, side))
    truth = faceted(side, MAX_COUNTS, generator)
    photons = generator.poisson(np.abs(truth.field) ** 2)
    counts = photons.astype(np.float32)
    first = generator.binomial(photons, 0.5).astype(np.float32)
    mask = cross(counts.shape, WIDTH, side // 2 + side // 4)
    middle = pattern_of(_middle(counts, FIRST))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SayreWarning)
        found = phase(
            middle, runs=STARTS, enough=ENOUGH, seed=settings.seed, refine="none", device=settings.device
        )
    return Scene(truth, counts, (first, counts - first), mask, found.object)


def _pattern(counts: NDArray[np.float32], mask: NDArray[np.bool_], way: Way) -> Pattern:
    return pattern_of(counts, mask if way.masked else None)


def _filled(pattern: Pattern, way: Way, settings: StudySettings) -> AnyPattern:
    if way.method is None:
        return pattern
    return inpaint(pattern, method=way.method, gain=1.0, device=settings.device)


def _phased(
    pattern: AnyPattern, way: Way, start: NDArray[np.complex64], settings: StudySettings
) -> NDArray[np.complex64]:
    """Phase the middle of a pattern, and ever more of it, from what was found in less."""
    obj, side = start, pattern.shape[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SayreWarning)
        while len(obj) < side:
            size = 2 * len(obj) if 3 * len(obj) <= side else side
            box = slice(side // 2 - size // 2, side // 2 + size // 2)
            obj = phase(
                pattern.crop((box,) * 3),
                recipe=RECIPE,
                init=resampled(obj, (size,) * 3),
                runs=1,
                gaps=way.gaps,
                refine="none",
                seed=settings.seed,
                device=settings.device,
            ).object
    return obj


def _middle(values: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    box = slice(len(values) // 2 - size // 2, len(values) // 2 + size // 2)
    return values[box, box, box]


def _scores(obj: NDArray[np.complex64], scene: Scene) -> tuple[float, float, float]:
    """Return the width of the surface, the correlation of the field in the cross, the error of the strain."""
    support = scene.truth.support
    box = tuple(slice(max(int(at.min()) - AROUND, 0), int(at.max()) + AROUND) for at in np.nonzero(support))
    facets = [(str(number), normal) for number, normal in enumerate(scene.truth.normals)]
    edges = edge_widths(np.abs(obj[box]), support[box], np.eye(3), facets)
    width = np.average([edge.width for edge in edges], weights=[edge.profiles for edge in edges])
    found, true = to_detector(obj)[scene.mask], scene.truth.field[scene.mask]
    turned = obj[box] * scene.truth.object[box].conj()
    strain = wrapped_gradient(np.angle(turned), support[box], AXIS)
    return float(width), correlation(found, true), float(np.sqrt(np.nanmean(strain**2)))


def _column(way: Way, pattern: AnyPattern, obj: NDArray[np.complex64], scene: Scene) -> Column:
    """Return the middle planes; counts are those of a half, where they are free not given."""
    middle = len(obj) // 2
    plane = slice(middle, middle + 1)
    given = np.asarray(pattern.intensity[plane], np.float32)
    if way.gaps == "free":
        given = np.where(pattern.mask[plane], np.nan, given)
    return Column(
        title=way.name,
        counts=given,
        expected=np.abs(to_detector(obj)[plane]) ** 2 / 2,
        object=obj[plane],
        support=scene.truth.support[plane],
    )


def _summary(table: Table) -> str:
    return "\n  ".join(
        f"{row['side']}³, {row['gap']}: period of {row['fsc_truth']:.2f} voxels against the truth, "
        f"{row['fsc_halves']:.2f} between halves, surface {row['edge_width']:.2f} voxels, field in the cross "
        f"{row['field_correlation_in_gap']:.3f}, strain wrong by {row['phase_gradient_rmse']:.4f} rad "
        f"a voxel; {row['fill_cpu_seconds']:.0f} s to fill, {row['phase_cpu_seconds']:.0f} s to phase (CPU), "
        f"{row['peak_memory_gib']:.1f} GiB"
        for row in table.records
    )
