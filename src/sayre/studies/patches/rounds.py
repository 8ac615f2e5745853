"""Rounds of training: an epoch of each width, after which the accuracy is measured and kept."""

from __future__ import annotations

import json
import time
import warnings
from typing import Any, NamedTuple

from sayre.errors import SayreWarning
from sayre.files.atomic import replacing
from sayre.numerics.progress import Advance
from sayre.studies.patches.judged import Windows, accuracy
from sayre.studies.patches.training import BATCH, STEPS, Form, folder_of, run_of
from sayre.studies.study import StudySettings
from sayre.training.folder import CHECKPOINT, read_checkpoint
from sayre.workflows.training.train_inpaint import train_inpaint

LOG = "accuracy.json"


class Point(NamedTuple):
    """The accuracy of a network after some training.

    Attributes
    ----------
    steps, patches
        Seen so far.
    seconds
        That their training took.
    pearson
        Correlation of log counts in the gap, mean over the classes.
    """

    steps: int
    patches: int
    seconds: float
    pearson: float


def curve_of(settings: StudySettings, width: int) -> list[Point]:
    """Return what was measured of the network of a gap width, up to the last step that is kept.

    Parameters
    ----------
    settings
        Of the study.
    width
        Voxels across the gap.
    """
    try:
        rows: list[Any] = json.loads((folder_of(settings, width) / LOG).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [Point(*row) for row in rows]


def train_a_round(
    settings: StudySettings, form: Form, width: int, windows: Windows, advance: Advance
) -> None:
    """Train the network of a gap width for one more epoch, and measure its accuracy.

    Parameters
    ----------
    settings, form
        Of the study.
    width
        Voxels across the gap.
    windows
        That the accuracy is measured on.
    advance
        Called with the fraction done of the epoch.
    """
    folder = folder_of(settings, width)
    kept = folder / CHECKPOINT
    done = int(read_checkpoint(kept)["global_step"]) if kept.is_file() else 0
    limit = STEPS * BATCH // form.batch
    if done >= limit:
        return
    curve = [point for point in curve_of(settings, width) if point.steps <= done]
    run = run_of(form, width, min(done + form.epoch_steps, limit), settings)
    began = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SayreWarning)  # every round has more steps than the one before
        trained = train_inpaint(run, folder, resume=kept if done else None, force=not done, progress=advance)
    seconds = time.perf_counter() - began + (curve[-1].seconds if curve else 0.0)
    found = accuracy(trained.weights, windows, settings.device)
    curve.append(Point(run.steps, run.steps * form.batch, seconds, found))
    with replacing(folder / LOG, force=True) as file:
        file.write(json.dumps(curve).encode())
