"""Figure 4.4: the U-Net trained with different losses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sayre.filling.planar import fill_planar
from sayre.numerics.progress import Advance
from sayre.studies.intervals import mean_with_interval, verdict
from sayre.studies.planar.judged import Floats, Judgement
from sayre.studies.planar.networks import CLAIMS, COLUMNS, GAPS, cases_of, example_of, row_of, warn_of_failure
from sayre.studies.planar.scale import Scale, of_the_losses, scale_of
from sayre.studies.planar.trained import trained
from sayre.studies.study import StudyResult, StudySettings, Table

TITLES = {"mse": "MSE", "mae": "MAE", "ssim": "SSIM", "combined": "MSE + SSIM + gradients"}
PAIRS = (("ssim", "mae"), ("ssim", "mse"), ("mse", "mae"), ("combined", "ssim"))
"""Losses of which the thesis holds the first for better."""


def make(settings: StudySettings, advance: Advance) -> StudyResult:
    """Train the U-Net with each loss and compare.

    Parameters
    ----------
    settings
        The quick form trains a narrow network on small patterns.
    advance
        Called with the fraction done.
    """
    scale = scale_of(settings)
    cases, found = trained(
        settings,
        of_the_losses(scale),
        advance,
        0.9,
        lambda: cases_of(scale, settings.seed, scale.gaps[:1]),
    )
    rows: list[tuple[Any, ...]] = []
    scores: dict[tuple[str, str], Judgement] = {}
    shown: dict[str, Floats] = {}
    missing = []
    for config, network in sorted(found, key=lambda one: list(TITLES).index(one.config.loss)):
        if network is None:
            missing.append(config.loss)
            continue
        for case in cases:
            filled = fill_planar(network, case.judged.counts, case.judged.masks)
            honest = fill_planar(network, case.judged.counts, case.judged.masks, whole_scale=False)
            score = scores[case.kind, config.loss] = case.judge(filled)
            warn_of_failure(config, case.kind, score)
            row = row_of(case, config.network, config.seed, score, case.judge(honest))
            rows.append((config.loss, *row))
            if case.kind == "cross":
                shown[TITLES[config.loss]] = filled
    for case in cases:
        rows.append((None, *row_of(case, "expectation", None, case.judge(case.filled["expectation"]))))
        rows.append((None, *row_of(case, "band", None, case.band)))
        if case.kind == "cross":
            shown["noise ceiling"] = case.filled["expectation"]
    advance(1.0)
    claims = Table(CLAIMS, _claims(scores, scale))
    summary = [
        f"{row['claim']} ({row['gap']}): {row['difference']:+.4f} "
        f"[{row['low']:+.4f}, {row['high']:+.4f}], {row['verdict']}"
        for row in claims.records
    ]
    if missing:
        summary.append(f"not trained: {', '.join(missing)}")
    example = next(case for case in cases if case.kind == "cross")
    return StudyResult(
        tables={"": Table(("loss", *COLUMNS), rows), "claims": claims},
        figures={"": example_of(example, shown)},
        summary="\n  ".join(summary),
    )


def _claims(scores: Mapping[tuple[str, str], Judgement], scale: Scale) -> list[tuple[Any, ...]]:
    """Compare the losses pattern by pattern."""
    rows = []
    for kind in GAPS:
        for better, worse in PAIRS:
            if {(kind, better), (kind, worse)} <= scores.keys():
                difference = scores[kind, better].pearson - scores[kind, worse].pearson
                mean, low, high = mean_with_interval(difference)
                claim = f"{TITLES[better]} above {TITLES[worse]}"
                rows.append((claim, scale.gaps[0], kind, 1, mean, low, high, verdict(low, high)))
    return rows
