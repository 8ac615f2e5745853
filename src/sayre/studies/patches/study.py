"""The published 3D patch network, trained as far as time allows, against its published accuracy."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from sayre.figures.studies.patches import accuracy_figure
from sayre.networks.patch import PatchNet
from sayre.networks.planar import parameters_of
from sayre.numerics.device import find_device
from sayre.numerics.progress import Advance, Part
from sayre.studies.patches.judged import windows_of
from sayre.studies.patches.rounds import Point, curve_of, train_a_round
from sayre.studies.patches.training import BATCH, STEPS, form_of, widths_of
from sayre.studies.spatial.intensity import PUBLISHED
from sayre.studies.study import StudyResult, StudySettings, Table
from sayre.training.filling.losses import published_loss

PARAMETERS = 2_771_309
COLUMNS = (
    "gap_width",
    "steps",
    "patches",
    "share_of_published",
    "pearson",
    "linear",
    "published",
    "exponent",
    "patches_to_published",
    "step_seconds",
    "hours_left",
)
CURVE = ("gap_width", *Point._fields, "linear", "published")
LEARNT, FEWEST, SPAN = 0.5, 4, 4
"""Correlation above which a power law is fitted, points that it needs, and the factor they span."""


class PowerLaw(NamedTuple):
    """1 − r against the patches seen: `factor * patches ** exponent`."""

    factor: float
    exponent: float

    def patches(self, pearson: float) -> float:
        """Return the patches after which a correlation would be reached, were the law to hold so far.

        Parameters
        ----------
        pearson
            The correlation.
        """
        return float(np.exp(np.log((1 - pearson) / self.factor) / self.exponent))


def make(settings: StudySettings, advance: Advance) -> StudyResult:
    """Train a network for each gap width, an epoch of each in turn, and measure the accuracy as published.

    Parameters
    ----------
    settings
        The quick form trains one network in small steps, for a moment or as long as `until` tells.
    advance
        Called with the fraction done.
    """
    form, widths = form_of(settings), widths_of(settings)
    windows = {width: windows_of(settings, width) for width in widths}
    linear = {width: windows[width].linear for width in widths}
    finished = STEPS * BATCH // form.batch
    rounds = 1 if settings.quick and settings.until is None else -(-finished // form.epoch_steps)
    for number in range(rounds):
        for width in widths:
            if settings.out_of_time:
                break
            done = (number + widths.index(width) / len(widths)) / rounds
            train_a_round(
                settings, form, width, windows[width], Part(advance, 0.9 * done, 0.9 * (done + 1 / rounds))
            )
        trained = [curve_of(settings, width) for width in widths]
        if settings.out_of_time or all(curve and curve[-1].steps >= finished for curve in trained):
            break
    seconds = seconds_of_a_step(settings)
    advance(1.0)
    curves = {width: curve_of(settings, width) for width in widths}
    laws = {width: fitted(curve) for width, curve in curves.items()}
    table = Table(
        COLUMNS, [_row(w, curves[w], linear[w], laws[w], seconds, form.batch) for w in widths if curves[w]]
    )
    points = [(width, *point, linear[width], PUBLISHED[width]) for width in widths for point in curves[width]]
    return StudyResult(
        tables={"": table, "curve": Table(CURVE, points)},
        figures={"": accuracy_figure(curves, linear, PUBLISHED, laws, patches=STEPS * BATCH)},
        summary=_summary(table),
    )


def fitted(curve: Sequence[Point]) -> PowerLaw | None:
    """Fit a power law to the points of a network that has learnt something; None where they tell of none.

    Parameters
    ----------
    curve
        Accuracies after more and more training.
    """
    last = [p for p in curve if LEARNT < p.pearson < 1]
    if len(last) < FEWEST or last[-1].patches < SPAN * last[0].patches:
        return None
    x, y = (np.log([p.patches for p in last]), np.log([1 - p.pearson for p in last]))
    exponent, offset = np.polyfit(x, y, 1)
    return PowerLaw(float(np.exp(offset)), float(exponent)) if exponent < 0 else None


def seconds_of_a_step(settings: StudySettings) -> float:
    """Return the time of a training step of the published batch: on a processor that of all its threads.

    Parameters
    ----------
    settings
        Of the study; the quick form does one step, the full one the fastest of three.
    """
    device = find_device(settings.device)
    network = PatchNet().to(device)
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3, weight_decay=0.0)
    logs = torch.rand(BATCH, 32, 32, 32, device=device)
    gap = torch.zeros_like(logs)
    gap[:, 13:19] = 1
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    times = []
    for _ in range(1 if settings.quick else 4):
        began = clock()
        optimiser.zero_grad()
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            filled, _ = network(logs, gap, gap)
        published_loss(filled, logs, gap).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        if device.type == "cuda":
            torch.cuda.synchronize()
        times.append(clock() - began)
    return min(times)


def _row(
    width: int, curve: Sequence[Point], linear: float, law: PowerLaw | None, seconds: float, batch: int
) -> tuple[Any, ...]:
    """Say how far a network is, what it reached, and what the rest would cost."""
    last, whole = curve[-1], STEPS * BATCH
    share = last.patches / whole
    reached = None if law is None else law.patches(PUBLISHED[width])
    exponent = None if law is None else law.exponent
    hours = STEPS * (1 - share) * seconds / 3600
    return (
        width,
        last.patches // batch,
        last.patches,
        share,
        last.pearson,
        linear,
        PUBLISHED[width],
        exponent,
        reached,
        seconds,
        hours,
    )


def _summary(table: Table) -> str:
    with torch.device("meta"):
        parameters = parameters_of(PatchNet())
    lines = [f"{parameters:,} parameters, published {PARAMETERS:,}"]
    for row in table.records:
        law = row["patches_to_published"]
        reached = (
            "no power law yet" if law is None else f"published accuracy after {law:.2g} patches by power law"
        )
        lines.append(
            f"gap of {row['gap_width']}: r {row['pearson']:.4f} after {row['patches']} patches "
            f"({row['share_of_published']:.2%} of the published training), linear {row['linear']:.4f}, "
            f"published {row['published']}; {row['hours_left']:.0f} h left at {row['step_seconds']:.2g} s a "
            f"step; {reached}"
        )
    return "\n  ".join(lines)
