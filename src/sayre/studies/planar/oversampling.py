"""Figure 4.7: accuracy against the oversampling ratio."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from torch import nn

from sayre.figures.studies.planar import Curve, curves_figure
from sayre.numerics.progress import Advance
from sayre.simulation.planar import PlanarParticle, draw_particle, expected_counts
from sayre.studies.planar.band import Bands
from sayre.studies.planar.judged import TEST_SEED, Floats, Scores, correlations
from sayre.studies.planar.scale import Scale, scale_of
from sayre.studies.planar.sweep import sweep
from sayre.studies.planar.trained import trained
from sayre.studies.study import StudyResult, StudySettings, Table

NAMES = ("unet", "modified")
COLUMNS = ("oversampling", "particle", "method", "pearson", "pearson_expected", "pearson_same_q")
MOST = 1e7
"""Expected counts of the brightest pixel at the smallest ratio; they fall as the area of a pixel does."""
TITLES = ("the whole array", "the same part of q")


def make(settings: StudySettings, advance: Advance) -> StudyResult:
    """Sample the patterns of particles ever more finely, and fill a vertical gap at every place.

    Parameters
    ----------
    settings
        The quick form has fewer ratios and a narrow network.
    advance
        Called with the fraction done.
    """
    scale = scale_of(settings)
    gap = scale.gaps[0]
    trainings = [scale.training(name, gap=gap, seed=scale.seeds[0]) for name in NAMES]
    _, found = trained(settings, trainings, advance, 0.5, lambda: None)
    networks = {str(one.config.network): one.network for one in found if one.network is not None}
    rows: list[tuple[Any, ...]] = []
    for number in range(scale.particles):
        generator = np.random.default_rng((settings.seed, 3 * TEST_SEED, number))
        finer = _finer_and_finer(draw_particle(scale.population, generator), scale, generator)
        for name, scores in _scores(finer, gap, networks).items():
            rows += [(ratio, number, name, *row) for ratio, row in zip(finer.ratios, scores.T, strict=True)]
        advance(0.5 + 0.5 * (number + 1) / scale.particles)
    table = Table(COLUMNS, rows)
    figure = curves_figure(_panels(table), x="oversampling ratio", titles=TITLES)
    return StudyResult(tables={"": table}, figures={"": figure}, summary=_summary(table))


class Finer(NamedTuple):
    """Patterns of one particle, and pixels on either side of the centre that show the same part of q."""

    ratios: list[float]
    counts: Floats
    expected: Floats
    halves: list[int]


def _finer_and_finer(particle: PlanarParticle, scale: Scale, generator: np.random.Generator) -> Finer:
    """Sample the pattern of a particle ever more finely, in the same beam."""
    side, (least, most) = scale.population.side, scale.population.oversampling
    made = [
        expected_counts(particle, float(ratio), side=side, max_counts=MOST * (least / float(ratio)) ** 2)
        for ratio in np.linspace(least, most, scale.swept)
    ]
    expected = np.stack([image for image, _ in made])
    ratios = [ratio for _, ratio in made]
    halves = [round(side / 2 * ratio / most) for ratio in ratios]
    return Finer(ratios, generator.poisson(expected).astype(np.float32), expected, halves)


def _scores(finer: Finer, gap: int, networks: Mapping[str, nn.Module]) -> dict[str, Scores]:
    """Return the correlations of each method, averaged over the places of the gap, float64 `(3, ratios)`."""
    gathered: dict[str, list[Scores]] = {}
    logarithms, noise_free = np.log1p(finer.counts), np.log1p(finer.expected)
    centre = finer.counts.shape[-1] // 2
    oversampling = np.array(finer.ratios)
    bands = Bands(finer.expected, oversampling)
    for start, judged, filled in sweep(finer.counts, finer.expected, oversampling, gap, networks):
        columns = slice(start, start + gap)
        middle = [
            np.s_[centre - half : centre + half, columns]
            if centre - half <= start <= centre + half - gap
            else None
            for half in finer.halves
        ]
        near = {name: np.full(len(middle), np.nan) for name in (*filled, "band")}
        for index, where in enumerate(middle):
            if where is not None:
                right, free = logarithms[index][where].ravel(), noise_free[index][where].ravel()
                for name, values in filled.items():
                    near[name][index] = correlations(*_doubles(values[index][where].ravel(), right))
                best = bands.limits[index].pearson(where, gap)
                near["band"][index] = best * correlations(*_doubles(free, right))
        for name, values in filled.items():
            got, *others = (
                image[:, :, columns].reshape(len(values), -1) for image in (values, logarithms, noise_free)
            )
            whole = [correlations(*_doubles(got, other)) for other in others]
            gathered.setdefault(name, []).append(np.stack([*whole, near[name]]))
        band = bands.judge(judged, filled["linear"], gap)
        gathered.setdefault("band", []).append(np.stack([band.pearson, band.pearson_expected, near["band"]]))
    return {name: np.nanmean(scores, axis=0) for name, scores in gathered.items()}


def _doubles(*arrays: Floats) -> list[Scores]:
    return [array.astype(np.float64) for array in arrays]


def _panels(table: Table) -> list[list[Curve]]:
    """Return the curves of the whole array and of the same part of q, averaged over the particles."""
    panels: list[list[Curve]] = [[], []]
    for name in (*NAMES, "linear", "expectation", "band"):
        rows = [row for row in table.records if row["method"] == name]
        if not rows:
            continue
        x = sorted({row["oversampling"] for row in rows})
        for panel, column in zip(panels, ("pearson", "pearson_same_q"), strict=True):
            values = [[row[column] for row in rows if row["oversampling"] == ratio] for ratio in x]
            mean, low, high = ([float(pick(each)) for each in values] for pick in (np.mean, min, max))
            panel.append(Curve(name, x, mean, low, high))
    return panels


def _summary(table: Table) -> str:
    """Compare the lowest quarter of the ratios with the highest."""
    ratios = np.array([row["oversampling"] for row in table.records])
    low, high = np.quantile(ratios, [0.25, 0.75])
    lines = []
    for name in (*NAMES, "linear", "expectation", "band"):
        rows = [row for row in table.records if row["method"] == name]
        ends = [
            [row["pearson"] for row in rows if row["oversampling"] <= low],
            [row["pearson"] for row in rows if row["oversampling"] >= high],
        ]
        if rows:
            lines.append(
                f"{name} {np.mean(ends[0]):.3f} below {low:.1f}, {np.mean(ends[1]):.3f} above {high:.1f}"
            )
    return "; ".join(lines)
