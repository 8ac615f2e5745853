"""Table 4.1 and Figure 4.5: three networks that fill gaps of 2D patterns, beside filling without training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from sayre.errors import warn
from sayre.figures.studies.planar import examples_figure, widths_figure
from sayre.filling.planar import fill_planar
from sayre.networks.planar import NETWORKS, PARAMETERS, parameters_of
from sayre.numerics.progress import Advance
from sayre.studies.intervals import mean_with_interval, verdict
from sayre.studies.planar.band import Bands
from sayre.studies.planar.judged import (
    Floats,
    Judged,
    Judgement,
    fill_classically,
    geometric_mean,
    judge,
    judged_patterns,
)
from sayre.studies.planar.scale import LABELS, NETWORKS_SHOWN, Scale, of_the_table, scale_of
from sayre.studies.planar.trained import trained
from sayre.studies.study import StudyResult, StudySettings, Table
from sayre.training.planar.train import PlanarTraining

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = (
    "gap_width",
    "gap",
    "method",
    "seed",
    "patterns",
    "pearson",
    "pearson_low",
    "pearson_high",
    "pearson_expected",
    "pearson_counts",
    "log_error_over_linear",
    "pearson_scaled_as_measured",
)
CLAIMS = ("claim", "gap_width", "gap", "seeds", "difference", "low", "high", "verdict")
GAPS = ("vertical", "cross")
NEAR = (1 / 14, 1 / 5)
FAILED = 4.0
"""Squared error over that of linear interpolation from which on a network is said to have learnt nothing."""
BRIGHT = 1e6
"""Distances from the centre, over the side, of the gaps of the pattern that is shown, and its least peak."""


class Case(NamedTuple):
    """Patterns with one kind of gap, what fills them without training, and what their band allows."""

    gap: int
    kind: str
    judged: Judged
    filled: Mapping[str, Floats]
    band: Judgement

    def judge(self, filled: Floats) -> Judgement:
        """Score filled patterns."""
        return judge(self.judged, filled, self.filled["linear"])


def make(settings: StudySettings, advance: Advance) -> StudyResult:
    """Train the networks and compare them.

    Parameters
    ----------
    settings
        The quick form trains narrow networks on small patterns.
    advance
        Called with the fraction done.
    """
    scale = scale_of(settings)
    trainings = of_the_table(scale)
    cases, found = trained(
        settings, trainings, advance, 0.9, lambda: cases_of(scale, settings.seed, scale.gaps)
    )
    scores: dict[tuple[int, str, str, int], Judgement] = {}
    rows: list[tuple[Any, ...]] = []
    shown: dict[str, Floats] = {}
    missing = []
    for config, network in found:
        if network is None:
            missing.append(config)
            continue
        for case in (case for case in cases if case.gap == config.gap):
            filled = fill_planar(network, case.judged.counts, case.judged.masks)
            honest = fill_planar(network, case.judged.counts, case.judged.masks, whole_scale=False)
            score = case.judge(filled)
            warn_of_failure(config, case.kind, score)
            scores[case.gap, case.kind, config.network, config.seed] = score
            rows.append(row_of(case, config.network, config.seed, score, case.judge(honest)))
            if (case.gap, case.kind, config.seed) == (scale.gaps[0], "cross", scale.seeds[0]):
                shown[config.network] = filled
    for case in cases:
        for name, filled in case.filled.items():
            rows.append(row_of(case, name, None, case.judge(filled)))
        rows.append(row_of(case, "band", None, case.band))
    rows.sort(key=lambda row: (row[0], row[1] != "vertical", list(LABELS).index(row[2]), row[3] or 0))
    advance(1.0)
    example = next(case for case in cases if (case.gap, case.kind) == (scale.gaps[0], "cross"))
    shown = {LABELS[name]: shown[name] for name in NETWORKS_SHOWN if name in shown}
    shown |= {LABELS[name]: example.filled[name] for name in ("wiener", "expectation")}
    table = Table(COLUMNS, rows)
    claims = Table(CLAIMS, [*_claims(scores, scale)])
    return StudyResult(
        tables={"": table, "parameters": _parameters(scale), "claims": claims},
        figures={
            "": widths_figure(table.records),
            "example": example_of(example, shown),
        },
        summary=_summary(claims, missing, settings.quick),
    )


def cases_of(scale: Scale, seed: int, gaps: Sequence[int]) -> list[Case]:
    """Draw the patterns of every gap, and fill them without training.

    Parameters
    ----------
    scale
        Size of the study.
    seed
        Seed of the study.
    gaps
        Pixels across the gaps.
    """
    kinds = [(gap, kind) for gap in gaps for kind in GAPS]
    every = [judged_patterns(scale, seed, gap, cross=kind == "cross") for gap, kind in kinds]
    logarithms = np.concatenate([judged.logarithms for judged in every])
    masks = np.concatenate([judged.masks for judged in every])
    filled = {
        name: np.split(fill_classically(name, logarithms, masks), len(every)) for name in ("linear", "wiener")
    }
    filled["expectation"] = [
        np.where(judged.masks, np.log1p(judged.expected), judged.logarithms) for judged in every
    ]
    bands = Bands(every[0].expected, every[0].oversampling)
    return [
        Case(
            *kind,
            judged,
            {name: parts[index] for name, parts in filled.items()},
            bands.judge(judged, filled["linear"][index], kind[0]),
        )
        for index, (kind, judged) in enumerate(zip(kinds, every, strict=True))
    ]


def row_of(
    case: Case, method: str, seed: int | None, score: Judgement, honest: Judgement | None = None
) -> tuple[Any, ...]:
    """Return a row of the table.

    Parameters
    ----------
    case
        The patterns.
    method
        What filled them.
    seed
        Of the training.
    score
        Of every pattern.
    honest
        Scores with patterns that are scaled by what was measured.
    """
    return (
        case.gap,
        case.kind,
        method,
        seed,
        int(np.isfinite(score.pearson).sum()),
        *mean_with_interval(score.pearson),
        float(np.nanmean(score.pearson_expected)),
        float(np.nanmean(score.pearson_counts)) if np.isfinite(score.pearson_counts).any() else None,
        geometric_mean(score.ratio),
        None if honest is None else float(np.nanmean(honest.pearson)),
    )


def example_of(case: Case, filled: Mapping[str, Floats]) -> Figure:
    """Draw one of the patterns: the truth, the gap, and what fills it.

    Parameters
    ----------
    case
        The patterns.
    filled
        All of them filled, by title.
    """
    index, judged = first_example(case.judged), case.judged
    mask, truth = judged.masks[index], judged.logarithms[index]
    images: dict[str, tuple[Floats, float | None]] = {
        "truth": (truth, None),
        f"gap, band limit {case.band.pearson[index]:.3f}": (np.where(mask, np.float32(np.nan), truth), None),
    }
    for title, values in filled.items():
        images[title] = (values[index], float(case.judge(values).pearson[index]))
    return examples_figure(images, mask, half=min(32, len(mask) // 2))


def warn_of_failure(config: PlanarTraining, kind: str, score: Judgement) -> None:
    """Warn of a network that learnt nothing: its values are constant, or far worse than interpolation.

    Parameters
    ----------
    config
        Its training.
    kind
        What the gaps are.
    score
        Of every pattern.
    """
    error = geometric_mean(score.ratio)
    if not error < FAILED:
        warn(
            f"{config.name}: its squared error in a {kind} gap is {error:.1f} times that of linear "
            "interpolation; the training failed, another rate or seed may do"
        )


def first_example(judged: Judged) -> int:
    """Return the first pattern of many counts with both arms of the cross near the peak, but not on it."""
    side = judged.counts.shape[-1]
    for index, (counts, mask) in enumerate(zip(judged.counts, judged.masks, strict=True)):
        arms = [np.flatnonzero(mask.all(axis=axis)) for axis in (0, 1)]
        distances = [abs(arm.mean() - side // 2) / side for arm in arms if len(arm)]
        if counts.max() > BRIGHT and all(NEAR[0] < distance < NEAR[1] for distance in distances):
            return index
    return 0


def _parameters(scale: Scale) -> Table:
    """Count the parameters of the networks of the thesis, and of those that were trained."""
    rows = []
    for name in NETWORKS_SHOWN:
        with torch.device("meta"):
            whole, trained = (parameters_of(NETWORKS[name](w)) for w in (1.0, scale.widths[name]))
        rows.append((name, whole, PARAMETERS[name], trained))
    return Table(("network", "parameters", "published", "trained"), rows)


def _claims(scores: Mapping[tuple[int, str, str, int], Judgement], scale: Scale) -> list[tuple[Any, ...]]:
    """Compare the networks pattern by pattern, averaged over the seeds that both were trained with."""
    rows = []
    pairs = (("modified", "unet"), ("unet", "msd"), ("modified", "msd"))
    for gap in sorted(scale.gaps):
        for kind in GAPS:
            for better, worse in pairs:
                seeds = [
                    seed
                    for seed in scale.seeds
                    if {(gap, kind, better, seed), (gap, kind, worse, seed)} <= scores.keys()
                ]
                if seeds:
                    differences = [
                        scores[gap, kind, better, seed].pearson - scores[gap, kind, worse, seed].pearson
                        for seed in seeds
                    ]
                    mean, low, high = mean_with_interval(np.mean(differences, axis=0))
                    claim = f"{LABELS[better]} above {LABELS[worse]}"
                    rows.append((claim, gap, kind, len(seeds), mean, low, high, verdict(low, high)))
    return rows


def _summary(claims: Table, missing: Sequence[PlanarTraining], quick: bool) -> str:
    """Say what was found."""
    records = claims.records
    lines = [
        f"{row['claim']} ({row['gap']} of {row['gap_width']}): {row['difference']:+.4f} "
        f"[{row['low']:+.4f}, {row['high']:+.4f}], {row['verdict']}"
        for row in records
    ]
    if quick:
        lines.insert(
            0, "reduced widths, small patterns and a short training, which tell nothing of the thesis"
        )
    if missing:
        lines.append(f"not trained: {', '.join(config.name.rpartition('-')[0] for config in missing)}")
    return "\n  ".join(lines)
