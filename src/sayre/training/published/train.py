"""Training of the published network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from sayre.networks.published import REDUCTION, PublishedNet
from sayre.retrieval.learned.phase_features import Complexes, Floats, first_voxel, scaled, target, window
from sayre.training.crystals import CrystalModule, CrystalTraining
from sayre.training.published.losses import coherent_average, wca_loss

ADAM = (0.9, 0.999)
"""Decay of the moments, the defaults of Keras."""


class AmplitudeSample(NamedTuple):
    """Photon counts of a crystal and the amplitude behind them, of one shape.

    Attributes
    ----------
    counts
        Photon counts, float32.
    amplitude
        Scattered amplitude, complex64.
    """

    counts: Floats
    amplitude: Complexes


AmplitudeSource = Callable[[np.random.Generator], AmplitudeSample]
"""A function that draws a crystal with its amplitude."""


class PublishedTraining(CrystalTraining):
    """How the published network is trained; the defaults are the published ones where they are known.

    These are Adam at a constant rate of 1e-4, batches of 16, and 60 epochs. The size of an epoch depends on
    the authors' data set; here it is `epoch_steps` batches of new crystals. Unlike in theirs, gradients are
    clipped at norm 1, and the layers are computed in bfloat16 unless `precision` is another.

    Attributes
    ----------
    side
        Voxels along each axis.
    width
        Factor on the filters of each layer.
    """

    kind: ClassVar[str] = "published"

    side: int = Field(64, ge=REDUCTION, multiple_of=REDUCTION)
    width: float = Field(1.0, gt=0, le=4)
    optimizer: Literal["muon", "adamw"] = "adamw"
    batch: int = Field(16, ge=1)
    steps: int = Field(30_000, ge=1)
    adam_rate: float = Field(1e-4, gt=0)
    warm_up: int = Field(0, ge=0)
    decay: float = Field(0.0, ge=0, le=1)
    weight_decay: float = Field(0.0, ge=0)
    average: float = Field(0.0, ge=0, lt=1)

    def pair(self, drawn: AmplitudeSample) -> tuple[Floats, Floats]:
        """Return input and right output of the network for a crystal."""
        return training_pair(drawn, self.side)

    def module(self, validation: Sequence[tuple[Tensor, Tensor]]) -> PublishedModule:
        """Make the network with its loss."""
        return PublishedModule(self, PublishedNet(**self.options), validation)

    @property
    def options(self) -> dict[str, Any]:
        """Options of the network's constructor."""
        return {"dimensions": self.dimensions, "width": self.width}


class PublishedModule(CrystalModule):
    """The published network with its loss and scores."""

    def loss(self, predicted: Tensor, truth: Tensor, inputs: Tensor) -> Tensor:
        """Compute the loss of a batch, see `wca_loss`.

        Parameters
        ----------
        predicted, truth, inputs
            As in `CrystalModule.loss`.
        """
        return wca_loss(predicted, truth, inputs)

    def scores(self, predicted: Tensor, truth: Tensor, inputs: Tensor) -> dict[str, Tensor]:
        """Compute the coherent average of the predicted phase, and that of a phase of 0 everywhere.

        Parameters
        ----------
        predicted, truth, inputs
            As in `CrystalModule.loss`.
        """
        phases = {"wca": predicted, "wca_zero": torch.zeros_like(predicted)}
        return {name: coherent_average(phase, truth, inputs).mean() for name, phase in phases.items()}

    def configure_optimizers(self) -> Any:
        """Return optimiser and schedule, with the moments of Keras for Adam."""
        made = super().configure_optimizers()
        if self.config.optimizer == "adamw":
            for group in made["optimizer"].param_groups:
                group["betas"] = ADAM
        return made


def training_pair(drawn: AmplitudeSample, side: int) -> tuple[Floats, Floats]:
    """Compute the input and the right output of the published network for a crystal.

    Parameters
    ----------
    drawn
        The crystal.
    side
        Voxels along each axis.

    Returns
    -------
    counts
        Scaled counts around the peak, float32 `(side, …)`.
    phase
        Phase of the amplitude, float32 `(side, …)`, rad.
    """
    first, shape = first_voxel(drawn.counts, side), (side,) * drawn.counts.ndim
    counts = scaled(window(drawn.counts, first, shape))
    return counts, target(window(drawn.amplitude, first, shape))
