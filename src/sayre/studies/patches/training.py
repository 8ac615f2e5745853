"""The published 3D patch network at its published settings, trained an epoch at a time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sayre.numerics.device import find_device
from sayre.simulation.peak import Population
from sayre.studies.study import StudySettings

if TYPE_CHECKING:
    from sayre.workflows.training.train_inpaint import InpaintRun

WIDTHS, QUICK_WIDTHS = (3, 6, 9, 12), (6,)
PATCH = "patch"
"""What tables and pictures call the published network, at the training it had."""
BATCH, PATCHES, EPOCHS = 32, 28_200, 100
"""Of the thesis: patches in a step, in an epoch, and epochs."""
STEPS = EPOCHS * -(-PATCHES // BATCH)
"""Of the published training."""


class Form(NamedTuple):
    """How much is trained.

    Attributes
    ----------
    batch, epoch_steps
        Patches in a step, and steps after which the accuracy is measured.
    size, uses
        Voxels along each axis of the simulated patterns, and patches cut from one.
    """

    batch: int
    epoch_steps: int
    size: int
    uses: int


FULL, QUICK = Form(BATCH, STEPS // EPOCHS, 128, 24), Form(4, 8, 64, 16)


def form_of(settings: StudySettings) -> Form:
    """Return the size of a study.

    Parameters
    ----------
    settings
        Of the study.
    """
    return QUICK if settings.quick else FULL


def widths_of(settings: StudySettings) -> tuple[int, ...]:
    """Return the gap widths that are trained: one in the quick form.

    Parameters
    ----------
    settings
        Of the study.
    """
    return QUICK_WIDTHS if settings.quick else WIDTHS


def folder_of(settings: StudySettings, width: int) -> Path:
    """Return the folder of the network for a gap width.

    Parameters
    ----------
    settings
        Of the study.
    width
        Voxels across the gap.
    """
    return settings.trained / f"patch-3d-{width}{'-quick' if settings.quick else ''}"


def weights_of(settings: StudySettings, width: int) -> Path | None:
    """Return the weights of the network for a gap width; None where it was not trained.

    Parameters
    ----------
    settings
        Of a study in the same folder.
    width
        Voxels across the gap.
    """
    folder = folder_of(settings, width)
    if not folder.is_dir():  # nor are the packages of training needed
        return None
    from sayre.training.folder import WEIGHTS

    path = folder / WEIGHTS
    return path if path.is_file() else None


def ways_of(settings: StudySettings, names: Sequence[str], width: int) -> dict[str, dict[str, Any]]:
    """Return settings of `sayre.inpaint` by method, with the published network where it was trained.

    Parameters
    ----------
    settings
        Of a study in the same folder.
    names
        Methods.
    width
        Voxels across the gap.
    """
    ways: dict[str, dict[str, Any]] = {name: {"method": name} for name in names}
    weights = weights_of(settings, width)
    if weights is not None:
        ways[PATCH] = {"method": "unet", "weights": str(weights)}
    return ways


def run_of(form: Form, width: int, steps: int, settings: StudySettings) -> InpaintRun:
    """Return the settings of a training: the published ones, but that patches are drawn anew.

    Parameters
    ----------
    form
        Size of the study.
    width
        Voxels across the gap.
    steps
        Steps of the whole run.
    settings
        Of the study.
    """
    from sayre.training.filling.samples import WindowRecipe
    from sayre.workflows.training.train_inpaint import InpaintRun

    on_gpu = find_device(settings.device).type == "cuda"
    return InpaintRun.model_validate(
        {
            "network": "patch",
            "seed": settings.seed,
            "batch": form.batch,
            "steps": steps,
            "epoch_steps": form.epoch_steps,
            "optimizer": "adamw",  # without weight decay it is Adam
            "adam_rate": 1e-3,
            "weight_decay": 0.0,
            "schedule": "plateau",
            "average": 0.0,
            "warm_up": 0,
            "workers": 4 if on_gpu else 0,
            "devices": 1,
            "precision": "auto" if on_gpu else "32-true",
            "uses": form.uses,
            "validation_patterns": 1,
            "windows": WindowRecipe(
                baseline="linear",
                shape=(32, 32, 32),
                widths=(width, width),
                target="counts",
                noise_free=0,
                background=0,
                gains=0,
                frames=0,
                cross=0.2,
                beamstop=0,
                isolated=0,
                border=0,
                dead=0,
            ),
            "population": Population(size=form.size, oversampling=(2.0, 5.0), phase_range=(0.0, 1.0)),
        }
    )
