"""Figure 4.17: accuracy against the oversampling ratio, at the same extent in q."""

from __future__ import annotations

from typing import Any

import numpy as np

from sayre.figures.studies.spatial import lines_figure
from sayre.filling.cuts import cut_gap
from sayre.filling.fill import inpaint
from sayre.numerics.limit import BandLimit
from sayre.numerics.metrics import log_error, pearson
from sayre.numerics.progress import Advance
from sayre.simulation.particles import shapes
from sayre.simulation.scattering import scatter
from sayre.studies.patches.training import ways_of
from sayre.studies.spatial.patterns import ATOMS, MAX_COUNTS, pattern_of
from sayre.studies.study import StudyResult, StudySettings, Table

COLUMNS = ("oversampling", "side", "gap_width", "method", "gaps", "pearson", "pearson_expected", "log_error")
AXIS = 2


def make(settings: StudySettings, advance: Advance) -> StudyResult:
    """Sweep a vertical gap over whole patterns of one particle, sampled in several ratios.

    Every part of the pattern is filled once, and the correlation is that of the whole pattern put together
    of its fillings. The pattern shows the same part of reciprocal space at every ratio, in the same beam.

    Parameters
    ----------
    settings
        The quick form has fewer voxels, ratios and widths, and no network but the published one, where it was
        trained.
    advance
        Called with the fraction done.
    """
    ratios, widths, largest = (
        ((2, 3, 4), (3, 6), 32) if settings.quick else (tuple(range(2, 8)), (3, 6, 9, 12), 128)
    )
    methods = ("linear", "wiener") if settings.quick else ("linear", "wiener", "unet")
    generator = np.random.default_rng(settings.seed)
    particle = shapes.build("winterbottom", ATOMS, element="Au", generator=generator)
    g = scatter.reflection(particle, (1, 1, 1))
    rows: list[tuple[Any, ...]] = []
    for number, ratio in enumerate(ratios):
        side = 2 * round(largest * ratio / max(ratios) / 2)
        steps = scatter.q_steps(particle, (float(ratio),) * 3, np.eye(3))
        field = scatter.scatter(particle, g, steps, (side,) * 3)
        expected = (np.abs(field) ** 2).astype(np.float32)
        # A voxel is (min(ratios) / ratio)³ as large as the coarsest, and counts accordingly.
        expected *= np.float32(MAX_COUNTS * (min(ratios) / ratio) ** 3 / expected.max())
        counts = generator.poisson(expected).astype(np.float32)
        limit = BandLimit(expected, ratio)
        pattern = pattern_of(counts)
        for place, width in enumerate(widths):
            starts = range(1, side - width, width)
            ways = ways_of(settings, methods, width)
            whole = {name: counts.copy() for name in ways}
            seen = np.zeros(counts.shape, bool)
            for start in starts:
                gapped, known = cut_gap(pattern, AXIS, start, width)
                seen |= known
                for name, told in ways.items():
                    filled = inpaint(gapped, gain=1.0, device=settings.device, **told)
                    whole[name][known] = filled.intensity[known]
                done = (place + (start + width) / side) / len(widths)
                advance((number + min(done, 1.0)) / len(ratios))
            for name, values in {**whole, "expectation": expected}.items():
                rows.append(
                    (
                        ratio,
                        side,
                        width,
                        name,
                        len(starts),
                        pearson(values[seen], counts[seen]),
                        pearson(values[seen], expected[seen]),
                        log_error(values[seen], expected[seen]),
                    )
                )
            best = limit.pearson(seen, width)
            ceiling = pearson(expected[seen], counts[seen])
            rows.append(
                (ratio, side, width, "band", len(starts), best * ceiling, best, limit.log_error(seen, width))
            )
    advance(1.0)
    table = Table(COLUMNS, rows)
    panels = {
        f"gap of {width}": {
            name: (
                [r["oversampling"] for r in table.records if (r["gap_width"], r["method"]) == (width, name)],
                [r["pearson"] for r in table.records if (r["gap_width"], r["method"]) == (width, name)],
            )
            for name in dict.fromkeys(r["method"] for r in table.records if r["gap_width"] == width)
        }
        for width in widths
    }
    return StudyResult(
        tables={"": table},
        figures={"": lines_figure(panels, x="oversampling ratio σ", y="correlation in the gap")},
        summary=_summary(table),
    )


def _summary(table: Table) -> str:
    """Compare the smallest and the largest ratio."""
    records, lines = table.records, []
    low, high = (pick(row["oversampling"] for row in records) for pick in (min, max))
    for width in dict.fromkeys(row["gap_width"] for row in records):
        for name in dict.fromkeys(row["method"] for row in records if row["gap_width"] == width):
            mine = {
                r["oversampling"]: r["pearson"]
                for r in records
                if (r["gap_width"], r["method"]) == (width, name)
            }
            lines.append(
                f"gap of {width}, {name}: {mine[low]:.4f} at σ = {low}, {mine[high]:.4f} at σ = {high}"
            )
    return "\n  ".join(lines)
