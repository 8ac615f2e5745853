"""Figure 4.3: the five steps of simulating a 2D pattern, and whether each does what it should."""

from __future__ import annotations

import numpy as np

from sayre.data import Pattern
from sayre.figures.studies.simulation_2d import simulation_figure
from sayre.numerics.progress import Advance
from sayre.retrieval.sampling import sampling
from sayre.simulation.planar import (
    PlanarPopulation,
    draw_particle,
    draw_patterns,
    expected_counts,
    gap_mask,
)
from sayre.studies.study import StudyResult, StudySettings, Table

COLUMNS = ("pattern", "oversampling", "oversampling_from_counts", "max_counts", "noise_variance_over_mean")
WIDTH = 6
BRIGHT = 20.0
"""Expected counts from which on the variance of the noise is measured."""


def make(settings: StudySettings, advance: Advance) -> StudyResult:
    """Draw patterns, measure their oversampling and their noise, and show the steps of one.

    Parameters
    ----------
    settings
        The quick form draws 20 patterns in place of 200.
    advance
        Called with the fraction done.
    """
    population = PlanarPopulation()
    count = 20 if settings.quick else 200
    drawn = draw_patterns(population, count, settings.seed, processes=1)
    rows = []
    for index in range(count):
        counts, expected = drawn.counts[index], drawn.expected[index]
        bright = expected > BRIGHT
        noise = float(np.mean((counts[bright] - expected[bright]) ** 2 / expected[bright]))
        measured = [axis.ratio for axis in sampling(Pattern.from_counts(counts))]
        known = [ratio for ratio in measured if ratio == ratio]
        rows.append(
            (
                index,
                float(drawn.oversampling[index]),
                min(known, default=float("nan")),
                float(drawn.max_counts[index]),
                noise,
            )
        )
        advance((index + 1) / count)
    generator = np.random.default_rng(settings.seed)
    particle = draw_particle(population, generator)
    expected, _ = expected_counts(particle, 3.0, side=population.side, max_counts=1e6)
    counts = generator.poisson(expected).astype(np.float32)
    mask = gap_mask(population.side, WIDTH, int(generator.integers(population.side - WIDTH)))
    table = Table(COLUMNS, rows)
    values = np.array(rows)
    ratio = np.nanmedian(values[:, 2] / values[:, 1])
    summary = (
        f"{count} patterns; oversampling from the counts over that drawn, median {ratio:.2f}; variance "
        f"of the noise over its mean {np.mean(values[:, 4]):.3f}"
    )
    figure = simulation_figure(particle, expected, counts, mask)
    return StudyResult(tables={"": table}, figures={"": figure}, summary=summary)
